"""credentials"""

import sqlalchemy as sa
from alembic import op

revision = "9d1f4a70c3b2"
down_revision = "5e0a1d5ea15b"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"

# Row-level security shows an account's persons in other schools for one account at a time; so they
# are asked one by one, in one trip. It runs with the rights of who calls it.
SERVING_OTHERS = """
CREATE FUNCTION accounts_serving_others(account_ids bigint[], ours bigint)
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
    one bigint;
    entered text := current_setting('app.account_id', true);
BEGIN
    FOREACH one IN ARRAY account_ids LOOP
        PERFORM set_config('app.account_id', one::text, true);
        IF EXISTS (
            SELECT FROM persons p WHERE p.account_id = one AND p.organization_id <> ours
        ) THEN
            RETURN NEXT one;
        END IF;
    END LOOP;
    PERFORM set_config('app.account_id', coalesce(entered, ''), true);
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "credentials",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.BigInteger(), nullable=True),
        sa.Column("issued_by_name", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_by_name", sa.Text(), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "delivery IN ('screen', 'slip', 'email')", name=op.f("ck_credentials_delivery")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_credentials_organization_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_credentials_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_credentials")),
    )
    op.create_index(
        op.f("ix_credentials_organization_id_person_id"),
        "credentials",
        ["organization_id", "person_id"],
    )
    op.create_index(
        "uq_credentials_current",
        "credentials",
        ["organization_id", "person_id"],
        unique=True,
        postgresql_where="superseded_at IS NULL",
    )
    op.execute("ALTER TABLE credentials ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE credentials FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON credentials USING ({OURS}) WITH CHECK ({OURS})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON credentials TO dnevnik_app, dnevnik_worker")
    op.execute(SERVING_OTHERS)


def downgrade() -> None:
    op.execute("DROP FUNCTION accounts_serving_others(bigint[], bigint)")
    op.drop_index("uq_credentials_current", table_name="credentials")
    op.drop_index(op.f("ix_credentials_organization_id_person_id"), table_name="credentials")
    op.drop_table("credentials")
