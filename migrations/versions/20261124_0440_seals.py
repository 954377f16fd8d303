"""seals of the histories"""

import sqlalchemy as sa
from alembic import op

revision = "5e0a1d5ea15a"
down_revision = "c8ba609c5df4"
branch_labels = None
depends_on = None

HISTORIES = ("entry_changes", "mark_changes")
OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"


def upgrade() -> None:
    for history in HISTORIES:
        # A constant first: so the table is not written anew, and older rows count as of long ago.
        op.execute(f"ALTER TABLE {history} ADD COLUMN transaction_id bigint NOT NULL DEFAULT 0")
        op.execute(
            f"ALTER TABLE {history} ALTER COLUMN transaction_id"
            " SET DEFAULT pg_current_xact_id()::text::bigint"
        )
    op.create_table(
        "audit_seals",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("from_transaction", sa.BigInteger(), nullable=False),
        sa.Column("to_transaction", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "from_transaction < to_transaction", name=op.f("ck_audit_seals_transactions")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_audit_seals_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint(
            "organization_id", "number", name=op.f("uq_audit_seals_organization_id_number")
        ),
    )
    op.execute("ALTER TABLE audit_seals ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE audit_seals FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON audit_seals USING ({OURS}) WITH CHECK ({OURS})")
    op.execute("GRANT SELECT, INSERT ON audit_seals TO dnevnik_app, dnevnik_worker")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history()"
    )


def downgrade() -> None:
    for history in HISTORIES:
        op.drop_column(history, "transaction_id")
    op.drop_table("audit_seals")
