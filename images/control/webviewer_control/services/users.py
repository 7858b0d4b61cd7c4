"""Users: created, changed and deleted by the administrator; each has a store at the storage node."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, Subquery, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.errors import ConflictError, NotFoundError
from webviewer_control.errors import (
    AeTitleFormatError,
    AeTitleTakenError,
    HasStudiesError,
    LoginFormatError,
    LoginTakenError,
    PasswordEmptyError,
)
from webviewer_control.services.actor import SYSTEM, Actor
from webviewer_control.services.passwords import Passwords
from webviewer_control.services.records import Records
from webviewer_control.services.sessions import Sessions
from webviewer_control.services.storages import node_for
from webviewer_control.services.stores import Stores
from webviewer_control.store.models import LinkRow, NodeRow, SessionRow, UserRow, new_id

MAX_LOGIN = 32
_MOST_NAMESAKES = 100
LOGIN_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,31}$"
AE_TITLE_PATTERN = r"^[A-Za-z0-9_-]{1,16}$"
UserSort = Literal["login", "ae_title", "active", "created", "last_login", "sessions", "storage_node"]
UserFields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A user with the number of his sessions."""

    row: UserRow
    sessions: int
    storage_node: int | None = None
    """Number of the node that has his studies; null where it has not registered, and in one process."""


