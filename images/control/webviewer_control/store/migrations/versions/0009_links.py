"""Links, keys of other programs, and what sessions of links may see."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "links",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("copied", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("storage_node", sa.String(length=64), nullable=True),
        sa.Column("store", sa.String(length=64), nullable=False),
        sa.Column("study", sa.String(length=64), nullable=False),
        sa.Column("series", sa.String(length=64), nullable=True),
        sa.Column("window", sa.String(length=8), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("opens", sa.Integer(), nullable=False),
        sa.Column("max_opens", sa.Integer(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pid", sa.Text(), nullable=False),
        sa.Column("sex", sa.String(length=16), nullable=False),
        sa.Column("dob", sa.Date(), nullable=True),
        sa.Column("mod", JSON, nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("date", sa.DateTime(), nullable=True),
        sa.Column("acc", sa.Text(), nullable=False),
        sa.Column("desc", sa.Text(), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("pid_key", KEY, nullable=False),
        sa.Column("acc_key", KEY, nullable=False),
        sa.Column("desc_key", KEY, nullable=False),
        sa.Column("mod_key", sa.Text(), nullable=False),
        sa.Column("region_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_links_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("secret", name=op.f("uq_links_secret")),
    )
    for column in ("store", "study"):
        op.create_index(op.f(f"ix_links_{column}"), "links", [column])
    for order in (("created",), ("user_id", "created"), ("name_key",), ("pid_key",), ("acc_key",)):
        op.create_index(op.f(f"ix_links_{'_'.join(order)}_id"), "links", [*order, "id"])
    op.create_table(
        "api_keys",
        sa.Column("id", COUNTER, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request", JSON, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("lookup", name=op.f("uq_api_keys_lookup")),
    )
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"])
    op.add_column("sessions", sa.Column("storage_node", sa.String(length=64), nullable=True))
    op.add_column("sessions", sa.Column("study", sa.String(length=64), nullable=True))
    op.add_column("sessions", sa.Column("series", sa.String(length=64), nullable=True))
    op.add_column("sessions", sa.Column("link", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_sessions_study"), "sessions", ["study"])
    op.create_index(op.f("ix_sessions_link"), "sessions", ["link"])
