"""which operations of a compromised account are void, and which rows of a history say so"""

import sqlalchemy as sa
from alembic import op

revision = "3400f01d1276"
down_revision = "c0a5e1770a11"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"
HISTORIES = {"mark_change_id": "mark_changes", "entry_change_id": "entry_changes"}
NOTICE = {
    "void_from": sa.DateTime(timezone=True),
    "voided_at": sa.DateTime(timezone=True),
    "voided_by_name": sa.Text(),
}


def upgrade() -> None:
    for name, kind in NOTICE.items():
        op.add_column("compromise_notices", sa.Column(name, kind, nullable=True))
    for history in HISTORIES.values():
        op.add_column(history, sa.Column("voiding_notice_id", sa.BigInteger(), nullable=True))
    parents = {"compromise_notice_id": "compromise_notices", **HISTORIES}
    op.create_table(
        "void_changes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *(sa.Column(column, sa.BigInteger(), nullable=column in HISTORIES) for column in parents),
        sa.CheckConstraint(
            "(mark_change_id IS NULL) <> (entry_change_id IS NULL)",
            name=op.f("ck_void_changes_one"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_void_changes_organization_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", column],
                [f"{parent}.organization_id", f"{parent}.id"],
                name=op.f(f"fk_void_changes_organization_id_{column}"),
            )
            for column, parent in parents.items()
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_void_changes")),
    )
    op.create_index(
        op.f("ix_void_changes_organization_id_compromise_notice_id"),
        "void_changes",
        ["organization_id", "compromise_notice_id"],
    )
    for column in HISTORIES:
        op.create_index(
            op.f(f"ix_void_changes_organization_id_{column}_compromise_notice_id"),
            "void_changes",
            ["organization_id", column, "compromise_notice_id"],
            unique=True,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.execute("ALTER TABLE void_changes ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE void_changes FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON void_changes USING ({OURS}) WITH CHECK ({OURS})")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON void_changes"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history()"
    )
    op.execute("GRANT SELECT, INSERT ON void_changes TO dnevnik_app, dnevnik_worker")


def downgrade() -> None:
    op.drop_table("void_changes")
    for history in HISTORIES.values():
        op.drop_column(history, "voiding_notice_id")
    for name in NOTICE:
        op.drop_column("compromise_notices", name)
