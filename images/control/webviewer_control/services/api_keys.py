"""Keys of other programs: sealed under the instance key. The administrator can copy them, a thief of the database cannot."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.errors import NotFoundError
from webviewer_control.errors import KeyUserError
from webviewer_control.services.actor import Actor
from webviewer_control.services.records import Records
from webviewer_control.store.models import ApiKeyRow, UserRow

ApiKeySort = Literal["id", "user", "description", "created", "last_used"]
_KEY_BYTES = 24
_NONCE_BYTES = 12
_USED_AFTER = dt.timedelta(minutes=1)
_Servers = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=1000)]


class KeyRequest(BaseModel):
    """What may be asked with a key: ``POST /api/link``, and how far its links may go. No list names a server = none."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = False
    user_storage: bool = True
    """Links to studies in the storage of the user."""
    user_pacs: bool = True
    """Links to studies on PACS servers of the user, those of ``user_pacs_servers``."""
    user_pacs_servers: _Servers = []
    global_pacs: bool = True
    """Links to studies on PACS servers of everybody, those of ``global_pacs_servers``."""
    global_pacs_servers: _Servers = []
    deanonymisation: bool = True
    """Links that say who the study is of; without it there is none with download either, as its text holds the secret."""
    download: bool = True
    signing: bool = True


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in clear; ``user`` null = it has the rights of the administrator."""

    row: ApiKeyRow
    user: UserRow | None
    key: str

    @property
    def request(self) -> KeyRequest:
        """What may be asked with it."""
        return KeyRequest.model_validate(self.row.request)


class ApiKeys:
    """All keys. Changes are journaled in their transaction."""

    def __init__(self, records: Records, key: bytes) -> None:
        """``key`` is the instance key."""
        self._records = records
        self._cipher = AESGCM(hmac.digest(key, b"api keys", "sha256"))
        self._lookup_key = hmac.digest(key, b"api keys|look-up", "sha256")

    async def create(self, login: str, description: str, request: KeyRequest, by: Actor) -> ApiKey:
        """Make a key; an empty ``login`` is the administrator. Raises KeyUserError."""
        key = secrets.token_urlsafe(_KEY_BYTES)
        lookup = self._lookup(key)
        async with self._records.database.writing() as transaction:
            user = await _user(transaction, login)
            row = ApiKeyRow(
                sealed=self._seal(key, lookup),
                lookup=lookup,
                user_id=user.id if user else None,
                description=description,
                created=self._records.clock(),
                request=request.model_dump(),
            )
            transaction.add(row)
            await transaction.flush()
            self._journal(transaction, by, row, user, "created")
        return ApiKey(row, user, key)

    async def page(
        self, sort: ApiKeySort, offset: int, limit: int, *, descending: bool
    ) -> tuple[int, Sequence[ApiKey]]:
        """Return the number of all keys and a page of them."""
        column: Any = UserRow.login_key if sort == "user" else getattr(ApiKeyRow, sort)
        order = (column.desc() if descending else column.asc()).nulls_last()
        query = select(ApiKeyRow, UserRow).outerjoin(UserRow, UserRow.id == ApiKeyRow.user_id)
        query = query.order_by(order, ApiKeyRow.id).offset(offset).limit(limit)
        async with self._records.database.reading() as transaction:
            total = await transaction.scalar(select(func.count()).select_from(ApiKeyRow))
            rows = (await transaction.execute(query)).all()
        return total or 0, [self._opened(row, user) for row, user in rows]

    async def change(self, key: int, changes: dict[str, Any], by: Actor) -> ApiKey:
        """Change ``user``, ``description`` or ``request``. Raises NotFoundError and KeyUserError."""
        async with self._records.database.writing() as transaction:
            row = await _get(transaction, key)
            if "user" in changes:
                user = await _user(transaction, changes["user"])
                row.user_id = user.id if user else None
            else:
                user = await transaction.get(UserRow, row.user_id) if row.user_id else None
            row.description = changes.get("description", row.description)
            row.request = changes.get("request", row.request)
            self._journal(transaction, by, row, user, "changed")
        return self._opened(row, user)

    async def delete(self, key: int, by: Actor) -> None:
        """Delete a key: whoever uses it is refused from now on. Raises NotFoundError."""
        async with self._records.database.writing() as transaction:
            row = await _get(transaction, key)
            user = await transaction.get(UserRow, row.user_id) if row.user_id else None
            self._journal(transaction, by, row, user, "deleted")
            await transaction.delete(row)

    async def find(self, text: str) -> ApiKey | None:
        """Return the key that somebody shows, if there is one like it; its use is noted every minute."""
        query = select(ApiKeyRow, UserRow).outerjoin(UserRow, UserRow.id == ApiKeyRow.user_id)
        async with self._records.database.reading() as transaction:
            found = (await transaction.execute(query.where(ApiKeyRow.lookup == self._lookup(text)))).one_or_none()
        if found is None:
            return None
        row, user = found
        now = self._records.clock()
        if row.last_used is None or now - row.last_used >= _USED_AFTER:
            async with self._records.database.writing() as transaction:
                await transaction.execute(update(ApiKeyRow).where(ApiKeyRow.id == row.id).values(last_used=now))
        return ApiKey(row, user, text)

    def _opened(self, row: ApiKeyRow, user: UserRow | None) -> ApiKey:
        raw = base64.b64decode(row.sealed)
        key = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], row.lookup.encode())
        return ApiKey(row, user, key.decode())

    def _seal(self, key: str, lookup: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, key.encode(), lookup.encode())).decode()

    def _lookup(self, key: str) -> str:
        return hmac.digest(self._lookup_key, key.encode(), "sha256").hex()

    def _journal(self, transaction: AsyncSession, by: Actor, row: ApiKeyRow, user: UserRow | None, change: str) -> None:
        self._records.journal.add(
            transaction,
            "server-changed",
            by,
            row.user_id,
            change=change,
            api_key=row.id,
            affected=user.login if user else None,
        )


async def _get(transaction: AsyncSession, key: int) -> ApiKeyRow:
    row = await transaction.get(ApiKeyRow, key, with_for_update=True)
    if row is None:
        text = "no such API key"
        raise NotFoundError(text)
    return row


async def _user(transaction: AsyncSession, login: str) -> UserRow | None:
    if not login:
        return None
    user: UserRow | None = await transaction.scalar(select(UserRow).where(UserRow.login_key == login.lower()))
    if user is None:
        raise KeyUserError
    return user
