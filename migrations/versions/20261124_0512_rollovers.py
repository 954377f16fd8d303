"""rollovers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "b61c0e94d7a5"
down_revision = "d1a4c07e52b8"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"
JSONB = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "rollovers",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("from_academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("to_academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("left_on", sa.Date(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_name", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_name", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "from_academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_rollovers_organization_id_from_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "to_academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_rollovers_organization_id_to_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_rollovers_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_rollovers")),
    )
    for column in ("from_academic_year_id", "to_academic_year_id"):
        op.create_index(
            op.f(f"ix_rollovers_organization_id_{column}"),
            "rollovers",
            ["organization_id", column],
        )
    op.create_table(
        "rollover_rows",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rollover_id", sa.BigInteger(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("before", JSONB, nullable=True),
        sa.Column("after", JSONB, nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "rollover_id"],
            ["rollovers.organization_id", "rollovers.id"],
            name=op.f("fk_rollover_rows_organization_id_rollover_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_rollover_rows_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_rollover_rows")),
        sa.UniqueConstraint(
            "organization_id",
            "rollover_id",
            "entity",
            "entity_id",
            name=op.f("uq_rollover_rows_organization_id_rollover_id_entity_entity_id"),
        ),
    )
    for table in ("rollovers", "rollover_rows"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY organization ON {table} USING ({OURS}) WITH CHECK ({OURS})")
    # A transfer is withdrawn, never removed; what it made and ended is written once.
    op.execute("GRANT SELECT, INSERT, UPDATE ON rollovers TO dnevnik_app, dnevnik_worker")
    op.execute("GRANT SELECT, INSERT ON rollover_rows TO dnevnik_app, dnevnik_worker")


def downgrade() -> None:
    op.drop_table("rollover_rows")
    op.drop_table("rollovers")
