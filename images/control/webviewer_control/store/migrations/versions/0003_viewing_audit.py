"""The viewing audit and the chain that seals it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema forward."""
    seals = op.create_table(
        "audit_seals",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.Column("deleted", COUNTER, nullable=False),
        sa.Column("checkpoint", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seals")),
    )
    op.create_table(
        "audit",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("login_key", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("study", sa.String(length=64), nullable=False),
        sa.Column("subject", JSON, nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("seal_id", COUNTER, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_time_id"), "audit", ["time", "id"])
    op.create_index(op.f("ix_audit_action_time_id"), "audit", ["action", "time", "id"])
    op.create_index(op.f("ix_audit_login_key_time_id"), "audit", ["login_key", "time", "id"])
    op.create_index(op.f("ix_audit_study_time_id"), "audit", ["study", "time", "id"])
    op.create_index(op.f("ix_audit_seal_id"), "audit", ["seal_id"])
    # The beginning of the chain: everything else follows from it and the instance key.
    beginning = {"entries": 0, "digest": "", "previous": "", "mac": "0" * 64, "deleted": 0, "checkpoint": ""}
    op.bulk_insert(seals, [{"time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), **beginning}])
