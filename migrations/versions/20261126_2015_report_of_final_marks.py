"""the report of final marks alone, on however long a history"""

from alembic import op

revision = "f1a15a10ec20"
down_revision = "5ca1e5012d00"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Final marks are few: to write any other mark costs nothing more.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_mark_changes_final ON mark_changes (organization_id, changed_at, id)"
        " WHERE kind = 'final'"
    )


def downgrade() -> None:
    op.drop_index("ix_mark_changes_final", "mark_changes")
