"""lessons of groups that are taught together"""

import sqlalchemy as sa
from alembic import op

revision = "b5e11a0c7d43"
down_revision = "b5e11a0c7d42"
branch_labels = None
depends_on = None

SHARED = {"ex_lessons_teacher": "conducted_by", "ex_lessons_room": "room_id"}

# Fewer pairs of lessons are refused than before, so nothing that stands breaks it.
_ALLOWED = "-- squawk-ignore constraint-missing-not-valid, ban-drop-constraint\n"
_EMPTY = "-- squawk-ignore constraint-missing-not-valid, adding-foreign-key-constraint\n"


def upgrade() -> None:
    op.add_column("lessons", sa.Column("joined_to_id", sa.BigInteger(), nullable=True))
    op.execute(
        f"{_EMPTY}ALTER TABLE lessons ADD CONSTRAINT fk_lessons_organization_id_joined_to_id"
        " FOREIGN KEY (organization_id, joined_to_id) REFERENCES lessons (organization_id, id)"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_lessons_organization_id_joined_to_id ON lessons"
        " (organization_id, joined_to_id) WHERE joined_to_id IS NOT NULL"
    )
    _never_two_at_once(" AND joined_to_id IS NULL")


def _never_two_at_once(but: str) -> None:
    for name, column in SHARED.items():
        op.execute(f"{_ALLOWED}ALTER TABLE lessons DROP CONSTRAINT {name}")
        op.execute(
            f"{_ALLOWED}ALTER TABLE lessons ADD CONSTRAINT {name} EXCLUDE USING gist"
            f" (organization_id WITH =, {column} WITH =, tstzrange(begins_at, ends_at) WITH &&)"
            f" WHERE (status <> 'cancelled'{but})"
        )


def downgrade() -> None:
    op.execute("UPDATE lessons SET status = 'cancelled' WHERE joined_to_id IS NOT NULL")
    _never_two_at_once("")
    op.drop_column("lessons", "joined_to_id")
