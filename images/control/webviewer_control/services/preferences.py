"""Settings of a user or of the administrator, kept for the pages: key and any JSON value."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from webviewer.errors import TooLargeError
from webviewer_control.store.database import Database
from webviewer_control.store.models import AdministratorSettingRow, SettingRow

_MAX_KEYS = 200
_MAX_VALUE_BYTES = 64 * 1024


class Preferences:
    """Reads and writes the settings of one owner at a time: a user by his id, or None for the administrator."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, user: str | None) -> dict[str, Any]:
        """Return all settings."""
        if user is None:
            query = select(AdministratorSettingRow.key, AdministratorSettingRow.value)
        else:
            query = select(SettingRow.key, SettingRow.value).where(SettingRow.user_id == user)
        async with self._database.reading() as transaction:
            return dict((await transaction.execute(query)).all())

    async def put(self, user: str | None, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON
        """Set one setting. Raises TooLargeError beyond 64 kB or 200 keys."""
        if len(json.dumps(value)) > _MAX_VALUE_BYTES:
            text = f"a setting may have at most {_MAX_VALUE_BYTES} bytes"
            raise TooLargeError(text)
        try:
            await self._write(user, key, value)
        except IntegrityError:
            # Another tab made the same setting meanwhile: now it is there to be changed.
            await self._write(user, key, value)

    async def _write(self, user: str | None, key: str, value: Any) -> None:  # noqa: ANN401 - as above
        row: AdministratorSettingRow | SettingRow
        if user is None:
            count = select(func.count()).select_from(AdministratorSettingRow).where(AdministratorSettingRow.key != key)
            row = AdministratorSettingRow(key=key, value=value)
        else:
            others = (SettingRow.user_id == user, SettingRow.key != key)
            count = select(func.count()).select_from(SettingRow).where(*others)
            row = SettingRow(user_id=user, key=key, value=value)
        async with self._database.writing() as transaction:
            if (await transaction.scalar(count) or 0) >= _MAX_KEYS:
                text = f"there may be at most {_MAX_KEYS} settings"
                raise TooLargeError(text)
            await transaction.merge(row)

    async def delete(self, user: str | None, key: str) -> None:
        """Forget one setting; forgetting twice is no error."""
        forget = (
            delete(AdministratorSettingRow).where(AdministratorSettingRow.key == key)
            if user is None
            else delete(SettingRow).where(SettingRow.user_id == user, SettingRow.key == key)
        )
        async with self._database.writing() as transaction:
            await transaction.execute(forget)
