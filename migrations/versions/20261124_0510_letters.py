"""letters about accounts"""

import sqlalchemy as sa
from alembic import op

revision = "41c9d0b7f6ea"
down_revision = "f1a10000a002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts", sa.Column("email_confirmed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("accounts", sa.Column("new_email", sa.Text(), nullable=True))
    op.create_table(
        "letter_tokens",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('confirmation', 'recovery')", name=op.f("ck_letter_tokens_kind")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_letter_tokens_account_id")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_letter_tokens")),
    )
    op.create_index(op.f("ix_letter_tokens_account_id"), "letter_tokens", ["account_id"])
    op.create_index(op.f("ix_letter_tokens_expires_at"), "letter_tokens", ["expires_at"])
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON letter_tokens TO dnevnik_app, dnevnik_worker"
    )


def downgrade() -> None:
    op.drop_table("letter_tokens")
    op.drop_column("accounts", "new_email")
    op.drop_column("accounts", "email_confirmed_at")
