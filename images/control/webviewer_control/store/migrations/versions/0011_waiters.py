"""The line of tabs that wait for a render node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "waiters",
        sa.Column("tab", sa.String(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_waiters_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tab", name=op.f("pk_waiters")),
    )
    op.create_index(op.f("ix_waiters_session_id"), "waiters", ["session_id"])
    op.create_index(op.f("ix_waiters_ticket"), "waiters", ["ticket"])
