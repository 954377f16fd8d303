"""what is void of the histories is sealed with them"""

from alembic import op

revision = "5e0a1d5ea170"
down_revision = "5c1e7a90b2d4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Older rows count as of this transaction, which no seal covers yet; as a constant, so that the
    # table is not written anew.
    op.execute(
        """
        DO $$ BEGIN
            EXECUTE format('ALTER TABLE void_changes ADD COLUMN transaction_id bigint NOT NULL DEFAULT %s',
                           pg_current_xact_id());
        END $$
        """
    )
    op.execute(
        "ALTER TABLE void_changes ALTER COLUMN transaction_id"
        " SET DEFAULT pg_current_xact_id()::text::bigint"
    )


def downgrade() -> None:
    op.drop_column("void_changes", "transaction_id")
