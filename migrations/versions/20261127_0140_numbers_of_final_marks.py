"""final marks keep what their value counted for"""

import sqlalchemy as sa
from alembic import op

revision = "f1a1c0de0140"
down_revision = "10c0f5c00100"
branch_labels = None
depends_on = None

READ = ("final_marks", "journals", "groups", "subjects", "mark_values")


def upgrade() -> None:
    op.add_column("final_marks", sa.Column("numeric", sa.Integer(), nullable=True))
    for table in READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        UPDATE final_marks f SET numeric = v.numeric
        FROM journals j
        JOIN groups g ON g.organization_id = j.organization_id AND g.id = j.group_id
        JOIN subjects s ON s.organization_id = j.organization_id AND s.id = j.subject_id
        JOIN mark_values v ON v.organization_id = j.organization_id
            AND v.scale = mark_scale_of(s.mark_scale, s.grade_scales, g.grade)
        WHERE j.organization_id = f.organization_id AND j.id = f.journal_id AND v.token = f.value
    """)
    for table in READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_column("final_marks", "numeric")
