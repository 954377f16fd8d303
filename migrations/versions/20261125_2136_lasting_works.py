"""works that last over several lessons"""

import sqlalchemy as sa
from alembic import op

revision = "1a57e0a0b2c4"
down_revision = "3400f01d1276"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("works", sa.Column("begins_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("works", "begins_on")
