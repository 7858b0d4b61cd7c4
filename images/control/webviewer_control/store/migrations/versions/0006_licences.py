"""Licences, and the seats of sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "licence_ledger",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("latest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("behind", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licence_ledger")),
    )
    op.create_table(
        "licences",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("issued", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concurrents", sa.Integer(), nullable=False),
        sa.Column("link_connections", sa.Integer(), nullable=False),
        sa.Column("links", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("activated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("end_told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_licences_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licences")),
        sa.UniqueConstraint("key", name=op.f("uq_licences_key")),
    )
    op.create_index(op.f("ix_licences_user_id"), "licences", ["user_id"])
    op.create_table(
        "signed_links",
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("licence_id", COUNTER, nullable=False),
        sa.Column("signed", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["licence_id"], ["licences.id"], name=op.f("fk_signed_links_licence_id")),
        sa.PrimaryKeyConstraint("link", name=op.f("pk_signed_links")),
    )
    op.create_index(op.f("ix_signed_links_licence_id"), "signed_links", ["licence_id"])
    op.add_column("sessions", sa.Column("seat", sa.String(length=16), nullable=True))
    op.create_index(op.f("ix_sessions_seat"), "sessions", ["seat"])
