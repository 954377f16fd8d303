"""final marks of every kind, closings, grading rules"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "f1a10000a001"
down_revision = "cca20dab5cc1"
branch_labels = None
depends_on = None

TABLES = ("closings", "grading_rules")
OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"
KINDS = "('period', 'year', 'exam', 'total')"

FUNCTION = """
CREATE FUNCTION journal_closed_on(
    closed_dates datemultirange, reopened_dates daterange, reopened_until timestamptz, day date,
    moment timestamptz
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Whether a day of a journal is closed to its teacher at a moment (Д.9): the final marks of its
    -- period are set, and no coordinator has opened it again until a later moment.
    SELECT closed_dates @> day AND (reopened_dates @> day AND moment < reopened_until) IS NOT TRUE
$$
"""


def upgrade() -> None:
    op.execute(FUNCTION)
    op.add_column("journals", sa.Column("reopened_dates", postgresql.DATERANGE(), nullable=True))
    op.add_column(
        "journals", sa.Column("reopened_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("mark_changes", sa.Column("final_kind", sa.Text(), nullable=True))
    op.execute(
        "ALTER TABLE mark_changes ADD CONSTRAINT ck_mark_changes_final_kind"
        f" CHECK (final_kind IN {KINDS}) NOT VALID"
    )
    op.add_column(
        "final_marks", sa.Column("kind", sa.Text(), server_default="period", nullable=False)
    )
    op.execute(
        "-- squawk-ignore ban-drop-not-null\n"
        "ALTER TABLE final_marks ALTER COLUMN reporting_period_id DROP NOT NULL"
    )
    op.execute(
        f"ALTER TABLE final_marks ADD CONSTRAINT ck_final_marks_kind CHECK (kind IN {KINDS})"
        " NOT VALID"
    )
    op.execute(
        "ALTER TABLE final_marks ADD CONSTRAINT ck_final_marks_period"
        " CHECK ((kind = 'period') = (reporting_period_id IS NOT NULL)) NOT VALID"
    )
    op.create_table(
        "closings",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reporting_period_id", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopened_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('period', 'year')", name=op.f("ck_closings_kind")),
        sa.CheckConstraint(
            "(kind = 'period') = (reporting_period_id IS NOT NULL)",
            name=op.f("ck_closings_period"),
        ),
        sa.CheckConstraint(
            "(reopened_until IS NULL) = (reason IS NULL)", name=op.f("ck_closings_reason")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_closings_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_closings_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "reporting_period_id"],
            ["reporting_periods.organization_id", "reporting_periods.id"],
            name=op.f("fk_closings_organization_id_reporting_period_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "reopened_by"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_closings_organization_id_reopened_by"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_closings")),
    )
    op.create_index(
        "uq_closings_place",
        "closings",
        ["organization_id", "journal_id", "kind", "reporting_period_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    for column in ("reporting_period_id", "reopened_by"):
        op.create_index(
            op.f(f"ix_closings_organization_id_{column}"), "closings", ["organization_id", column]
        )
    op.create_table(
        "grading_rules",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("average", sa.Text(), server_default="weighted", nullable=False),
        sa.Column("round_up_from", sa.Numeric(3, 2), server_default="0.5", nullable=False),
        sa.Column(
            "thresholds",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("fewest_marks", sa.Integer(), server_default="3", nullable=False),
        sa.Column("exam_share", sa.Numeric(3, 2), server_default="0.5", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "average IN ('plain', 'weighted')", name=op.f("ck_grading_rules_average")
        ),
        sa.CheckConstraint(
            "round_up_from > 0 AND round_up_from <= 1", name=op.f("ck_grading_rules_round_up_from")
        ),
        sa.CheckConstraint(
            "fewest_marks BETWEEN 1 AND 20", name=op.f("ck_grading_rules_fewest_marks")
        ),
        sa.CheckConstraint("exam_share BETWEEN 0 AND 1", name=op.f("ck_grading_rules_exam_share")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_grading_rules_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_grading_rules")),
        sa.UniqueConstraint("organization_id", name=op.f("uq_grading_rules_organization_id")),
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY organization ON {table} USING ({OURS}) WITH CHECK ({OURS})")
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO dnevnik_app, dnevnik_worker"
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    # What the older schema has no room for goes.
    op.execute("ALTER TABLE final_marks DISABLE ROW LEVEL SECURITY")
    op.execute("DELETE FROM final_marks WHERE kind <> 'period'")
    op.execute("ALTER TABLE final_marks ENABLE ROW LEVEL SECURITY")
    op.alter_column("final_marks", "reporting_period_id", nullable=False)
    op.drop_column("final_marks", "kind")
    op.drop_column("mark_changes", "final_kind")
    op.drop_column("journals", "reopened_until")
    op.drop_column("journals", "reopened_dates")
    op.execute(
        "DROP FUNCTION journal_closed_on(datemultirange, daterange, timestamptz, date, timestamptz)"
    )
