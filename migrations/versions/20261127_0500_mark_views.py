"""when families were first shown their marks, and what a claim rests on"""

import sqlalchemy as sa
from alembic import op

revision = "9e1f5b0c0500"
down_revision = "5ca1e0fa0430"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"


def upgrade() -> None:
    op.create_table(
        "mark_views",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mark_id", sa.BigInteger(), nullable=False),
        sa.Column("viewer_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('work', 'final')", name=op.f("ck_mark_views_kind")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_mark_views")),
    )
    op.create_index(
        op.f("ix_mark_views_organization_id_kind_viewer_id_mark_id"),
        "mark_views",
        ["organization_id", "kind", "viewer_id", "mark_id"],
        unique=True,
    )
    op.execute("ALTER TABLE mark_views ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE mark_views FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON mark_views USING ({OURS}) WITH CHECK ({OURS})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON mark_views TO dnevnik_app, dnevnik_worker")
    op.add_column("mark_claims", sa.Column("first_shown_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("mark_claims", "first_shown_on")
    op.drop_table("mark_views")
