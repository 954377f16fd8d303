"""a moved work keeps the mark edit window that its marks had"""

import sqlalchemy as sa
from alembic import op

revision = "3014edd0a7e5"
down_revision = "f1a15a10ec20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("works", sa.Column("window_from", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("works", "window_from")
