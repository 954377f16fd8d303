"""a work may count or not apart from its type, as it may weigh"""

import sqlalchemy as sa
from alembic import op

revision = "5c1e7a90b2d4"
down_revision = "f1a1c0de0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("works", sa.Column("counts", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("works", "counts")
