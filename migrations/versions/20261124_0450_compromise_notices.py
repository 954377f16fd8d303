"""compromise notices"""

import sqlalchemy as sa
from alembic import op

revision = "c03b7e5512aa"
down_revision = "9d1f4a70c3b2"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"


def upgrade() -> None:
    op.create_table(
        "compromise_notices",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noticed_by", sa.BigInteger(), nullable=True),
        sa.Column("noticed_by_name", sa.Text(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_name", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("learned_at <= noticed_at", name=op.f("ck_compromise_notices_moments")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_compromise_notices_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_compromise_notices_organization_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_compromise_notices_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_compromise_notices")),
    )
    op.create_index(
        op.f("ix_compromise_notices_organization_id_person_id"),
        "compromise_notices",
        ["organization_id", "person_id"],
    )
    op.create_index(op.f("ix_compromise_notices_account_id"), "compromise_notices", ["account_id"])
    op.create_index(
        "uq_compromise_notices_in_force",
        "compromise_notices",
        ["organization_id", "person_id"],
        unique=True,
        postgresql_where="withdrawn_at IS NULL AND settled_at IS NULL",
    )
    op.execute("ALTER TABLE compromise_notices ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE compromise_notices FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY organization ON compromise_notices USING ({OURS}) WITH CHECK ({OURS})"
    )
    # A notice is withdrawn, never removed.
    op.execute("GRANT SELECT, INSERT, UPDATE ON compromise_notices TO dnevnik_app, dnevnik_worker")


def downgrade() -> None:
    op.drop_table("compromise_notices")
