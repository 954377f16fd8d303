"""foundation"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c8ba609c5df4"
down_revision = None
branch_labels = None
depends_on = None


TENANT_TABLES = (
    "academic_years",
    "bell_schedules",
    "entry_changes",
    "mark_changes",
    "mark_values",
    "persons",
    "rooms",
    "subjects",
    "work_types",
    "bells",
    "groups",
    "guardianships",
    "holidays",
    "reporting_periods",
    "role_assignments",
    "timetables",
    "enrolments",
    "group_parents",
    "homeroom_assignments",
    "journals",
    "final_marks",
    "journal_teachers",
    "timetable_entries",
    "lessons",
    "attendance",
    "homework",
    "works",
    "marks",
)

HISTORIES = ("entry_changes", "mark_changes")

# Who sees a row: the organization that the transaction was opened for, and nobody else.
OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"

FUNCTIONS = """
CREATE FUNCTION mark_edit_closes_at(
    lesson_date date, edit_window text, time_zone text, year_ends_on date
) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The first moment at which a lesson's marks can't be changed any more (2.14b): midnight of the
    -- school after the window's last day. A calendar month after 31 January ends in February.
    SELECT (CASE edit_window
        WHEN 'never_closes' THEN year_ends_on
        WHEN '1_week' THEN lesson_date + 7
        WHEN '2_weeks' THEN lesson_date + 14
        WHEN '3_weeks' THEN lesson_date + 21
        WHEN '1_month' THEN (lesson_date + interval '1 month')::date
    END + 1)::timestamp AT TIME ZONE time_zone
$$;

CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
"""


def upgrade() -> None:
    # Exclusion constraints need it; it is trusted, so the owner of the database may make it.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    make_tables()
    for function in FUNCTIONS.strip().split(";\n\nCREATE"):
        op.execute(function if function.startswith("CREATE") else f"CREATE{function}")
    guard()


def guard() -> None:
    """Row-level security on every school's table, grants, histories that only grow."""
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY organization ON {table} USING ({OURS}) WITH CHECK ({OURS})")
    # An account finds its own persons in all its schools; only to read, only when it says so.
    op.execute(
        "CREATE POLICY own_account ON persons FOR SELECT USING"
        " (account_id = nullif(current_setting('app.account_id', true), '')::bigint)"
    )
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        " TO dnevnik_app, dnevnik_worker"
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM dnevnik_app, dnevnik_worker")
    for history in HISTORIES:
        op.execute(f"REVOKE UPDATE, DELETE ON {history} FROM dnevnik_app, dnevnik_worker")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {history}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history()"
        )


