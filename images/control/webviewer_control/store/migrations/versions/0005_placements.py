"""Render nodes of sessions, and what the nodes have in memory."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "placements",
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_placements_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_placements")),
    )
    op.create_index(op.f("ix_placements_expires"), "placements", ["expires"])
    op.create_index(op.f("ix_placements_node_id"), "placements", ["node_id"])
    document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("nodes", sa.Column("series", document, nullable=False, server_default="[]"))
