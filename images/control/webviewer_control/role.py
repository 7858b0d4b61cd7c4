"""The control role: pages, log-in, rights and the relay."""

from __future__ import annotations

from webviewer.roles import Role
from webviewer.settings import Settings
from webviewer_control.app import create_app
from webviewer_control.services.control import Control, open_control
from webviewer_control.store.database import Database


async def upgrade(settings: Settings) -> None:
    """Bring control's schema to this release."""
    database = Database(settings)
    try:
        await database.upgrade()
    finally:
        await database.close()


ROLE: Role[Control] = Role("control", 8090, open_control, create_app, upgrade)
