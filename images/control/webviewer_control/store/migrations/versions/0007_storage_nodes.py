"""The storage node of each user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("users", sa.Column("storage_node", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_users_storage_node"), "users", ["storage_node"])
