"""Settings of the administrator and of the server, browsers of sessions, versions of users, orders of the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the schema forward."""
    for name in ("administrator_settings", "server_settings"):
        op.create_table(
            name,
            sa.Column("key", sa.String(length=64), nullable=False),
            sa.Column("value", JSON, nullable=False),
            sa.PrimaryKeyConstraint("key", name=op.f(f"pk_{name}")),
        )
    op.add_column("sessions", sa.Column("agent", sa.String(length=256), server_default="", nullable=False))
    op.add_column("users", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("journal", sa.Column("login_key", sa.String(length=64), server_default="", nullable=False))
    op.execute("UPDATE journal SET login_key = lower(login)")
    for name in ("event", "login", "time"):
        op.drop_index(op.f(f"ix_journal_{name}"), "journal")
    op.create_index(op.f("ix_journal_time_id"), "journal", ["time", "id"])
    op.create_index(op.f("ix_journal_event_time_id"), "journal", ["event", "time", "id"])
    op.create_index(op.f("ix_journal_login_key_time_id"), "journal", ["login_key", "time", "id"])