def make_tables() -> None:

    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("temporary_password_hash", sa.Text(), nullable=True),
        sa.Column("temporary_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('issued', 'registered', 'blocked')", name=op.f("ck_accounts_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("login", name=op.f("uq_accounts_login")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("mark_edit_window", sa.Text(), server_default="1_month", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("directory_version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "mark_edit_window IN ('never_closes', '1_week', '2_weeks', '3_weeks', '1_month')",
            name=op.f("ck_organizations_mark_edit_window"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_failures")),
    )
    op.create_index(
        op.f("ix_sign_in_failures_last_failed_at"),
        "sign_in_failures",
        ["last_failed_at"],
        unique=False,
    )
    op.create_table(
        "academic_years",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.literal_column("daterange(begins_on, ends_on, '[]')"), "&&"),
            using="gist",
            name="ex_academic_years_dates",
        ),
        sa.CheckConstraint("begins_on < ends_on", name=op.f("ck_academic_years_dates")),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_academic_years_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_academic_years")),
        sa.UniqueConstraint(
            "organization_id", "name", name=op.f("uq_academic_years_organization_id_name")
        ),
    )
    op.create_table(
        "bell_schedules",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_bell_schedules_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_bell_schedules")),
        sa.UniqueConstraint(
            "organization_id", "name", name=op.f("uq_bell_schedules_organization_id_name")
        ),
    )
    op.create_table(
        "entry_changes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_entry_changes_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_entry_changes")),
    )
    op.create_index(
        op.f("ix_entry_changes_organization_id_changed_at_id"),
        "entry_changes",
        ["organization_id", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_entry_changes_organization_id_entity_entity_id_id"),
        "entry_changes",
        ["organization_id", "entity", "entity_id", "id"],
        unique=False,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_idempotency_keys_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False
    )
    op.create_table(
        "mark_changes",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=True),
        sa.Column("lesson_date", sa.Date(), nullable=True),
        sa.Column("work_id", sa.BigInteger(), nullable=True),
        sa.Column("reporting_period_id", sa.BigInteger(), nullable=True),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("student_name", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("old_value", sa.Text(), nullable=True),
        sa.Column("new_value", sa.Text(), nullable=True),
        sa.Column("old_comment", sa.Text(), nullable=True),
        sa.Column("new_comment", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('work', 'final')", name=op.f("ck_mark_changes_kind")),
        sa.CheckConstraint(
            "old_value IS NOT NULL OR new_value IS NOT NULL", name=op.f("ck_mark_changes_values")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_mark_changes_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_mark_changes")),
    )
    op.create_index(
        op.f("ix_mark_changes_organization_id_actor_id_changed_at_id"),
        "mark_changes",
        ["organization_id", "actor_id", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_mark_changes_organization_id_changed_at_id"),
        "mark_changes",
        ["organization_id", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_mark_changes_organization_id_group_id_changed_at_id"),
        "mark_changes",
        ["organization_id", "group_id", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_mark_changes_organization_id_student_id_changed_at_id"),
        "mark_changes",
        ["organization_id", "student_id", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_mark_changes_organization_id_subject_id_changed_at_id"),
        "mark_changes",
        ["organization_id", "subject_id", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_mark_changes_organization_id_work_id_student_id_id"),
        "mark_changes",
        ["organization_id", "work_id", "student_id", "id"],
        unique=False,
        postgresql_where=sa.text("work_id IS NOT NULL"),
    )
    op.create_table(
        "mark_values",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("numeric", sa.Integer(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("allowed_for_works", sa.Boolean(), nullable=False),
        sa.Column("allowed_as_final", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_mark_values_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_mark_values")),
        sa.UniqueConstraint(
            "organization_id", "token", name=op.f("uq_mark_values_organization_id_token")
        ),
    )
    op.create_table(
        "persons",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("middle_name", sa.Text(), nullable=True),
        sa.Column(
            "full_name",
            sa.Text(),
            sa.Computed(
                "last_name || ' ' || first_name || coalesce(' ' || middle_name, '')", persisted=True
            ),
            nullable=False,
        ),
        sa.Column(
            "sort_key",
            sa.Text(collation="C"),
            sa.Computed(
                "replace(lower(coalesce(last_name, '') || ' ' || coalesce(first_name, '') || ' ' || coalesce(middle_name, '')), 'ё', 'е')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_persons_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_persons_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_persons")),
        sa.UniqueConstraint(
            "organization_id", "account_id", name=op.f("uq_persons_organization_id_account_id")
        ),
        sa.UniqueConstraint(
            "organization_id", "external_id", name=op.f("uq_persons_organization_id_external_id")
        ),
    )
    op.create_index(op.f("ix_persons_account_id"), "persons", ["account_id"], unique=False)
    op.create_index(
        op.f("ix_persons_organization_id_sort_key_id"),
        "persons",
        ["organization_id", "sort_key", "id"],
        unique=False,
    )
    op.create_table(
        "rooms",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), server_default="", nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_rooms_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_rooms")),
        sa.UniqueConstraint(
            "organization_id",
            "building",
            "name",
            name=op.f("uq_rooms_organization_id_building_name"),
        ),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sessions_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_account_id"), "sessions", ["account_id"], unique=False)
    op.create_table(
        "subjects",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=True),
        sa.Column("assessed", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_subjects_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_subjects")),
        sa.UniqueConstraint(
            "organization_id", "name", name=op.f("uq_subjects_organization_id_name")
        ),
    )
    op.create_table(
        "work_types",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=False),
        sa.Column(
            "weight",
            sa.Numeric(precision=5, scale=2, asdecimal=False),
            server_default="1",
            nullable=False,
        ),
        sa.Column("written", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("weight > 0", name=op.f("ck_work_types_weight")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_work_types_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_work_types")),
        sa.UniqueConstraint(
            "organization_id", "name", name=op.f("uq_work_types_organization_id_name")
        ),
    )
    op.create_table(
        "bells",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("bell_schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("begins_at", sa.Time(), nullable=False),
        sa.Column("ends_at", sa.Time(), nullable=False),
        sa.CheckConstraint("begins_at < ends_at", name=op.f("ck_bells_times")),
        sa.CheckConstraint("number BETWEEN 0 AND 20", name=op.f("ck_bells_number")),
        sa.ForeignKeyConstraint(
            ["organization_id", "bell_schedule_id"],
            ["bell_schedules.organization_id", "bell_schedules.id"],
            name=op.f("fk_bells_organization_id_bell_schedule_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_bells_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_bells")),
        sa.UniqueConstraint(
            "organization_id",
            "bell_schedule_id",
            "number",
            name=op.f("uq_bells_organization_id_bell_schedule_id_number"),
        ),
    )
    op.create_table(
        "groups",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('class', 'study_group')", name=op.f("ck_groups_kind")),
        sa.CheckConstraint("grade BETWEEN 1 AND 11", name=op.f("ck_groups_grade")),
        sa.ForeignKeyConstraint(
            ["organization_id", "academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_groups_organization_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_groups_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_groups")),
        sa.UniqueConstraint(
            "organization_id",
            "academic_year_id",
            "name",
            name=op.f("uq_groups_organization_id_academic_year_id_name"),
        ),
    )
    op.create_table(
        "guardianships",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("guardian_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("declined_electronic", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("guardian_id"), "="),
            (sa.column("student_id"), "="),
            (sa.literal_column("daterange(begins_on, ends_on)"), "&&"),
            using="gist",
            name="ex_guardianships_dates",
        ),
        sa.CheckConstraint(
            "kind IN ('mother', 'father', 'guardian', 'other')", name=op.f("ck_guardianships_kind")
        ),
        sa.CheckConstraint(
            "ends_on IS NULL OR begins_on <= ends_on", name=op.f("ck_guardianships_dates")
        ),
        sa.CheckConstraint("guardian_id <> student_id", name=op.f("ck_guardianships_people")),
        sa.ForeignKeyConstraint(
            ["organization_id", "guardian_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_guardianships_organization_id_guardian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "student_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_guardianships_organization_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_guardianships_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_guardianships")),
    )
    op.create_index(
        op.f("ix_guardianships_organization_id_student_id"),
        "guardianships",
        ["organization_id", "student_id"],
        unique=False,
    )
    op.create_table(
        "holidays",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("begins_on <= ends_on", name=op.f("ck_holidays_dates")),
        sa.ForeignKeyConstraint(
            ["organization_id", "academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_holidays_organization_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_holidays_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_holidays")),
    )
    op.create_index(
        op.f("ix_holidays_organization_id_academic_year_id"),
        "holidays",
        ["organization_id", "academic_year_id"],
        unique=False,
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(
        op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"], unique=False
    )
    op.create_table(
        "reporting_periods",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("grade_from", sa.Integer(), nullable=False),
        sa.Column("grade_to", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.literal_column("int4range(grade_from, grade_to, '[]')"), "&&"),
            (sa.literal_column("daterange(begins_on, ends_on, '[]')"), "&&"),
            using="gist",
            name="ex_reporting_periods_dates",
        ),
        sa.CheckConstraint(
            "kind IN ('quarter', 'trimester', 'half_year', 'module', 'custom')",
            name=op.f("ck_reporting_periods_kind"),
        ),
        sa.CheckConstraint("begins_on < ends_on", name=op.f("ck_reporting_periods_dates")),
        sa.CheckConstraint("grade_from <= grade_to", name=op.f("ck_reporting_periods_grades")),
        sa.ForeignKeyConstraint(
            ["organization_id", "academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_reporting_periods_organization_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_reporting_periods_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_reporting_periods")),
    )
    op.create_index(
        op.f("ix_reporting_periods_organization_id_academic_year_id"),
        "reporting_periods",
        ["organization_id", "academic_year_id"],
        unique=False,
    )
    op.create_table(
        "role_assignments",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("person_id"), "="),
            (sa.column("role"), "="),
            (sa.literal_column("daterange(begins_on, ends_on)"), "&&"),
            using="gist",
            name="ex_role_assignments_dates",
        ),
        sa.CheckConstraint(
            "role IN ('coordinator', 'director', 'deputy', 'teacher', 'psychologist', 'social_pedagogue', 'student', 'guardian')",
            name=op.f("ck_role_assignments_role"),
        ),
        sa.CheckConstraint(
            "ends_on IS NULL OR begins_on <= ends_on", name=op.f("ck_role_assignments_dates")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_role_assignments_organization_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_role_assignments_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_role_assignments")),
    )
    op.create_index(
        op.f("ix_role_assignments_organization_id_role_person_id"),
        "role_assignments",
        ["organization_id", "role", "person_id"],
        unique=False,
    )
    op.create_table(
        "timetables",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("bell_schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("begins_on <= ends_on", name=op.f("ck_timetables_dates")),
        sa.ForeignKeyConstraint(
            ["organization_id", "academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_timetables_organization_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "bell_schedule_id"],
            ["bell_schedules.organization_id", "bell_schedules.id"],
            name=op.f("fk_timetables_organization_id_bell_schedule_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_timetables_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_timetables")),
        sa.UniqueConstraint(
            "organization_id",
            "academic_year_id",
            "name",
            name=op.f("uq_timetables_organization_id_academic_year_id_name"),
        ),
    )
    op.create_index(
        op.f("ix_timetables_organization_id_bell_schedule_id"),
        "timetables",
        ["organization_id", "bell_schedule_id"],
        unique=False,
    )
    op.create_table(
        "enrolments",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("end_order_number", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("group_id"), "="),
            (sa.column("student_id"), "="),
            (sa.literal_column("daterange(begins_on, ends_on)"), "&&"),
            using="gist",
            name="ex_enrolments_group",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("student_id"), "="),
            (sa.literal_column("daterange(begins_on, ends_on)"), "&&"),
            where=sa.text("kind = 'class'"),
            using="gist",
            name="ex_enrolments_class",
        ),
        sa.CheckConstraint("kind IN ('class', 'study_group')", name=op.f("ck_enrolments_kind")),
        sa.CheckConstraint(
            "ends_on IS NULL OR begins_on <= ends_on", name=op.f("ck_enrolments_dates")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "group_id"],
            ["groups.organization_id", "groups.id"],
            name=op.f("fk_enrolments_organization_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "student_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_enrolments_organization_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_enrolments_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_enrolments")),
    )
    op.create_index(
        op.f("ix_enrolments_organization_id_group_id_student_id"),
        "enrolments",
        ["organization_id", "group_id", "student_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_enrolments_organization_id_student_id_group_id"),
        "enrolments",
        ["organization_id", "student_id", "group_id"],
        unique=False,
    )
    op.create_table(
        "group_parents",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("class_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "class_id"],
            ["groups.organization_id", "groups.id"],
            name=op.f("fk_group_parents_organization_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "group_id"],
            ["groups.organization_id", "groups.id"],
            name=op.f("fk_group_parents_organization_id_group_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_group_parents_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_group_parents")),
        sa.UniqueConstraint(
            "organization_id",
            "group_id",
            "class_id",
            name=op.f("uq_group_parents_organization_id_group_id_class_id"),
        ),
    )
    op.create_index(
        op.f("ix_group_parents_organization_id_class_id"),
        "group_parents",
        ["organization_id", "class_id"],
        unique=False,
    )
    op.create_table(
        "homeroom_assignments",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("group_id"), "="),
            (sa.literal_column("daterange(begins_on, ends_on)"), "&&"),
            using="gist",
            name="ex_homeroom_assignments_dates",
        ),
        sa.CheckConstraint(
            "ends_on IS NULL OR begins_on <= ends_on", name=op.f("ck_homeroom_assignments_dates")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "group_id"],
            ["groups.organization_id", "groups.id"],
            name=op.f("fk_homeroom_assignments_organization_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_homeroom_assignments_organization_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_homeroom_assignments_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_homeroom_assignments")),
    )
    op.create_index(
        op.f("ix_homeroom_assignments_organization_id_person_id"),
        "homeroom_assignments",
        ["organization_id", "person_id"],
        unique=False,
    )
    op.create_table(
        "journals",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "closed_dates",
            postgresql.DATEMULTIRANGE(),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_journals_organization_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "group_id"],
            ["groups.organization_id", "groups.id"],
            name=op.f("fk_journals_organization_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "subject_id"],
            ["subjects.organization_id", "subjects.id"],
            name=op.f("fk_journals_organization_id_subject_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_journals_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_journals")),
        sa.UniqueConstraint(
            "organization_id",
            "group_id",
            "subject_id",
            "academic_year_id",
            name=op.f("uq_journals_organization_id_group_id_subject_id_academic_year_id"),
        ),
    )
    op.create_index(
        op.f("ix_journals_organization_id_academic_year_id"),
        "journals",
        ["organization_id", "academic_year_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_journals_organization_id_subject_id"),
        "journals",
        ["organization_id", "subject_id"],
        unique=False,
    )
    op.create_table(
        "final_marks",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("reporting_period_id", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_final_marks_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "reporting_period_id"],
            ["reporting_periods.organization_id", "reporting_periods.id"],
            name=op.f("fk_final_marks_organization_id_reporting_period_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "student_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_final_marks_organization_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_final_marks_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_final_marks")),
        sa.UniqueConstraint(
            "organization_id",
            "journal_id",
            "student_id",
            "reporting_period_id",
            name=op.f("uq_final_marks_organization_id_journal_id_student_id_reporting_period_id"),
        ),
    )
    op.create_index(
        op.f("ix_final_marks_organization_id_reporting_period_id"),
        "final_marks",
        ["organization_id", "reporting_period_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_final_marks_organization_id_student_id"),
        "final_marks",
        ["organization_id", "student_id"],
        unique=False,
    )
    op.create_table(
        "journal_teachers",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("teacher_id", sa.BigInteger(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("journal_id"), "="),
            (sa.column("teacher_id"), "="),
            (sa.literal_column("daterange(begins_on, ends_on)"), "&&"),
            using="gist",
            name="ex_journal_teachers_dates",
        ),
        sa.CheckConstraint(
            "ends_on IS NULL OR begins_on <= ends_on", name=op.f("ck_journal_teachers_dates")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_journal_teachers_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "teacher_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_journal_teachers_organization_id_teacher_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_journal_teachers_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_journal_teachers")),
    )
    op.create_index(
        op.f("ix_journal_teachers_organization_id_teacher_id_journal_id"),
        "journal_teachers",
        ["organization_id", "teacher_id", "journal_id"],
        unique=False,
    )
    op.create_table(
        "timetable_entries",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("timetable_id", sa.BigInteger(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("teacher_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("number BETWEEN 0 AND 20", name=op.f("ck_timetable_entries_number")),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name=op.f("ck_timetable_entries_weekday")),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_timetable_entries_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "room_id"],
            ["rooms.organization_id", "rooms.id"],
            name=op.f("fk_timetable_entries_organization_id_room_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "teacher_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_timetable_entries_organization_id_teacher_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "timetable_id"],
            ["timetables.organization_id", "timetables.id"],
            name=op.f("fk_timetable_entries_organization_id_timetable_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_timetable_entries_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_timetable_entries")),
        sa.UniqueConstraint(
            "organization_id",
            "timetable_id",
            "weekday",
            "number",
            "journal_id",
            name=op.f(
                "uq_timetable_entries_organization_id_timetable_id_weekday_number_journal_id"
            ),
        ),
    )
    op.create_index(
        op.f("ix_timetable_entries_organization_id_journal_id"),
        "timetable_entries",
        ["organization_id", "journal_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_timetable_entries_organization_id_room_id"),
        "timetable_entries",
        ["organization_id", "room_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_timetable_entries_organization_id_teacher_id"),
        "timetable_entries",
        ["organization_id", "teacher_id"],
        unique=False,
    )
    op.create_table(
        "lessons",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_date", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("teacher_id", sa.BigInteger(), nullable=False),
        sa.Column("substitute_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "conducted_by",
            sa.BigInteger(),
            sa.Computed("coalesce(substitute_id, teacher_id)", persisted=True),
            nullable=False,
        ),
        sa.Column("status", sa.Text(), server_default="planned", nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("timetable_entry_id", sa.BigInteger(), nullable=True),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("substitution_late", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("conducted_by"), "="),
            (sa.literal_column("tstzrange(begins_at, ends_at)"), "&&"),
            where=sa.text("status <> 'cancelled'"),
            using="gist",
            name="ex_lessons_teacher",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("group_id"), "="),
            (sa.literal_column("tstzrange(begins_at, ends_at)"), "&&"),
            where=sa.text("status <> 'cancelled'"),
            using="gist",
            name="ex_lessons_group",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("room_id"), "="),
            (sa.literal_column("tstzrange(begins_at, ends_at)"), "&&"),
            where=sa.text("status <> 'cancelled'"),
            using="gist",
            name="ex_lessons_room",
        ),
        sa.CheckConstraint(
            "status IN ('planned', 'held', 'cancelled')", name=op.f("ck_lessons_status")
        ),
        sa.CheckConstraint("begins_at < ends_at", name=op.f("ck_lessons_times")),
        sa.CheckConstraint("number BETWEEN 0 AND 20", name=op.f("ck_lessons_number")),
        sa.ForeignKeyConstraint(
            ["organization_id", "group_id"],
            ["groups.organization_id", "groups.id"],
            name=op.f("fk_lessons_organization_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_lessons_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "room_id"],
            ["rooms.organization_id", "rooms.id"],
            name=op.f("fk_lessons_organization_id_room_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "substitute_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_lessons_organization_id_substitute_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "teacher_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_lessons_organization_id_teacher_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "timetable_entry_id"],
            ["timetable_entries.organization_id", "timetable_entries.id"],
            name=op.f("fk_lessons_organization_id_timetable_entry_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_lessons_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lessons")),
        sa.UniqueConstraint(
            "organization_id",
            "id",
            "lesson_date",
            name=op.f("uq_lessons_organization_id_id_lesson_date"),
        ),
        sa.UniqueConstraint(
            "organization_id",
            "timetable_entry_id",
            "planned_on",
            name=op.f("uq_lessons_organization_id_timetable_entry_id_planned_on"),
        ),
    )
    op.create_index(
        op.f("ix_lessons_organization_id_begins_at_id"),
        "lessons",
        ["organization_id", "begins_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_lessons_organization_id_conducted_by_lesson_date"),
        "lessons",
        ["organization_id", "conducted_by", "lesson_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_lessons_organization_id_group_id_lesson_date"),
        "lessons",
        ["organization_id", "group_id", "lesson_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_lessons_organization_id_journal_id_lesson_date_number"),
        "lessons",
        ["organization_id", "journal_id", "lesson_date", "number"],
        unique=False,
    )
    op.create_index(
        op.f("ix_lessons_organization_id_room_id_lesson_date"),
        "lessons",
        ["organization_id", "room_id", "lesson_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_lessons_organization_id_teacher_id_lesson_date"),
        "lessons",
        ["organization_id", "teacher_id", "lesson_date"],
        unique=False,
    )
    op.create_table(
        "attendance",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_date", sa.Date(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "minutes IS NULL OR (status = 'late' AND minutes > 0)",
            name=op.f("ck_attendance_minutes"),
        ),
        sa.CheckConstraint(
            "status IN ('present', 'absent', 'ill', 'excused', 'unexcused', 'late', 'released', 'remote')",
            name=op.f("ck_attendance_status"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_attendance_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "lesson_id", "lesson_date"],
            ["lessons.organization_id", "lessons.id", "lessons.lesson_date"],
            name=op.f("fk_attendance_organization_id_lesson_id_lesson_date"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "student_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_attendance_organization_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_attendance_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_attendance")),
        sa.UniqueConstraint(
            "organization_id",
            "lesson_id",
            "student_id",
            name=op.f("uq_attendance_organization_id_lesson_id_student_id"),
        ),
    )
    op.create_index(
        op.f("ix_attendance_organization_id_journal_id_lesson_date"),
        "attendance",
        ["organization_id", "journal_id", "lesson_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_attendance_organization_id_student_id_lesson_date"),
        "attendance",
        ["organization_id", "student_id", "lesson_date"],
        unique=False,
    )
    op.create_table(
        "homework",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("due_lesson_id", sa.BigInteger(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_late", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("btrim(text) <> ''", name=op.f("ck_homework_text")),
        sa.ForeignKeyConstraint(
            ["organization_id", "due_lesson_id"],
            ["lessons.organization_id", "lessons.id"],
            name=op.f("fk_homework_organization_id_due_lesson_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_homework_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "lesson_id"],
            ["lessons.organization_id", "lessons.id"],
            name=op.f("fk_homework_organization_id_lesson_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_homework_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_homework")),
    )
    op.create_index(
        op.f("ix_homework_organization_id_due_lesson_id"),
        "homework",
        ["organization_id", "due_lesson_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_homework_organization_id_journal_id_due_on"),
        "homework",
        ["organization_id", "journal_id", "due_on"],
        unique=False,
    )
    op.create_index(
        op.f("ix_homework_organization_id_lesson_id"),
        "homework",
        ["organization_id", "lesson_id"],
        unique=False,
    )
    op.create_table(
        "works",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_date", sa.Date(), nullable=False),
        sa.Column("work_type_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("weight", sa.Numeric(precision=5, scale=2, asdecimal=False), nullable=True),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint("weight IS NULL OR weight > 0", name=op.f("ck_works_weight")),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_works_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "lesson_id", "lesson_date"],
            ["lessons.organization_id", "lessons.id", "lessons.lesson_date"],
            name=op.f("fk_works_organization_id_lesson_id_lesson_date"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "work_type_id"],
            ["work_types.organization_id", "work_types.id"],
            name=op.f("fk_works_organization_id_work_type_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_works_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_works")),
    )
    op.create_index(
        op.f("ix_works_organization_id_journal_id_lesson_date"),
        "works",
        ["organization_id", "journal_id", "lesson_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_works_organization_id_lesson_id"),
        "works",
        ["organization_id", "lesson_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_works_organization_id_work_type_id"),
        "works",
        ["organization_id", "work_type_id"],
        unique=False,
    )
    op.create_table(
        "marks",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("work_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_date", sa.Date(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("numeric", sa.Integer(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("ordinal BETWEEN 1 AND 4", name=op.f("ck_marks_ordinal")),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_marks_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "lesson_id", "lesson_date"],
            ["lessons.organization_id", "lessons.id", "lessons.lesson_date"],
            name=op.f("fk_marks_organization_id_lesson_id_lesson_date"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "student_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_marks_organization_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "work_id"],
            ["works.organization_id", "works.id"],
            name=op.f("fk_marks_organization_id_work_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_marks_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_marks")),
        sa.UniqueConstraint(
            "organization_id",
            "work_id",
            "student_id",
            "ordinal",
            name=op.f("uq_marks_organization_id_work_id_student_id_ordinal"),
        ),
    )
    op.create_index(
        op.f("ix_marks_organization_id_journal_id_lesson_date"),
        "marks",
        ["organization_id", "journal_id", "lesson_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_marks_organization_id_lesson_id"),
        "marks",
        ["organization_id", "lesson_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_marks_organization_id_student_id_lesson_date"),
        "marks",
        ["organization_id", "student_id", "lesson_date"],
        unique=False,
    )


def downgrade() -> None:

    op.drop_index(op.f("ix_marks_organization_id_student_id_lesson_date"), table_name="marks")
    op.drop_index(op.f("ix_marks_organization_id_lesson_id"), table_name="marks")
    op.drop_index(op.f("ix_marks_organization_id_journal_id_lesson_date"), table_name="marks")
    op.drop_table("marks")
    op.drop_index(op.f("ix_works_organization_id_work_type_id"), table_name="works")
    op.drop_index(op.f("ix_works_organization_id_lesson_id"), table_name="works")
    op.drop_index(op.f("ix_works_organization_id_journal_id_lesson_date"), table_name="works")
    op.drop_table("works")
    op.drop_index(op.f("ix_homework_organization_id_lesson_id"), table_name="homework")
    op.drop_index(op.f("ix_homework_organization_id_journal_id_due_on"), table_name="homework")
    op.drop_index(op.f("ix_homework_organization_id_due_lesson_id"), table_name="homework")
    op.drop_table("homework")
    op.drop_index(
        op.f("ix_attendance_organization_id_student_id_lesson_date"), table_name="attendance"
    )
    op.drop_index(
        op.f("ix_attendance_organization_id_journal_id_lesson_date"), table_name="attendance"
    )
    op.drop_table("attendance")
    op.drop_index(op.f("ix_lessons_organization_id_teacher_id_lesson_date"), table_name="lessons")
    op.drop_index(op.f("ix_lessons_organization_id_room_id_lesson_date"), table_name="lessons")
    op.drop_index(
        op.f("ix_lessons_organization_id_journal_id_lesson_date_number"), table_name="lessons"
    )
    op.drop_index(op.f("ix_lessons_organization_id_group_id_lesson_date"), table_name="lessons")
    op.drop_index(op.f("ix_lessons_organization_id_conducted_by_lesson_date"), table_name="lessons")
    op.drop_index(op.f("ix_lessons_organization_id_begins_at_id"), table_name="lessons")
    op.drop_table("lessons")
    op.drop_index(
        op.f("ix_timetable_entries_organization_id_teacher_id"), table_name="timetable_entries"
    )
    op.drop_index(
        op.f("ix_timetable_entries_organization_id_room_id"), table_name="timetable_entries"
    )
    op.drop_index(
        op.f("ix_timetable_entries_organization_id_journal_id"), table_name="timetable_entries"
    )
    op.drop_table("timetable_entries")
    op.drop_index(
        op.f("ix_journal_teachers_organization_id_teacher_id_journal_id"),
        table_name="journal_teachers",
    )
    op.drop_table("journal_teachers")
    op.drop_index(op.f("ix_final_marks_organization_id_student_id"), table_name="final_marks")
    op.drop_index(
        op.f("ix_final_marks_organization_id_reporting_period_id"), table_name="final_marks"
    )
    op.drop_table("final_marks")
    op.drop_index(op.f("ix_journals_organization_id_subject_id"), table_name="journals")
    op.drop_index(op.f("ix_journals_organization_id_academic_year_id"), table_name="journals")
    op.drop_table("journals")
    op.drop_index(
        op.f("ix_homeroom_assignments_organization_id_person_id"), table_name="homeroom_assignments"
    )
    op.drop_table("homeroom_assignments")
    op.drop_index(op.f("ix_group_parents_organization_id_class_id"), table_name="group_parents")
    op.drop_table("group_parents")
    op.drop_index(
        op.f("ix_enrolments_organization_id_student_id_group_id"), table_name="enrolments"
    )
    op.drop_index(
        op.f("ix_enrolments_organization_id_group_id_student_id"), table_name="enrolments"
    )
    op.drop_table("enrolments")
    op.drop_index(op.f("ix_timetables_organization_id_bell_schedule_id"), table_name="timetables")
    op.drop_table("timetables")
    op.drop_index(
        op.f("ix_role_assignments_organization_id_role_person_id"), table_name="role_assignments"
    )
    op.drop_table("role_assignments")
    op.drop_index(
        op.f("ix_reporting_periods_organization_id_academic_year_id"),
        table_name="reporting_periods",
    )
    op.drop_table("reporting_periods")
    op.drop_index(op.f("ix_refresh_tokens_session_id"), table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index(op.f("ix_holidays_organization_id_academic_year_id"), table_name="holidays")
    op.drop_table("holidays")
    op.drop_index(op.f("ix_guardianships_organization_id_student_id"), table_name="guardianships")
    op.drop_table("guardianships")
    op.drop_table("groups")
    op.drop_table("bells")
    op.drop_table("work_types")
    op.drop_table("subjects")
    op.drop_index(op.f("ix_sessions_account_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("rooms")
    op.drop_index(op.f("ix_persons_organization_id_sort_key_id"), table_name="persons")
    op.drop_index(op.f("ix_persons_account_id"), table_name="persons")
    op.drop_table("persons")
    op.drop_table("mark_values")
    op.drop_index(
        op.f("ix_mark_changes_organization_id_work_id_student_id_id"),
        table_name="mark_changes",
        postgresql_where=sa.text("work_id IS NOT NULL"),
    )
    op.drop_index(
        op.f("ix_mark_changes_organization_id_subject_id_changed_at_id"), table_name="mark_changes"
    )
    op.drop_index(
        op.f("ix_mark_changes_organization_id_student_id_changed_at_id"), table_name="mark_changes"
    )
    op.drop_index(
        op.f("ix_mark_changes_organization_id_group_id_changed_at_id"), table_name="mark_changes"
    )
    op.drop_index(op.f("ix_mark_changes_organization_id_changed_at_id"), table_name="mark_changes")
    op.drop_index(
        op.f("ix_mark_changes_organization_id_actor_id_changed_at_id"), table_name="mark_changes"
    )
    op.drop_table("mark_changes")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(
        op.f("ix_entry_changes_organization_id_entity_entity_id_id"), table_name="entry_changes"
    )
    op.drop_index(
        op.f("ix_entry_changes_organization_id_changed_at_id"), table_name="entry_changes"
    )
    op.drop_table("entry_changes")
    op.drop_table("bell_schedules")
    op.drop_table("academic_years")
    op.drop_index(op.f("ix_sign_in_failures_last_failed_at"), table_name="sign_in_failures")
    op.drop_table("sign_in_failures")
    op.drop_table("organizations")
    op.drop_table("accounts")

    op.execute("DROP FUNCTION mark_edit_closes_at")
    op.execute("DROP FUNCTION refuse_change_of_history")
