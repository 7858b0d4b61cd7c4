"""Sessions: opened by a log-in, renewed by activity, ended by log-out, time-out or revocation."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal

import structlog
from sqlalchemy import Select, delete, func, or_, select, update

from webviewer.errors import NotFoundError, PeerUnavailableError
from webviewer_control import metrics
from webviewer_control.services.actor import SYSTEM, Actor
from webviewer_control.services.journal import Event
from webviewer_control.services.records import Records
from webviewer_control.services.watch import SessionBus, Watch
from webviewer_control.store.finish import finish
from webviewer_control.store.models import SessionRow, UserRow

SessionKind = Literal["user", "administrator", "link"]
EndReason = Literal["logged-out", "logged-in-again", "closed", "password", "inactive", "deleted", "timed-out"]
ADMINISTRATOR = "admin"
_CSRF_BYTES = 18
_SECRET_BYTES = 32
_LONGEST_TOUCH_SECONDS = 30.0
_SWEEP_SECONDS = 3.0
_MAX_ADDRESS = 64
_MAX_AGENT = 256
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. ``store`` is the user's own; ``stores`` what a link opening may read."""

    id: str
    kind: SessionKind
    user: str | None
    login: str
    store: str | None
    stores: tuple[str, ...]
    anonymised: bool
    download: bool
    csrf: str
    deadline: dt.datetime
    """When it ends if nothing happens before."""
    last_seen: dt.datetime

    @property
    def subject(self) -> str:
        """Who acts, for grants and logs."""
        return self.user or self.kind


