"""duties and support"""

import sqlalchemy as sa
from alembic import op

revision = "cca20dab5cc1"
down_revision = "e7a40f9b2d18"
branch_labels = None
depends_on = None

TABLES = ("attestations", "support_requests", "support_messages")

# Who sees a row: the organization that the transaction was opened for, and nobody else.
OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"


def upgrade() -> None:
    op.create_table(
        "attestations",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True, nullable=False
        ),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("attested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attested_by", sa.BigInteger(), nullable=False),
        sa.Column("corrects_id", sa.BigInteger(), nullable=True),
        sa.Column("is_void", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "corrects_id IS NOT NULL OR NOT is_void", name=op.f("ck_attestations_is_void")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "attested_by"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_attestations_organization_id_attested_by"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "corrects_id"],
            ["attestations.organization_id", "attestations.id"],
            name=op.f("fk_attestations_organization_id_corrects_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_attestations_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_attestations")),
        sa.UniqueConstraint(
            "organization_id",
            "corrects_id",
            name=op.f("uq_attestations_organization_id_corrects_id"),
        ),
    )
    op.create_index(
        op.f("ix_attestations_organization_id_attested_by"),
        "attestations",
        ["organization_id", "attested_by"],
        unique=False,
    )
    op.create_index(
        op.f("ix_attestations_organization_id_clause_done_on_id"),
        "attestations",
        ["organization_id", "clause", "done_on", "id"],
        unique=False,
    )
    op.create_table(
        "support_requests",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True, nullable=False
        ),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'answered', 'closed')", name=op.f("ck_support_requests_state")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "author_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_support_requests_organization_id_author_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_support_requests_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_support_requests")),
    )
    op.create_index(
        op.f("ix_support_requests_organization_id_author_id_opened_at_id"),
        "support_requests",
        ["organization_id", "author_id", "opened_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_support_requests_organization_id_opened_at_id"),
        "support_requests",
        ["organization_id", "opened_at", "id"],
        unique=False,
    )
    op.create_table(
        "support_messages",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True, nullable=False
        ),
        sa.Column("support_request_id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "author_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_support_messages_organization_id_author_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "support_request_id"],
            ["support_requests.organization_id", "support_requests.id"],
            name=op.f("fk_support_messages_organization_id_support_request_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_support_messages_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_support_messages")),
    )
    op.create_index(
        op.f("ix_support_messages_organization_id_author_id"),
        "support_messages",
        ["organization_id", "author_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_support_messages_organization_id_support_request_id_id"),
        "support_messages",
        ["organization_id", "support_request_id", "id"],
        unique=False,
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY organization ON {table} USING ({OURS}) WITH CHECK ({OURS})")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO dnevnik_app, dnevnik_worker")
    op.execute("GRANT UPDATE, DELETE ON support_requests TO dnevnik_app, dnevnik_worker")
    for table in ("attestations", "support_messages"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history()"
        )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_support_messages_organization_id_support_request_id_id"),
        table_name="support_messages",
    )
    op.drop_index(
        op.f("ix_support_messages_organization_id_author_id"), table_name="support_messages"
    )
    op.drop_table("support_messages")
    op.drop_index(
        op.f("ix_support_requests_organization_id_opened_at_id"), table_name="support_requests"
    )
    op.drop_index(
        op.f("ix_support_requests_organization_id_author_id_opened_at_id"),
        table_name="support_requests",
    )
    op.drop_table("support_requests")
    op.drop_index(
        op.f("ix_attestations_organization_id_clause_done_on_id"), table_name="attestations"
    )
    op.drop_index(op.f("ix_attestations_organization_id_attested_by"), table_name="attestations")
    op.drop_table("attestations")