class Users:
    """All users. Every change is journaled in the same transaction."""

    def __init__(self, records: Records, passwords: Passwords, sessions: Sessions, own_ae_title: str) -> None:
        self._database = records.database
        self._journal = records.journal
        self._clock = records.clock
        self._passwords = passwords
        self._sessions = sessions
        self._own_ae_title = own_ae_title

    async def list(
        self, search: str, sort: UserSort, offset: int, limit: int, *, descending: bool
    ) -> tuple[int, Sequence[UserEntry]]:
        """Return the number of all matches and a page of them; ``search`` is part of a login or AE title."""
        counts = _session_counts()
        sessions = func.coalesce(counts.c.sessions, 0)
        columns = {"sessions": sessions, "storage_node": NodeRow.id, "login": UserRow.login_key}
        column = columns[sort] if sort in columns else getattr(UserRow, sort)
        # Who has no value comes last in either order, on both engines.
        order = (column.desc() if descending else column.asc()).nulls_last()
        condition = or_(
            UserRow.login_key.contains(search.lower(), autoescape=True),
            func.lower(UserRow.ae_title).contains(search.lower(), autoescape=True),
        )
        page = _entries(counts)
        if search:
            page = page.where(condition)
        page = page.order_by(order, UserRow.login_key).offset(offset).limit(limit)
        count = select(func.count()).select_from(UserRow)
        async with self._database.reading() as transaction:
            total = await transaction.scalar(count.where(condition) if search else count)
            rows = (await transaction.execute(page)).all()
        return total or 0, [UserEntry(*row) for row in rows]

    async def get(self, user: str) -> UserEntry:
        """Return a user. Raises NotFoundError."""
        async with self._database.reading() as transaction:
            found = await transaction.execute(_entries(_session_counts()).where(UserRow.id == user))
            entry = found.one_or_none()
        if entry is None:
            raise _unknown()
        return UserEntry(*entry)

    async def find_login(self, login: str) -> UserRow | None:
        """Return the user of a login, whatever its case."""
        async with self._database.reading() as transaction:
            row: UserRow | None = await transaction.scalar(select(UserRow).where(UserRow.login_key == login.lower()))
        return row

    async def of_subject(self, subject: str) -> UserRow | None:
        """Return the user of a person whom the provider of single sign-on knows."""
        async with self._database.reading() as transaction:
            row: UserRow | None = await transaction.scalar(select(UserRow).where(UserRow.subject == subject))
        return row

    async def welcome(self, subject: str, login: str) -> UserRow:
        """Return the user of a person of the provider, made at his first log-in.

        A login that somebody else has is taken with a number behind it: names of the provider give no right to users
        that were made here. Nobody knows the password.
        """
        for number in range(1, _MOST_NAMESAKES):
            row = await self.of_subject(subject)
            if row is not None:
                return row
            ending = f"_{number}" if number > 1 else ""
            fields = {"login": login[: MAX_LOGIN - len(ending)] + ending, "password": secrets.token_urlsafe(32)}
            with contextlib.suppress(LoginTakenError):
                return await self.insert(fields | {"subject": subject}, demo=False)
        raise LoginTakenError

    async def all(self) -> Sequence[UserRow]:
        """Return every user."""
        async with self._database.reading() as transaction:
            return (await transaction.scalars(select(UserRow))).all()

    async def create(self, fields: UserFields, stores: Stores, by: Actor = SYSTEM) -> UserEntry:
        """Create a user and his store. Nothing stays if the storage node does not answer."""
        row = await self.insert(fields, demo=False, by=by)
        try:
            await stores.put(row)
        except BaseException:
            async with self._database.writing() as transaction:
                await transaction.delete(row)
            raise
        return await self.get(row.id)

    async def insert(self, fields: UserFields, *, demo: bool, by: Actor = SYSTEM) -> UserRow:
        """Write the row of a new user; his store is made when it is first needed."""
        self._check(fields)
        row = UserRow(
            id=new_id(),
            login=fields["login"],
            login_key=fields["login"].lower(),
            password=await self._passwords.hash(fields["password"]),
            ae_title=fields.get("ae_title") or None,
            active=fields.get("active", True),
            demo=demo,
            created=self._clock(),
            store=new_id(),
            subject=fields.get("subject"),
        )
        async with self._database.writing() as transaction:
            await _refuse_taken(transaction, row)
            row.storage_node = await node_for(transaction, fields.get("storage_node"))
            transaction.add(row)
            status = _status(row.active)
            self._journal.add(
                transaction, "user-changed", by, row.id, change="created", affected=row.login, new_status=status
            )
            await _flush(transaction)
        return row

    async def change(
        self, user: str, fields: UserFields, stores: Stores, by: Actor = SYSTEM, version: int | None = None
    ) -> UserEntry:
        """Change what ``fields`` holds. A new password or a switch-off ends the user's sessions.

        Raises ConflictError if the user was changed since the caller has seen ``version``.
        """
        self._check(fields)
        password = await self._passwords.hash(fields["password"]) if "password" in fields else None
        before = await self.get(user)
        if fields.get("storage_node") not in (None, before.storage_node):
            await self._move(before.row, fields["storage_node"], stores, by, version)
            version = None  # it was compared
        title = before.row.ae_title
        row = await self._update(user, fields, password, by, version)
        if row.ae_title != title:
            try:
                await stores.put(row)
            except BaseException:
                await self._update(user, {"ae_title": title}, None, by)
                raise
        if password or not row.active:
            await self._sessions.end_of_user(user, by, "password" if row.active else "inactive")
        return await self.get(user)

    async def _move(self, user: UserRow, node: int, stores: Stores, by: Actor, version: int | None) -> None:
        """Put a user on another storage node; his sessions end, as they look into the former one.

        Raises HasStudiesError while he has some: they would stay behind.
        """
        await stores.close(user.storage_node, user)  # nothing comes in while we look
        try:
            await _refuse_with_studies(user, stores)
            row = await self._update(user.id, {"storage_node": node}, None, by, version)
            try:
                await stores.put(row)
            except BaseException:
                async with self._database.writing() as transaction:
                    (await transaction.get_one(UserRow, user.id)).storage_node = user.storage_node
                raise
        except BaseException:
            await stores.put(user)
            raise
        await self._sessions.end_of_user(user.id, by, "closed")

    async def set_password(self, user: str, password: str, by: Actor) -> None:
        """Change a user's password at his own wish: all his sessions end, except that of ``by``."""
        self._check({"password": password})
        await self._update(user, {}, await self._passwords.hash(password), by)
        await self._sessions.end_of_user(user, by, "password", by.session)

    async def delete(self, user: str, stores: Stores, by: Actor = SYSTEM) -> None:
        """Delete a user with his sessions and all studies of his store."""
        row = (await self.get(user)).row
        await self._sessions.end_of_user(user, by, "deleted")
        await stores.delete(row)
        async with self._database.writing() as transaction:
            # Links that he has made, and those of others to his studies: with them their openings end.
            links = select(LinkRow.id).where(or_(LinkRow.user_id == row.id, LinkRow.store == row.store))
            ended = await self._sessions.close(
                transaction, select(SessionRow).where(SessionRow.link.in_(links)), by, "deleted"
            )
            await transaction.execute(delete(LinkRow).where(LinkRow.id.in_(links)))
            await transaction.delete(row)
            self._journal.add(transaction, "user-changed", by, row.id, change="deleted", affected=row.login)
        self._sessions.publish_end(ended)
        await self._sessions.end_of_store(row.store, by)

    async def rehash(self, row: UserRow, password: str) -> None:
        """Store the hash of a right password with today's parameters."""
        hashed = await self._passwords.hash(password)
        async with self._database.writing() as transaction:
            (await transaction.merge(row)).password = hashed

    async def switch_off_demo(self) -> None:
        """Take access from users with well-known passwords."""
        async with self._database.reading() as transaction:
            users = (await transaction.scalars(select(UserRow.id).where(UserRow.demo, UserRow.active))).all()
        for user in users:
            await self._update(user, {"active": False}, None, SYSTEM)
            await self._sessions.end_of_user(user, SYSTEM, "inactive")

    async def switch_on_demo(self, user: str) -> None:
        """Give access back to a user that :meth:`switch_off_demo` took it from."""
        await self._update(user, {"active": True}, None, SYSTEM)

    async def _update(
        self, user: str, fields: UserFields, password: str | None, by: Actor, version: int | None = None
    ) -> UserRow:
        async with self._database.writing() as transaction:
            row = await transaction.get(UserRow, user, with_for_update=True)
            if row is None:
                raise _unknown()
            if version is not None and version != row.version:
                text = "somebody else has changed this user: read him again"
                raise ConflictError(text)
            before = (row.login, row.ae_title, row.active)
            row.login = fields.get("login", row.login)
            row.login_key = row.login.lower()
            row.ae_title = (fields["ae_title"] or None) if "ae_title" in fields else row.ae_title
            row.active = fields.get("active", row.active)
            moved = None
            if fields.get("storage_node") is not None:
                moved = await node_for(transaction, fields["storage_node"])
            details: dict[str, Any] = {}
            if moved not in (None, row.storage_node):
                former = await transaction.scalar(select(NodeRow.id).where(NodeRow.key == row.storage_node))
                details = {"old_node": former or "-", "new_node": fields["storage_node"]}
                row.storage_node = moved
            if password:
                row.password, row.demo = password, False
            row.version += 1
            await _refuse_taken(transaction, row)
            details |= _differences(before, row) | ({"password": True} if password else {})
            self._journal.add(transaction, "user-changed", by, row.id, change="changed", affected=before[0], **details)
            await _flush(transaction)
        return row

    def _check(self, fields: UserFields) -> None:
        if "login" in fields and not re.fullmatch(LOGIN_PATTERN, fields["login"]):
            raise LoginFormatError
        if fields.get("ae_title") and not re.fullmatch(AE_TITLE_PATTERN, fields["ae_title"]):
            raise AeTitleFormatError
        if fields.get("ae_title") == self._own_ae_title:
            raise AeTitleTakenError
        if "password" in fields and not fields["password"]:
            raise PasswordEmptyError


