"""What render nodes draw on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("nodes", sa.Column("device", sa.String(length=255), nullable=False, server_default=""))
