"""directories: profile, sections, buildings, archive, moved days"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "d1a4c07e52b8"
down_revision = "41c9d0b7f6ea"
branch_labels = None
depends_on = None

TABLES = ("information_sections", "moved_days", "buildings")

# Who sees a row: the organization that the transaction was opened for, and nobody else.
OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"

ARCHIVABLE = ("bell_schedules", "rooms", "subjects", "work_types")

_WIDENED = "-- squawk-ignore ban-drop-constraint\n"
_SMALL = "-- squawk-ignore constraint-missing-not-valid, adding-foreign-key-constraint\n"

KINDS = "('quarter', 'trimester', 'half_year', 'module', {}'custom')"


def upgrade() -> None:
    _add_columns()
    _widen_periods()
    _make_tables()
    op.add_column("rooms", sa.Column("building_id", sa.BigInteger(), nullable=True))
    _fill_buildings()
    for name, table, condition in (
        (
            "fk_rooms_organization_id_building_id",
            "rooms",
            "FOREIGN KEY (organization_id, building_id) REFERENCES buildings (organization_id, id)",
        ),
        ("ck_holidays_grades", "holidays", "CHECK (grade_from <= grade_to)"),
        ("ck_groups_shift", "groups", "CHECK (shift BETWEEN 1 AND 3)"),
    ):
        # What is there already keeps to it: it was made with the defaults above.
        op.execute(f"{_SMALL}ALTER TABLE {table} ADD CONSTRAINT {name} {condition}")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY organization ON {table} USING ({OURS}) WITH CHECK ({OURS})")
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO dnevnik_app, dnevnik_worker"
        )


def _add_columns() -> None:
    for name in ("short_name", "legal_address"):
        op.add_column("organizations", sa.Column(name, sa.Text(), nullable=True))
    for name in ("licence", "accreditation"):
        op.add_column("organizations", sa.Column(name, postgresql.JSONB(), nullable=True))
    for name in ("more_phones", "links"):
        empty = sa.text("'[]'")
        op.add_column(
            "organizations",
            sa.Column(name, postgresql.JSONB(), server_default=empty, nullable=False),
        )
    for table in ARCHIVABLE:
        op.add_column(table, sa.Column("archived_on", sa.Date(), nullable=True))
    op.add_column("rooms", sa.Column("floor", sa.Integer(), nullable=True))
    op.add_column("rooms", sa.Column("kind", sa.Text(), server_default="classroom", nullable=False))
    op.add_column("subjects", sa.Column("area", sa.Text(), nullable=True))
    op.add_column(
        "subjects", sa.Column("mark_scale", sa.Text(), server_default="five_point", nullable=False)
    )
    op.add_column("groups", sa.Column("shift", sa.Integer(), server_default="1", nullable=False))
    for name, grade in (("grade_from", "1"), ("grade_to", "11")):
        op.add_column(
            "holidays", sa.Column(name, sa.Integer(), server_default=grade, nullable=False)
        )


def _widen_periods() -> None:
    """Let a period be the whole year, over its quarters.

    Both constraints allow more than before, so nothing that stands breaks them; a school has a few
    dozen periods, and looking through those stops nobody.
    """
    op.execute(f"{_WIDENED}ALTER TABLE reporting_periods DROP CONSTRAINT ck_reporting_periods_kind")
    kinds = KINDS.format("'year', ")
    op.execute(
        f"{_SMALL}ALTER TABLE reporting_periods ADD CONSTRAINT ck_reporting_periods_kind"
        f" CHECK (kind IN {kinds})"
    )
    _exclude_periods("((kind = 'year')::int) WITH =, ")


def _exclude_periods(level: str) -> None:
    op.execute(
        f"{_WIDENED}ALTER TABLE reporting_periods DROP CONSTRAINT ex_reporting_periods_dates"
    )
    op.execute(
        f"{_SMALL}ALTER TABLE reporting_periods ADD CONSTRAINT ex_reporting_periods_dates EXCLUDE USING gist"
        f" (organization_id WITH =, {level}int4range(grade_from, grade_to, '[]') WITH &&,"
        " daterange(begins_on, ends_on, '[]') WITH &&)"
    )


def _fill_buildings() -> None:
    """Make the buildings that rooms have named so far; the owner has to look over the walls."""
    for table in ("buildings", "rooms"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO buildings (organization_id, name)"
        " SELECT DISTINCT organization_id, building FROM rooms WHERE building <> ''"
    )
    op.execute(
        "UPDATE rooms r SET building_id = b.id FROM buildings b"
        " WHERE b.organization_id = r.organization_id AND b.name = r.building"
    )
    op.execute("ALTER TABLE rooms FORCE ROW LEVEL SECURITY")


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *parts,
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=f"fk_{name}_organization_id"
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=f"pk_{name}"),
    )


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{other}.organization_id", f"{other}.id"],
        name=f"fk_{table}_organization_id_{column}",
    )


def _make_tables() -> None:
    _table(
        "information_sections",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
    )
    _table(
        "moved_days",
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("works_on", sa.Date(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("grade_from", sa.Integer(), nullable=False),
        sa.Column("grade_to", sa.Integer(), nullable=False),
        _refers("moved_days", "academic_year_id", "academic_years"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="ck_moved_days_weekday"),
        sa.CheckConstraint("grade_from <= grade_to", name="ck_moved_days_grades"),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("works_on"), "="),
            (sa.literal_column("int4range(grade_from, grade_to, '[]')"), "&&"),
            using="gist",
            name="ex_moved_days_grades",
        ),
    )
    op.create_index(
        "ix_moved_days_organization_id_academic_year_id",
        "moved_days",
        ["organization_id", "academic_year_id"],
    )
    _table(
        "buildings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("archived_on", sa.Date(), nullable=True),
        sa.UniqueConstraint("organization_id", "name", name="uq_buildings_organization_id_name"),
    )


def downgrade() -> None:
    op.drop_column("rooms", "building_id")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DELETE FROM reporting_periods WHERE kind = 'year'")
    op.execute("ALTER TABLE reporting_periods DROP CONSTRAINT ck_reporting_periods_kind")
    kinds = KINDS.format("")
    op.execute(
        "ALTER TABLE reporting_periods ADD CONSTRAINT ck_reporting_periods_kind"
        f" CHECK (kind IN {kinds})"
    )
    _exclude_periods("")
    for table, columns in (
        ("holidays", ("grade_from", "grade_to")),
        ("groups", ("shift",)),
        ("subjects", ("mark_scale", "area")),
        ("rooms", ("kind", "floor")),
        *((table, ("archived_on",)) for table in ARCHIVABLE),
        (
            "organizations",
            ("links", "more_phones", "accreditation", "licence", "legal_address", "short_name"),
        ),
    ):
        for column in columns:
            op.drop_column(table, column)
