"""works that take another one again, and which of the two counts"""

import sqlalchemy as sa
from alembic import op

revision = "2e7a4e5b0c11"
down_revision = "1a57e0a0b2c4"
branch_labels = None
depends_on = None

# The column is new and empty: nothing is checked for long.
_EMPTY = "-- squawk-ignore constraint-missing-not-valid, adding-foreign-key-constraint\n"


def upgrade() -> None:
    op.add_column("works", sa.Column("retake_of_id", sa.BigInteger(), nullable=True))
    op.execute(
        f"{_EMPTY}ALTER TABLE works ADD CONSTRAINT fk_works_organization_id_retake_of_id"
        " FOREIGN KEY (organization_id, retake_of_id) REFERENCES works (organization_id, id)"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_works_organization_id_retake_of_id ON works"
        " (organization_id, retake_of_id) WHERE retake_of_id IS NOT NULL"
    )
    op.add_column(
        "organizations",
        sa.Column("retakes_count", sa.Text(), server_default="retake", nullable=False),
    )
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "ALTER TABLE organizations ADD CONSTRAINT ck_organizations_retakes_count"
        " CHECK (retakes_count IN ('retake', 'best', 'both'))"
    )


def downgrade() -> None:
    op.drop_column("organizations", "retakes_count")
    op.drop_column("works", "retake_of_id")
