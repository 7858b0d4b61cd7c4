"""Senders of quarantined objects by AE title and address, and reasons that pages can translate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("quarantine", sa.Column("ae_title", sa.String(length=16), server_default="", nullable=False))
    op.add_column("quarantine", sa.Column("address", sa.String(length=64), server_default="", nullable=False))
    why = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.add_column("quarantine", sa.Column("why", why, nullable=True))
    quarantine = sa.table("quarantine", sa.column("source", sa.String), sa.column("ae_title", sa.String))
    # "C-STORE SENDER" was one text.
    op.execute(
        quarantine.update()
        .where(quarantine.c.source.like("C-STORE %"))
        .values(ae_title=sa.func.substr(quarantine.c.source, 9, 16), source="C-STORE")
    )
