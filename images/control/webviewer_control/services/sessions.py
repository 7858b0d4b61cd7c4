"""Sessions: opened by a log-in, renewed by activity, ended by log-out, time-out or revocation."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal

import structlog
from sqlalchemy import ColumnElement, Row, Select, String, and_, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.errors import NotFoundError
from webviewer_control import metrics
from webviewer_control.services.actor import SYSTEM, Actor
from webviewer_control.services.journal import Event
from webviewer_control.services.link_access import LinkAccess, count_opening
from webviewer_control.services.records import Records
from webviewer_control.services.rounds import repeat
from webviewer_control.services.seats import PERSONAL, Seats
from webviewer_control.services.storages import quietest_node
from webviewer_control.services.watch import SessionBus, Watch
from webviewer_control.store.models import LedgerRow, LinkRow, SessionRow, UserRow

SessionKind = Literal["user", "administrator", "link"]
EndReason = Literal[
    "logged-out", "logged-in-again", "closed", "password", "inactive", "deleted", "timed-out", "licence", "revoked",
    "study-deleted",
]  # fmt: skip
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
    """A live session. ``store`` is the user's own, at ``storage_node``; ``stores`` what a link opening may read there.

    A link opening sees ``study`` and nothing else, or only ``series`` of it; ``link`` is null of typed parameters.
    """

    id: str
    kind: SessionKind
    user: str | None
    login: str
    store: str | None
    storage_node: str | None
    stores: tuple[str, ...]
    study: str | None
    series: str | None
    link: str | None
    anonymised: bool
    download: bool
    csrf: str
    auditor: bool
    """Of an administrator's session: it may read the journals only."""
    sign_on: bool
    """Its user is one of the provider of single sign-on."""
    deadline: dt.datetime
    """When it ends if nothing happens before."""
    last_seen: dt.datetime

    @property
    def subject(self) -> str:
        """Who acts, for grants and logs."""
        return self.user or self.kind


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds: without activity, and in all."""

    idle: float
    lifetime: float


class Sessions:
    """Keeps sessions in the database; a secret leaves this class once and is then known by its hash only."""

    def __init__(self, records: Records, bus: SessionBus, key: bytes, seats: Seats, limits: SessionLimits) -> None:
        self._database = records.database
        self._journal = records.journal
        self._clock = records.clock
        self._bus = bus
        self._key = key
        self._seats = seats
        self._idle = dt.timedelta(seconds=limits.idle)
        self._lifetime = dt.timedelta(seconds=limits.lifetime)
        self._touch_after = dt.timedelta(seconds=min(_LONGEST_TOUCH_SECONDS, limits.idle / 10))

    async def open(  # noqa: PLR0913 - who comes, from where, as what and instead of what are facts of one visit
        self,
        kind: SessionKind,
        address: str,
        user: UserRow | None = None,
        login: str = "",
        agent: str = "",
        *,
        replaces: str = "",
        signed: bool = False,
        auditor: bool = False,
        access: LinkAccess | None = None,
    ) -> tuple[Session, str]:
        """Open a session and return it with its secret.

        ``agent`` is what the browser calls itself, ``replaces`` the secret of its session before, which ends with this;
        ``signed`` tells that a link opening needs no connection; ``auditor`` makes an administrator's session one that
        may read the journals only; ``access`` is what a link opening sees, and is counted with it. Raises
        LicenceRefusalError where the licence gives no seat, and LinkInvalidError where the link works no more: nothing
        has changed then.
        """
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
            auditor=auditor,
            stores=list(access.stores) if access else [],
            study=access.study if access else None,
            series=access.series if access else None,
            link=access.link if access else None,
            anonymised=access.anonymised if access else False,
            download=access.download if access else False,
        )
        ended: list[str] = []
        async with self._database.writing() as transaction:
            # The lock comes first: who waits for it holds no session that its holder may want to end.
            ledger = None if kind == "administrator" else await self._seats.lock(transaction, now)
            if kind == "link":
                await self._place(transaction, row, access)
            if replaces:
                before = select(SessionRow).where(SessionRow.secret == _digest(replaces), SessionRow.kind == kind)
                ended += await self.close(transaction, before, None, "logged-in-again")
            ended += await self._seat(transaction, row, ledger, signed=signed)
            transaction.add(row)
            if user:
                await transaction.execute(update(UserRow).where(UserRow.id == user.id).values(last_login=now))
            await transaction.flush()
            by = Actor(user.login if user else login or kind, row.id, row.address)
            told = "auditor" if auditor else kind
            self._journal.add(transaction, "session-opened", by, row.user_id, kind=told, link=row.link)
        self._bus.publish_end(ended)
        return self._session(row, user), secret

    async def _place(self, transaction: AsyncSession, row: SessionRow, access: LinkAccess | None) -> None:
        """Count the opening of a link, and find the storage node of its session. Raises LinkInvalidError.

        A study of a store is where that store is (Z13). What is in no store, as of a global PACS, is read at the node with the
        fewest sessions (A09).
        """
        if access is not None:
            await count_opening(transaction, access, row.created)
            row.expires = min(row.expires, access.until or row.expires)
        row.storage_node = access.storage_node if access and access.stores else await quietest_node(transaction)

    async def _seat(
        self, transaction: AsyncSession, row: SessionRow, ledger: LedgerRow | None, *, signed: bool
    ) -> list[str]:
        """Give a new session its seat; returns the sessions that had to end for it. Raises LicenceRefusalError."""
        if ledger is None:
            return []
        # Rows that have timed out hold their seats until they go, and then they cannot come back.
        late = select(SessionRow).where(SessionRow.seat.is_not(None), self._expired(row.created))
        ended = await self.close(transaction, late, SYSTEM, "timed-out")
        if row.user_id:
            ticket = await self._seats.take_for_user(transaction, ledger, row.user_id, row.created)
        else:
            ticket = await self._seats.take_for_link(transaction, ledger, row.created, signed=signed)
        if ticket.displaced:
            holder = select(SessionRow).where(SessionRow.id == ticket.displaced)
            ended += await self.close(transaction, holder, None, "logged-in-again")
        row.seat = ticket.seat
        row.expires = min(row.expires, ticket.until or row.expires)
        return ended

    async def find(self, secret: str, kind: SessionKind) -> Session | None:
        """Return the live session of a secret, if it is of this kind and its user is active."""
        query = _with_user().where(SessionRow.secret == _digest(secret), SessionRow.kind == kind)
        async with self._database.reading() as transaction:
            found = (await transaction.execute(query)).one_or_none()
        return self._live(found)

    async def alive(self, session: str) -> Session | None:
        """Return a session by its id if it lives and its user is active."""
        async with self._database.reading() as transaction:
            found = (await transaction.execute(_with_user().where(SessionRow.id == session))).one_or_none()
        return self._live(found)

    def _live(self, found: Row[SessionRow, UserRow | None] | None) -> Session | None:
        if found is None or (found[1] is not None and not found[1].active):
            return None
        session = self._session(found[0], found[1])
        return session if session.deadline > self._clock() else None

    async def touch(self, session: Session) -> Session:
        """Note activity: the idle time starts anew. Written at most every 30 s per session."""
        now = self._clock()
        if now - session.last_seen < self._touch_after:
            return session
        async with self._database.writing() as transaction:
            # Not of one that was found late: its seat may be somebody else's by then.
            alive = update(SessionRow).where(SessionRow.id == session.id, ~self._expired(now))
            await transaction.execute(alive.values(last_seen=now))
        return replace(session, last_seen=now)

    async def of_user(self, user: str, *, links: bool = False) -> Sequence[SessionRow]:
        """Return the live sessions of a user, the newest first; ``links``: those of links that he has made, too."""
        his = _his(user) if links else SessionRow.user_id == user
        query = select(SessionRow).where(his).order_by(SessionRow.created.desc(), SessionRow.id)
        async with self._database.reading() as transaction:
            rows = (await transaction.scalars(query)).all()
        return [row for row in rows if self._deadline(row) > self._clock()]

    async def end(self, session: str, by: Actor, reason: EndReason) -> None:
        """End one session, if it still lives: its sockets are closed."""
        await self._end(select(SessionRow).where(SessionRow.id == session), by, reason)

    async def end_one_of_user(self, user: str, session: str, by: Actor, *, links: bool = False) -> None:
        """End one session of a user, or of his links. Raises NotFoundError if he has no such session."""
        if session not in {row.id for row in await self.of_user(user, links=links)}:
            text = "no such session"
            raise NotFoundError(text)
        await self.end(session, by, "closed")

    async def end_of_user(self, user: str, by: Actor, reason: EndReason, but: str | None = None) -> None:
        """End all sessions of a user, except ``but``; with his access that of his links ends too."""
        his = _his(user) if reason in {"inactive", "deleted"} else SessionRow.user_id == user
        query = select(SessionRow).where(his)
        await self._end(query.where(SessionRow.id != but) if but else query, by, reason)

    async def end_of_administrator(self, by: Actor, reason: EndReason, but: str | None = None) -> None:
        """End all sessions of the administrator, except ``but``."""
        query = select(SessionRow).where(SessionRow.kind == "administrator")
        await self._end(query.where(SessionRow.id != but) if but else query, by, reason)

    async def end_personal(self, user: str, by: Actor) -> None:
        """End what a user has open on a personal key that he has no more."""
        await self._end(
            select(SessionRow).where(SessionRow.user_id == user, SessionRow.seat == PERSONAL), by, "licence"
        )

    async def end_of_study(self, study: str, by: Actor) -> None:
        """End all openings of links to a study that was deleted."""
        await self._end(select(SessionRow).where(SessionRow.study == study), by, "study-deleted")

    async def end_of_store(self, store: str, by: Actor) -> None:
        """End all openings of links to studies of a store that was deleted."""
        within = cast(SessionRow.stores, String).contains(store, autoescape=True)
        await self._end(select(SessionRow).where(SessionRow.kind == "link", within), by, "deleted")

    def watch(self, session: Session) -> AbstractContextManager[Watch]:
        """Learn of the session's end."""
        return self._bus.watch(session.id, session.deadline)

    def sockets(self, session: Session) -> int:
        """How many sockets the session has here."""
        return self._bus.count(session.id)

    async def sweep_for_ever(self) -> None:
        """Close what has timed out and tell sockets of sessions that ended elsewhere, every few seconds."""
        await repeat(self.sweep, _SWEEP_SECONDS, "sweep failed")

    async def sweep(self) -> None:
        """Do one round of :meth:`sweep_for_ever`."""
        expired = self._expired(self._clock())
        watched = self._bus.watched()
        async with self._database.reading() as transaction:
            late = (await transaction.scalars(select(SessionRow.id).where(expired).limit(500))).all()
            live = (await transaction.execute(_with_user().where(SessionRow.id.in_(watched)))).all()
            counts = select(SessionRow.kind, func.count()).group_by(SessionRow.kind)
            metrics.show_sessions((await transaction.execute(counts)).all())
        if late:
            await self._end(select(SessionRow).where(SessionRow.id.in_(late), expired), SYSTEM, "timed-out")
        if self._seats.enforced:
            # They came while licensing was off.
            await self._end(select(SessionRow).where(_seatless), SYSTEM, "licence")
        good = {row.id: self._deadline(row) for row, user in live if user is None or user.active}
        self._bus.renew(good)
        self._bus.publish_end(set(watched) - good.keys())

    async def _end(self, query: Select[SessionRow], by: Actor, reason: EndReason) -> None:
        async with self._database.writing() as transaction:
            ended = await self.close(transaction, query, by, reason)
        self.publish_end(ended)

    def publish_end(self, ended: Iterable[str]) -> None:
        """Tell the sockets of sessions that :meth:`close` has deleted, after the commit."""
        self._bus.publish_end(ended)

    async def close(
        self, transaction: AsyncSession, query: Select[SessionRow], by: Actor | None, reason: EndReason
    ) -> list[str]:
        """Delete sessions and tell the journal; ``by`` null = their own users. Returns the ids, to be published."""
        event: Event = "session-timed-out" if reason == "timed-out" else "session-closed"
        rows: Sequence[SessionRow] = (await transaction.scalars(query)).all()
        if not rows:
            return []
        users = [row.user_id for row in rows if row.user_id]
        names = await transaction.execute(select(UserRow.id, UserRow.login).where(UserRow.id.in_(users)))
        logins = dict(names.all())
        for row in rows:
            owner = logins.get(row.user_id or "", ADMINISTRATOR if row.kind == "administrator" else row.kind)
            # Nobody ends a session that times out but its owner, by doing nothing.
            who = Actor(owner, row.id, row.address) if by is None or by is SYSTEM else by
            told = {"affected": owner, "closed_session": row.id} if row.id != who.session else {}
            seconds = round((self._clock() - row.created) / dt.timedelta(seconds=1))
            self._journal.add(
                transaction, event, who, row.user_id, kind=row.kind, reason=reason, seconds=seconds, **told
            )
        ids = [row.id for row in rows]
        await transaction.execute(delete(SessionRow).where(SessionRow.id.in_(ids)))
        return ids

    def _expired(self, now: dt.datetime) -> ColumnElement[bool]:
        return or_(SessionRow.expires <= now, SessionRow.last_seen <= now - self._idle)

    def _session(self, row: SessionRow, user: UserRow | None) -> Session:
        kind: SessionKind = row.kind  # type: ignore[assignment]  # only these kinds are ever written
        return Session(
            id=row.id,
            kind=kind,
            user=row.user_id,
            login=user.login if user else ADMINISTRATOR if kind == "administrator" else kind,
            store=user.store if user else None,
            storage_node=user.storage_node if user else row.storage_node,
            stores=tuple(row.stores),
            study=row.study,
            series=row.series,
            link=row.link,
            auditor=row.auditor,
            sign_on=user is not None and user.subject is not None,
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


_seatless = and_(SessionRow.seat.is_(None), SessionRow.kind != "administrator")


def _with_user() -> Select[SessionRow, UserRow | None]:
    query: Select[SessionRow, UserRow | None] = select(SessionRow, UserRow)
    return query.outerjoin(UserRow, SessionRow.user_id == UserRow.id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _his(user: str) -> ColumnElement[bool]:
    """Sessions of a user and of the links that he has made."""
    return or_(SessionRow.user_id == user, SessionRow.link.in_(select(LinkRow.id).where(LinkRow.user_id == user)))
