"""a journal keeps the scale that it is marked by"""

import sqlalchemy as sa
from alembic import op

revision = "5ca1e0fa0430"
down_revision = "5e0a1d5ea171"
branch_labels = None
depends_on = None

READ = ("journals", "groups", "subjects")
SCALES = (
    "'five_point', 'ten_point', 'twelve_point', 'hundred_point', 'passed_or_not', 'verbal', 'none'"
)


def upgrade() -> None:
    op.add_column("journals", sa.Column("mark_scale", sa.Text(), nullable=True))
    for table in READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        UPDATE journals j SET mark_scale = mark_scale_of(s.mark_scale, s.grade_scales, g.grade)
        FROM groups g, subjects s
        WHERE g.organization_id = j.organization_id AND g.id = j.group_id
          AND s.organization_id = j.organization_id AND s.id = j.subject_id
    """)
    for table in READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    # A school has some hundred journals a year: the constraints are there at once.
    op.execute(
        "-- squawk-ignore adding-not-nullable-field\n"
        "ALTER TABLE journals ALTER COLUMN mark_scale SET NOT NULL"
    )
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        f"ALTER TABLE journals ADD CONSTRAINT ck_journals_mark_scale CHECK (mark_scale IN ({SCALES}))"
    )
    # Whoever opens a journal, by whatever way, gives it the scale in force: the two rows are held, so
    # that a change of either is seen, or waits for the journal and then sees it.
    op.execute("""
        CREATE FUNCTION give_scale_to_journal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            SELECT mark_scale_of(s.mark_scale, s.grade_scales, g.grade) INTO NEW.mark_scale
            FROM subjects s
            JOIN groups g ON g.organization_id = NEW.organization_id AND g.id = NEW.group_id
            WHERE s.organization_id = NEW.organization_id AND s.id = NEW.subject_id
            FOR SHARE;
            RETURN NEW;
        END
        $$
    """)
    op.execute(
        "CREATE TRIGGER give_scale BEFORE INSERT ON journals"
        " FOR EACH ROW WHEN (NEW.mark_scale IS NULL) EXECUTE FUNCTION give_scale_to_journal()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER give_scale ON journals")
    op.execute("DROP FUNCTION give_scale_to_journal()")
    op.drop_column("journals", "mark_scale")