async def _refuse_with_studies(user: UserRow, stores: Stores) -> None:
    studies = await stores.count(user)
    if studies:
        text = f"{studies} studies of this user are on his storage node: a user moves only without studies"
        raise HasStudiesError(text)


def _entries(counts: Subquery) -> Select[UserRow, int, int | None]:
    """Select what entries are made of; ``counts`` is of sessions."""
    found: Select[UserRow, int, int | None] = select(UserRow, func.coalesce(counts.c.sessions, 0), NodeRow.id)
    joined = found.outerjoin(counts, counts.c.user_id == UserRow.id)
    return joined.outerjoin(NodeRow, NodeRow.key == UserRow.storage_node)


def _session_counts() -> Subquery:
    """Count once for all: asked per user it would be the whole cost of the page."""
    counts = select(SessionRow.user_id, func.count().label("sessions")).where(SessionRow.user_id.is_not(None))
    return counts.group_by(SessionRow.user_id).subquery()


def _status(active: bool) -> str:  # noqa: FBT001 - it says the word for the value
    return "active" if active else "inactive"


def _differences(before: tuple[str, str | None, bool], row: UserRow) -> dict[str, Any]:
    """Return what the journal tells of a change."""
    login, title, active = before
    found: dict[str, Any] = {}
    if login != row.login:
        found |= {"old_login": login, "new_login": row.login}
    if title != row.ae_title:
        found |= {"old_ae_title": title or "-", "new_ae_title": row.ae_title or "-"}
    if active != row.active:
        found["new_status"] = _status(row.active)
    return found


async def _refuse_taken(transaction: AsyncSession, row: UserRow) -> None:
    with transaction.no_autoflush:
        others = select(UserRow).where(UserRow.id != row.id)
        if await transaction.scalar(others.where(UserRow.login_key == row.login_key).limit(1)):
            raise LoginTakenError
        if row.ae_title and await transaction.scalar(others.where(UserRow.ae_title == row.ae_title).limit(1)):
            raise AeTitleTakenError


async def _flush(transaction: AsyncSession) -> None:
    """Two replicas may pass the check at once; the constraint decides then."""
    try:
        await transaction.flush()
    except IntegrityError as error:
        raise (AeTitleTakenError if "ae_title" in str(error.orig) else LoginTakenError) from error


def _unknown() -> NotFoundError:
    return NotFoundError("no such user")
