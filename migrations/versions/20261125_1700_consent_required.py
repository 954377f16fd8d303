"""whether a school requires consents"""

import sqlalchemy as sa
from alembic import op

revision = "c0a5e1770a11"
down_revision = "b5e11a0c7d43"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column("consent_required", sa.Boolean(), server_default="false", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("organizations", "consent_required")
