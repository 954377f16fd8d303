"""links of subjects to teachers and rooms, weekly hours of classes"""

import sqlalchemy as sa
from alembic import op

revision = "c0442b6e1d90"
down_revision = "c1a1a15c1a15"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"
TABLES = {
    "subject_teachers": {"subject_id": "subjects", "teacher_id": "persons"},
    "subject_rooms": {"subject_id": "subjects", "room_id": "rooms"},
    "curriculum_lines": {
        "group_id": "groups",
        "subject_id": "subjects",
        "teacher_id": "persons",
    },
}
UNIQUE = {
    "subject_teachers": ("subject_id", "teacher_id"),
    "subject_rooms": ("subject_id", "room_id"),
    "curriculum_lines": ("group_id", "subject_id"),
}
INDEXES = {
    "subject_teachers": ("teacher_id",),
    "subject_rooms": ("room_id",),
    "curriculum_lines": ("subject_id", "teacher_id"),
}


def upgrade() -> None:
    make("subject_teachers")
    make("subject_rooms")
    make(
        "curriculum_lines",
        sa.Column("weekly_hours", sa.Numeric(4, 2), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("weekly_hours > 0", name=op.f("ck_curriculum_lines_weekly_hours")),
    )


def make(table: str, *more: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *(
            sa.Column(
                column,
                sa.BigInteger(),
                nullable=(table, column) == ("curriculum_lines", "teacher_id"),
            )
            for column in TABLES[table]
        ),
        *more,
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f(f"fk_{table}_organization_id")
        ),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", column],
                [f"{parent}.organization_id", f"{parent}.id"],
                name=op.f(f"fk_{table}_organization_id_{column}"),
            )
            for column, parent in TABLES[table].items()
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "organization_id",
            *UNIQUE[table],
            name=op.f(f"uq_{table}_organization_id_{'_'.join(UNIQUE[table])}"),
        ),
    )
    for column in INDEXES[table]:
        op.create_index(
            op.f(f"ix_{table}_organization_id_{column}"), table, ["organization_id", column]
        )
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON {table} USING ({OURS}) WITH CHECK ({OURS})")
    # A lock of a row asks for UPDATE.
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO dnevnik_app, dnevnik_worker")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
