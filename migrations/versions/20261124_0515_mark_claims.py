"""claims about marks, and why a mark was changed"""

import sqlalchemy as sa
from alembic import op

revision = "c1a1a15c1a15"
down_revision = "7b0a1e5d0b50"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"
REFERS = (
    ("journal_id", "journals"),
    ("student_id", "persons"),
    ("claimed_by", "persons"),
    ("answered_by", "persons"),
    ("reporting_period_id", "reporting_periods"),
)
INDEXES = (("student_id", "id"), ("journal_id", "id"), ("claimed_by",), ("answered_by",))


def upgrade() -> None:
    op.add_column("mark_changes", sa.Column("reason", sa.Text(), nullable=True))
    op.create_table(
        "mark_claims",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("work_id", sa.BigInteger(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("final_kind", sa.Text(), nullable=True),
        sa.Column("reporting_period_id", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("wanted_value", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("discovered_on", sa.Date(), nullable=False),
        sa.Column("claimed_by", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("answered_by", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("new_value", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'declined', 'withdrawn')",
            name=op.f("ck_mark_claims_state"),
        ),
        sa.CheckConstraint(
            "(work_id IS NULL) = (ordinal IS NULL)"
            " AND (work_id IS NULL) = (final_kind IS NOT NULL)",
            name=op.f("ck_mark_claims_place"),
        ),
        sa.CheckConstraint(
            "(state = 'open') = (answered_at IS NULL)", name=op.f("ck_mark_claims_answered")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_mark_claims_organization_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", column],
                [f"{table}.organization_id", f"{table}.id"],
                name=op.f(f"fk_mark_claims_organization_id_{column}"),
            )
            for column, table in REFERS
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_mark_claims")),
    )
    op.create_index(
        "uq_mark_claims_open",
        "mark_claims",
        [
            "organization_id",
            "journal_id",
            "student_id",
            "work_id",
            "ordinal",
            "final_kind",
            "reporting_period_id",
        ],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    for columns in (*INDEXES, ("reporting_period_id",)):
        op.create_index(
            op.f(f"ix_mark_claims_organization_id_{'_'.join(columns)}"),
            "mark_claims",
            ["organization_id", *columns],
        )
    op.execute("ALTER TABLE mark_claims ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE mark_claims FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON mark_claims USING ({OURS}) WITH CHECK ({OURS})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON mark_claims TO dnevnik_app, dnevnik_worker")


def downgrade() -> None:
    op.drop_table("mark_claims")
    op.drop_column("mark_changes", "reason")
