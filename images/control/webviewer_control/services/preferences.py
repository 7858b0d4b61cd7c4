"""Settings of a user, kept for the pages: key and any JSON value."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from webviewer.errors import TooLargeError
from webviewer_control.store.database import Database
from webviewer_control.store.models import SettingRow

_MAX_KEYS = 200
_MAX_VALUE_BYTES = 64 * 1024


class Preferences:
    """Reads and writes the settings of one user at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, user: str) -> dict[str, Any]:
        """Return all settings of a user."""
        query = select(SettingRow.key, SettingRow.value).where(SettingRow.user_id == user)
        async with self._database.reading() as transaction:
            return dict((await transaction.execute(query)).all())

    async def put(self, user: str, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON
        """Set one setting. Raises TooLargeError beyond 64 kB or 200 keys."""
        if len(json.dumps(value)) > _MAX_VALUE_BYTES:
            text = f"a setting may have at most {_MAX_VALUE_BYTES} bytes"
            raise TooLargeError(text)
        try:
            await self._write(user, key, value)
        except IntegrityError:
            # Another tab made the same setting meanwhile: now it is there to be changed.
            await self._write(user, key, value)

    async def _write(self, user: str, key: str, value: Any) -> None:  # noqa: ANN401 - as above
        count = select(func.count()).select_from(SettingRow).where(SettingRow.user_id == user, SettingRow.key != key)
        async with self._database.writing() as transaction:
            if (await transaction.scalar(count) or 0) >= _MAX_KEYS:
                text = f"a user may have at most {_MAX_KEYS} settings"
                raise TooLargeError(text)
            await transaction.merge(SettingRow(user_id=user, key=key, value=value))

    async def delete(self, user: str, key: str) -> None:
        """Forget one setting; forgetting twice is no error."""
        async with self._database.writing() as transaction:
            await transaction.execute(delete(SettingRow).where(SettingRow.user_id == user, SettingRow.key == key))
