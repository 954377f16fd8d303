"""rules of bells, odd and even weeks"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "b5e11a0c7d42"
down_revision = "c0442b6e1d90"
branch_labels = None
depends_on = None

OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"
OLD_KEY = "uq_timetable_entries_organization_id_timetable_id_weekd_3479"
KEY = "uq_timetable_entries_place"
_WIDENED = "-- squawk-ignore ban-drop-constraint\n"
_SMALL = "-- squawk-ignore constraint-missing-not-valid, disallowed-unique-constraint\n"

BELLS = """
CREATE FUNCTION bell_schedule_on(
    school bigint, year_id bigint, day date, class_grade int, class_shift int, own_id bigint
) RETURNS bigint LANGUAGE sql STABLE AS $$
    -- Which bells are in force (А.13): a rule of that very day, else the weekly timetable's own
    -- schedule, else a rule of the shift, of the weekday that the day works as, of all days.
    SELECT coalesce(
        (SELECT r.bell_schedule_id FROM bell_rules r
         WHERE r.organization_id = school AND r.academic_year_id = year_id AND r.on_date = day
           AND class_grade BETWEEN r.grade_from AND r.grade_to
           AND coalesce(r.shift, class_shift) = class_shift
         ORDER BY r.shift LIMIT 1),
        own_id,
        (SELECT r.bell_schedule_id FROM bell_rules r
         WHERE r.organization_id = school AND r.academic_year_id = year_id AND r.on_date IS NULL
           AND class_grade BETWEEN r.grade_from AND r.grade_to
           AND coalesce(r.shift, class_shift) = class_shift
           AND (r.weekday IS NULL OR r.weekday = coalesce(
               (SELECT m.weekday FROM moved_days m
                WHERE m.organization_id = school AND m.works_on = day
                  AND class_grade BETWEEN m.grade_from AND m.grade_to),
               extract(isodow FROM day)))
         ORDER BY r.shift, r.weekday LIMIT 1))
$$
"""


def upgrade() -> None:
    op.create_table(
        "bell_rules",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("bell_schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=True),
        sa.Column("shift", sa.Integer(), nullable=True),
        sa.Column("grade_from", sa.Integer(), nullable=False),
        sa.Column("grade_to", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("on_date IS NULL OR weekday IS NULL", name="ck_bell_rules_day"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="ck_bell_rules_weekday"),
        sa.CheckConstraint("shift BETWEEN 1 AND 3", name="ck_bell_rules_shift"),
        sa.CheckConstraint("grade_from <= grade_to", name="ck_bell_rules_grades"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_bell_rules_organization_id"
        ),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", column],
                [f"{table}.organization_id", f"{table}.id"],
                name=f"fk_bell_rules_organization_id_{column}",
            )
            for column, table in (
                ("academic_year_id", "academic_years"),
                ("bell_schedule_id", "bell_schedules"),
            )
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_bell_rules"),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("academic_year_id"), "="),
            (sa.literal_column("coalesce(on_date, '-infinity'::date)"), "="),
            (sa.literal_column("coalesce(weekday, 0)"), "="),
            (sa.literal_column("coalesce(shift, 0)"), "="),
            (sa.literal_column("int4range(grade_from, grade_to, '[]')"), "&&"),
            using="gist",
            name="ex_bell_rules_grades",
        ),
    )
    op.create_index(
        "ix_bell_rules_organization_id_bell_schedule_id",
        "bell_rules",
        ["organization_id", "bell_schedule_id"],
    )
    op.execute("ALTER TABLE bell_rules ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE bell_rules FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON bell_rules USING ({OURS}) WITH CHECK ({OURS})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON bell_rules TO dnevnik_app, dnevnik_worker")
    op.execute(BELLS)
    # More is allowed than before: the code before it goes on with timetables that name their bells.
    op.execute(
        "-- squawk-ignore ban-drop-not-null\n"
        "ALTER TABLE timetables ALTER COLUMN bell_schedule_id DROP NOT NULL"
    )
    op.add_column(
        "timetable_entries", sa.Column("weeks", sa.Text(), server_default="every", nullable=False)
    )
    op.execute(
        f"{_SMALL}ALTER TABLE timetable_entries ADD CONSTRAINT ck_timetable_entries_weeks"
        " CHECK (weeks IN ('every', 'odd', 'even'))"
    )
    _key(OLD_KEY, KEY, "weekday, number, journal_id, weeks")


def _key(old: str, new: str, columns: str) -> None:
    op.execute(f"{_WIDENED}ALTER TABLE timetable_entries DROP CONSTRAINT {old}")
    op.execute(
        f"{_SMALL}ALTER TABLE timetable_entries ADD CONSTRAINT {new}"
        f" UNIQUE (organization_id, timetable_id, {columns})"
    )


def downgrade() -> None:
    op.execute("DELETE FROM timetable_entries WHERE weeks = 'even'")
    _key(KEY, OLD_KEY, "weekday, number, journal_id")
    op.drop_column("timetable_entries", "weeks")
    op.alter_column("timetables", "bell_schedule_id", nullable=False)
    op.execute("DROP FUNCTION bell_schedule_on(bigint, bigint, date, integer, integer, bigint)")
    op.drop_table("bell_rules")
