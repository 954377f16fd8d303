"""consents"""

import sqlalchemy as sa
from alembic import op

revision = "d27f5ac0b813"
down_revision = "b61c0e94d7a5"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("given_by_name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawal_document", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "purpose IN ('processing', 'transfer', 'publication', 'other')",
            name=op.f("ck_consents_purpose"),
        ),
        sa.CheckConstraint(
            "ends_on IS NULL OR given_on <= ends_on", name=op.f("ck_consents_dates")
        ),
        sa.CheckConstraint(
            "withdrawn_on IS NULL OR given_on <= withdrawn_on",
            name=op.f("ck_consents_withdrawal"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_consents_organization_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_consents_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_consents")),
    )
    op.create_index(
        op.f("ix_consents_organization_id_person_id"), "consents", ["organization_id", "person_id"]
    )
    op.execute("ALTER TABLE consents ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE consents FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON consents USING ({OURS}) WITH CHECK ({OURS})")
    # A consent is withdrawn, never removed.
    op.execute("GRANT SELECT, INSERT, UPDATE ON consents TO dnevnik_app, dnevnik_worker")


def downgrade() -> None:
    op.drop_table("consents")
