"""index by which what is void of the histories is sealed"""

from alembic import op

revision = "5e0a1d5ea171"
down_revision = "5e0a1d5ea170"
branch_labels = None
depends_on = None

INDEX = "ix_void_changes_organization_id_transaction_id"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            INDEX,
            "void_changes",
            ["organization_id", "transaction_id"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index(INDEX, "void_changes")
