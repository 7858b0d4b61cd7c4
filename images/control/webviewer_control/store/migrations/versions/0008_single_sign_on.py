"""Users of single sign-on, and sessions of auditors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("subject", sa.Text(), nullable=True))
        table.create_unique_constraint(op.f("uq_users_subject"), ["subject"])
    op.add_column("sessions", sa.Column("auditor", sa.Boolean(), nullable=False, server_default=sa.false()))
