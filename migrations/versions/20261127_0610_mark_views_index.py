"""index by which what was shown in former years is forgotten"""

from alembic import op

revision = "9e1f5b0c0610"
down_revision = "9e1f5b0c0500"
branch_labels = None
depends_on = None

INDEX = "ix_mark_views_shown_at"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            INDEX,
            "mark_views",
            ["shown_at"],
            postgresql_using="brin",
            postgresql_with={"autosummarize": True},
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index(INDEX, "mark_views")
