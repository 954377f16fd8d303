"""the key of final marks of every kind, and their checked constraints"""

from alembic import op

revision = "f1a10000a002"
down_revision = "f1a10000a001"
branch_labels = None
depends_on = None

VALIDATED = (
    ("mark_changes", "ck_mark_changes_final_kind"),
    ("final_marks", "ck_final_marks_kind"),
    ("final_marks", "ck_final_marks_period"),
)
KEY = "uq_final_marks_place"
FORMER = """
DO $$ BEGIN
    -- Its name is as long as PostgreSQL let it be.
    EXECUTE (
        SELECT format('ALTER TABLE final_marks DROP CONSTRAINT %I', conname)
        FROM pg_constraint WHERE conrelid = 'final_marks'::regclass AND contype = 'u'
    );
END $$
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            KEY,
            "final_marks",
            ["organization_id", "journal_id", "student_id", "kind", "reporting_period_id"],
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_concurrently=True,
            if_not_exists=True,
        )
    # In a later transaction than the one that adds them: to read the table stops no writer so.
    for table, name in VALIDATED:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    op.execute(FORMER)


def downgrade() -> None:
    op.drop_index(KEY, "final_marks")
    op.create_unique_constraint(
        None,
        "final_marks",
        ["organization_id", "journal_id", "student_id", "reporting_period_id"],
    )
