"""Why an image or a series has no picture, as pages can translate it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Rows of former releases keep their English text alone."""
    why = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    for table in ("series", "instances"):
        op.add_column(table, sa.Column("why", why, nullable=True))
