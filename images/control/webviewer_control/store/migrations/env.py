"""Alembic environment: runs on the connection that webviewer.db.engine hands over."""

from __future__ import annotations

from alembic import context

from webviewer_control.store.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