class Sessions:
    """Keeps sessions in the database; a secret leaves this class once and is then known by its hash only."""

    def __init__(self, records: Records, bus: SessionBus, key: bytes, idle: float, lifetime: float) -> None:
        self._database = records.database
        self._journal = records.journal
        self._clock = records.clock
        self._bus = bus
        self._key = key
        self._idle = dt.timedelta(seconds=idle)
        self._lifetime = dt.timedelta(seconds=lifetime)
        self._touch_after = dt.timedelta(seconds=min(_LONGEST_TOUCH_SECONDS, idle / 10))

    async def open(
        self, kind: SessionKind, address: str, user: UserRow | None = None, login: str = "", agent: str = ""
    ) -> tuple[Session, str]:
        """Open a session and return it with its secret. ``agent`` is what the browser calls itself."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        now = self._clock()
        row = SessionRow(
            kind=kind,
            user_id=user.id if user else None,
            secret=_digest(secret),
            created=now,
            last_seen=now,
            expires=now + self._lifetime,
            address=address[:_MAX_ADDRESS],
            agent=agent[:_MAX_AGENT],
        )
        async with self._database.writing() as transaction:
            transaction.add(row)
            if user:
                await transaction.execute(update(UserRow).where(UserRow.id == user.id).values(last_login=now))
            await transaction.flush()
            by = Actor(user.login if user else login or kind, row.id, row.address)
            self._journal.add(transaction, "session-opened", by, row.user_id, kind=kind)
        return self._session(row, user), secret

    async def find(self, secret: str, kind: SessionKind) -> Session | None:
        """Return the live session of a secret, if it is of this kind and its user is active."""
        query = _with_user().where(SessionRow.secret == _digest(secret), SessionRow.kind == kind)
        async with self._database.reading() as transaction:
            found = (await transaction.execute(query)).one_or_none()
        if found is None or (found[1] is not None and not found[1].active):
            return None
        session = self._session(*found)
        return session if session.deadline > self._clock() else None

    async def touch(self, session: Session) -> Session:
        """Note activity: the idle time starts anew. Written at most every 30 s per session."""
        now = self._clock()
        if now - session.last_seen < self._touch_after:
            return session
        async with self._database.writing() as transaction:
            await transaction.execute(update(SessionRow).where(SessionRow.id == session.id).values(last_seen=now))
        return replace(session, last_seen=now)

    async def of_user(self, user: str) -> Sequence[SessionRow]:
        """Return the live sessions of a user, the newest first."""
        query = select(SessionRow).where(SessionRow.user_id == user).order_by(SessionRow.created.desc(), SessionRow.id)
        async with self._database.reading() as transaction:
            rows = (await transaction.scalars(query)).all()
        return [row for row in rows if self._deadline(row) > self._clock()]

    async def end(self, session: str, by: Actor, reason: EndReason) -> None:
        """End one session, if it still lives: its sockets are closed."""
        await self._end(select(SessionRow).where(SessionRow.id == session), by, reason)

    async def end_one_of_user(self, user: str, session: str, by: Actor) -> None:
        """End one session of a user. Raises NotFoundError if he has no such session."""
        if session not in {row.id for row in await self.of_user(user)}:
            text = "no such session"
            raise NotFoundError(text)
        await self.end(session, by, "closed")

    async def end_of_user(self, user: str, by: Actor, reason: EndReason, but: str | None = None) -> None:
        """End all sessions of a user, except ``but``."""
        query = select(SessionRow).where(SessionRow.user_id == user)
        await self._end(query.where(SessionRow.id != but) if but else query, by, reason)

    async def end_of_administrator(self, by: Actor, reason: EndReason, but: str | None = None) -> None:
        """End all sessions of the administrator, except ``but``."""
        query = select(SessionRow).where(SessionRow.kind == "administrator")
        await self._end(query.where(SessionRow.id != but) if but else query, by, reason)

    def watch(self, session: Session) -> AbstractContextManager[Watch]:
        """Learn of the session's end."""
        return self._bus.watch(session.id, session.deadline)

    def sockets(self, session: Session) -> int:
        """How many sockets the session has here."""
        return self._bus.count(session.id)

    async def sweep_for_ever(self) -> None:
        """Close what has timed out and tell sockets of sessions that ended elsewhere, every few seconds."""
        while True:
            try:
                await finish(self.sweep())
            except PeerUnavailableError as error:
                _log.warning("sweep failed", cause=error.message)
            except Exception:  # noqa: BLE001 - the next round may succeed, and nothing else ends sessions
                _log.exception("sweep failed")
            await asyncio.sleep(_SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Do one round of :meth:`sweep_for_ever`."""
        now = self._clock()
        expired = or_(SessionRow.expires <= now, SessionRow.last_seen <= now - self._idle)
        watched = self._bus.watched()
        async with self._database.reading() as transaction:
            late = (await transaction.scalars(select(SessionRow.id).where(expired).limit(500))).all()
            live = (await transaction.execute(_with_user().where(SessionRow.id.in_(watched)))).all()
            counts = select(SessionRow.kind, func.count()).group_by(SessionRow.kind)
            metrics.show_sessions((await transaction.execute(counts)).all())
        if late:
            await self._end(select(SessionRow).where(SessionRow.id.in_(late), expired), SYSTEM, "timed-out")
        good = {row.id: self._deadline(row) for row, user in live if user is None or user.active}
        self._bus.renew(good)
        self._bus.publish_end(set(watched) - good.keys())

    async def _end(self, query: Select[SessionRow], by: Actor, reason: EndReason) -> None:
        event: Event = "session-timed-out" if reason == "timed-out" else "session-closed"
        async with self._database.writing() as transaction:
            rows: Sequence[SessionRow] = (await transaction.scalars(query)).all()
            users = [row.user_id for row in rows if row.user_id]
            names = await transaction.execute(select(UserRow.id, UserRow.login).where(UserRow.id.in_(users)))
            logins = dict(names.all())
            for row in rows:
                owner = logins.get(row.user_id or "", ADMINISTRATOR if row.kind == "administrator" else row.kind)
                # Nobody ends a session that times out but its owner, by doing nothing.
                who = Actor(owner, row.id, row.address) if by is SYSTEM else by
                told = {"affected": owner, "closed_session": row.id} if row.id != who.session else {}
                seconds = round((self._clock() - row.created) / dt.timedelta(seconds=1))
                self._journal.add(
                    transaction, event, who, row.user_id, kind=row.kind, reason=reason, seconds=seconds, **told
                )
            await transaction.execute(delete(SessionRow).where(SessionRow.id.in_([row.id for row in rows])))
        self._bus.publish_end(row.id for row in rows)

    def _session(self, row: SessionRow, user: UserRow | None) -> Session:
        kind: SessionKind = row.kind  # type: ignore[assignment]  # only these kinds are ever written
        return Session(
            id=row.id,
            kind=kind,
            user=row.user_id,
            login=user.login if user else ADMINISTRATOR if kind == "administrator" else kind,
            store=user.store if user else None,
            stores=tuple(row.stores),
            anonymised=row.anonymised,
            download=row.download,
            csrf=self._csrf(row.secret),
            deadline=self._deadline(row),
            last_seen=row.last_seen,
        )

    def _deadline(self, row: SessionRow) -> dt.datetime:
        return min(row.expires, row.last_seen + self._idle)

    def _csrf(self, digest: str) -> str:
        """Derive the value under the instance key: a stolen database holds none."""
        mac = hmac.digest(self._key, b"csrf|" + digest.encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:_CSRF_BYTES]).decode()


def _with_user() -> Select[SessionRow, UserRow | None]:
    query: Select[SessionRow, UserRow | None] = select(SessionRow, UserRow)
    return query.outerjoin(UserRow, SessionRow.user_id == UserRow.id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
