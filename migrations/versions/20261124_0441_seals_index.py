"""index by which histories are sealed"""

from alembic import op

revision = "5e0a1d5ea15b"
down_revision = "5e0a1d5ea15a"
branch_labels = None
depends_on = None

HISTORIES = ("entry_changes", "mark_changes")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for history in HISTORIES:
            op.create_index(
                f"ix_{history}_transaction_id",
                history,
                ["transaction_id"],
                postgresql_using="brin",
                postgresql_with={"autosummarize": True},
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    for history in HISTORIES:
        op.drop_index(f"ix_{history}_transaction_id", history)
