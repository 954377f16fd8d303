"""scales with dictionaries of their own, work types that don't count, owed works with a due date"""

import json

import sqlalchemy as sa
from alembic import op

revision = "5ca1e5012d00"
down_revision = "2e7a4e5b0c11"
branch_labels = None
depends_on = None

SCALES = "'five_point', 'ten_point', 'twelve_point', 'hundred_point', 'passed_or_not', 'verbal'"
KINDS = "'current', 'thematic', 'interim', 'diagnostic'"

# What a school has had so far is the dictionary of the five-point scale. Those of the other scales,
# as a new school gets them on this day: token, numeric, counts, as a final mark, owes.
OWING = (("долг", None, False, False, True), (".", None, False, False, True))
EXCUSED = (("осв", None, False, True, False), ("н/а", None, False, True, False), *OWING)
PASSING = (("зач", None, False, True, False), ("незач", None, False, True, False))
DICTIONARIES = {
    "ten_point": (*((str(n), n, True, True, False) for n in range(10, 0, -1)), *PASSING, *EXCUSED),
    "twelve_point": (
        *((str(n), n, True, True, False) for n in range(12, 0, -1)),
        *PASSING,
        *EXCUSED,
    ),
    "hundred_point": (
        *((str(n), n, True, True, False) for n in range(100, -1, -1)),
        *PASSING,
        *EXCUSED,
    ),
    "passed_or_not": (*PASSING, *EXCUSED),
    "verbal": (
        *((word, None, False, True, False) for word in ("отл", "хор", "удовл", "неуд")),
        *EXCUSED,
    ),
}


def upgrade() -> None:
    for column in (
        sa.Column("scale", sa.Text(), server_default="five_point", nullable=False),
        sa.Column("owes", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("archived_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
    ):
        op.add_column("mark_values", column)
    _check("mark_values", "scale", f"scale IN ({SCALES})")
    _check("mark_values", "counts", "NOT counts OR numeric IS NOT NULL")
    # A dictionary is short: the other constraint is there at once, and it asks for no less.
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        "ALTER TABLE mark_values DROP CONSTRAINT uq_mark_values_organization_id_token"
    )
    op.execute(
        "-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid\n"
        "ALTER TABLE mark_values ADD CONSTRAINT uq_mark_values_organization_id_scale_token"
        " UNIQUE (organization_id, scale, token)"
    )
    _fill_dictionaries()
    op.add_column(
        "subjects",
        sa.Column(
            "grade_scales",
            sa.dialects.postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )
    # One expression and not immutable, as what it calls: so the planner puts it in place of the call.
    op.execute("""
        CREATE FUNCTION mark_scale_of(subject_scale text, grade_scales jsonb, grade integer)
        RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
        RETURN coalesce(
            jsonb_path_query_first(
                grade_scales,
                '$[*] ? (@.grade_from <= $grade && $grade <= @.grade_to).mark_scale',
                jsonb_build_object('grade', grade)
            ) #>> '{}',
            subject_scale)
    """)
    op.add_column(
        "work_types", sa.Column("kind", sa.Text(), server_default="current", nullable=False)
    )
    _check("work_types", "kind", f"kind IN ({KINDS})")
    op.add_column(
        "work_types", sa.Column("counts", sa.Boolean(), server_default="true", nullable=False)
    )
    op.add_column("marks", sa.Column("due_on", sa.Date(), nullable=True))
    # What has been owed so far is owed since its lesson: else no list of debts would have it.
    op.execute("ALTER TABLE marks NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE marks SET due_on = lesson_date WHERE value IN ('долг', '.')")
    op.execute("ALTER TABLE marks FORCE ROW LEVEL SECURITY")
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_marks_organization_id_due_on_id ON marks (organization_id, due_on, id)"
        " WHERE due_on IS NOT NULL"
    )
    for column in ("numeric", "counts", "due_on"):
        kind = {"numeric": sa.Integer(), "counts": sa.Boolean(), "due_on": sa.Date()}[column]
        for side in ("old", "new"):
            op.add_column("mark_changes", sa.Column(f"{side}_{column}", kind, nullable=True))


def _check(table: str, name: str, condition: str) -> None:
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition})"
    )


def _fill_dictionaries() -> None:
    """Give each school the dictionaries of all scales; the owner has to look over the walls."""
    rows = [
        dict(zip(("token", "numeric", "counts", "final", "owes"), one, strict=True))
        | {"scale": scale, "number": number}
        for scale, dictionary in DICTIONARIES.items()
        for number, one in enumerate(dictionary)
    ]
    op.execute("ALTER TABLE mark_values NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE mark_values SET owes = true WHERE token IN ('долг', '.')")
    op.execute(
        "INSERT INTO mark_values (organization_id, scale, token, numeric, counts,"
        " allowed_for_works, allowed_as_final, owes)"
        " SELECT o.id, v.scale, v.token, v.numeric, v.counts, true, v.final, v.owes"
        " FROM organizations o CROSS JOIN jsonb_to_recordset("
        f"'{json.dumps(rows, ensure_ascii=False)}'::jsonb"
        r") AS v (scale text, number int, token text, numeric int, counts bool, final bool, owes bool)"
        " ORDER BY o.id, v.scale, v.number"
    )
    op.execute("ALTER TABLE mark_values FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for column in ("due_on", "counts", "numeric"):
        for side in ("new", "old"):
            op.drop_column("mark_changes", f"{side}_{column}")
    op.drop_column("marks", "due_on")
    op.drop_column("work_types", "counts")
    op.drop_column("work_types", "kind")
    op.execute("DROP FUNCTION mark_scale_of(text, jsonb, integer)")
    op.drop_column("subjects", "grade_scales")
    op.execute("ALTER TABLE mark_values NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM mark_values WHERE scale <> 'five_point'")
    op.execute("ALTER TABLE mark_values FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE mark_values DROP CONSTRAINT ck_mark_values_counts")
    op.drop_constraint("uq_mark_values_organization_id_scale_token", "mark_values")
    op.create_unique_constraint(
        "uq_mark_values_organization_id_token", "mark_values", ["organization_id", "token"]
    )
    for column in ("version", "archived_on", "owes", "scale"):
        op.drop_column("mark_values", column)
