"""lesson plans"""

import sqlalchemy as sa
from alembic import op

revision = "29e888f9d4f8"
down_revision = "c03b7e5512aa"
branch_labels = None
depends_on = None

TABLES = ("lesson_plans", "plan_items", "journal_plans", "planned_lessons")

# Who sees a row: the organization that the transaction was opened for, and nobody else.
OURS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"


def upgrade() -> None:
    op.create_table(
        "lesson_plans",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True, nullable=False
        ),
        sa.Column("academic_year_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("teacher_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("grade BETWEEN 1 AND 11", name=op.f("ck_lesson_plans_grade")),
        sa.ForeignKeyConstraint(
            ["organization_id", "academic_year_id"],
            ["academic_years.organization_id", "academic_years.id"],
            name=op.f("fk_lesson_plans_organization_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "subject_id"],
            ["subjects.organization_id", "subjects.id"],
            name=op.f("fk_lesson_plans_organization_id_subject_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "teacher_id"],
            ["persons.organization_id", "persons.id"],
            name=op.f("fk_lesson_plans_organization_id_teacher_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_lesson_plans_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lesson_plans")),
    )
    op.create_index(
        op.f("ix_lesson_plans_organization_id_academic_year_id_subject_id_grade"),
        "lesson_plans",
        ["organization_id", "academic_year_id", "subject_id", "grade"],
        unique=False,
    )
    op.create_index(
        op.f("ix_lesson_plans_organization_id_subject_id"),
        "lesson_plans",
        ["organization_id", "subject_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_lesson_plans_organization_id_teacher_id"),
        "lesson_plans",
        ["organization_id", "teacher_id"],
        unique=False,
    )
    op.create_table(
        "plan_items",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True, nullable=False
        ),
        sa.Column("lesson_plan_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("section", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("homework", sa.Text(), nullable=True),
        sa.Column("work_type_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("hours BETWEEN 1 AND 100", name=op.f("ck_plan_items_hours")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_plan_items_number")),
        sa.ForeignKeyConstraint(
            ["organization_id", "lesson_plan_id"],
            ["lesson_plans.organization_id", "lesson_plans.id"],
            name=op.f("fk_plan_items_organization_id_lesson_plan_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "work_type_id"],
            ["work_types.organization_id", "work_types.id"],
            name=op.f("fk_plan_items_organization_id_work_type_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_plan_items_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_plan_items")),
        sa.UniqueConstraint(
            "organization_id",
            "lesson_plan_id",
            "number",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_plan_items_organization_id_lesson_plan_id_number"),
        ),
    )
    op.create_index(
        op.f("ix_plan_items_organization_id_work_type_id"),
        "plan_items",
        ["organization_id", "work_type_id"],
        unique=False,
    )
    op.create_table(
        "journal_plans",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True, nullable=False
        ),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_plan_id", sa.BigInteger(), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_version", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "journal_id"],
            ["journals.organization_id", "journals.id"],
            name=op.f("fk_journal_plans_organization_id_journal_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "lesson_plan_id"],
            ["lesson_plans.organization_id", "lesson_plans.id"],
            name=op.f("fk_journal_plans_organization_id_lesson_plan_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_journal_plans_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_journal_plans")),
        sa.UniqueConstraint(
            "organization_id",
            "journal_id",
            name=op.f("uq_journal_plans_organization_id_journal_id"),
        ),
    )
    op.create_index(
        op.f("ix_journal_plans_organization_id_lesson_plan_id"),
        "journal_plans",
        ["organization_id", "lesson_plan_id"],
        unique=False,
    )
    op.create_table(
        "planned_lessons",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), autoincrement=True, nullable=False
        ),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_item_id", sa.BigInteger(), nullable=True),
        sa.Column("pinned", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "lesson_id"],
            ["lessons.organization_id", "lessons.id"],
            name=op.f("fk_planned_lessons_organization_id_lesson_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "plan_item_id"],
            ["plan_items.organization_id", "plan_items.id"],
            name=op.f("fk_planned_lessons_organization_id_plan_item_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_planned_lessons_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_planned_lessons")),
        sa.UniqueConstraint(
            "organization_id",
            "lesson_id",
            name=op.f("uq_planned_lessons_organization_id_lesson_id"),
        ),
    )
    op.create_index(
        op.f("ix_planned_lessons_organization_id_plan_item_id"),
        "planned_lessons",
        ["organization_id", "plan_item_id"],
        unique=False,
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY organization ON {table} USING ({OURS}) WITH CHECK ({OURS})")
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO dnevnik_app, dnevnik_worker"
        )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_planned_lessons_organization_id_plan_item_id"), table_name="planned_lessons"
    )
    op.drop_table("planned_lessons")
    op.drop_index(
        op.f("ix_journal_plans_organization_id_lesson_plan_id"), table_name="journal_plans"
    )
    op.drop_table("journal_plans")
    op.drop_index(op.f("ix_plan_items_organization_id_work_type_id"), table_name="plan_items")
    op.drop_table("plan_items")
    op.drop_index(op.f("ix_lesson_plans_organization_id_teacher_id"), table_name="lesson_plans")
    op.drop_index(op.f("ix_lesson_plans_organization_id_subject_id"), table_name="lesson_plans")
    op.drop_index(
        op.f("ix_lesson_plans_organization_id_academic_year_id_subject_id_grade"),
        table_name="lesson_plans",
    )
    op.drop_table("lesson_plans")
