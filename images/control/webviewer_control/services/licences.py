"""Licences of the installation and of its users: activated, replaced, deleted, ended. Admission control, no copy protection."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import structlog
from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.domain.licence import Licence, LicenceType, new_product_code
from webviewer.errors import NotFoundError, PeerUnavailableError, WebViewerError
from webviewer.wire.licences import LicenceReader
from webviewer_control.errors import (
    ClockSetBackError,
    LicenceExpiredError,
    LicenceNotPersonalError,
    LicencePlaceError,
    LicenceProductError,
    LicenceUsedError,
    LicensingOffError,
    LinksUsedUpError,
    TrialUnsupportedError,
    TrialUsedError,
)
from webviewer_control.services.actor import SYSTEM, Actor
from webviewer_control.services.records import Records
from webviewer_control.services.rounds import repeat
from webviewer_control.services.seats import (
    CLOCK_TOLERANCE,
    LEDGER,
    PERSONAL,
    TRIAL,
    Seats,
    check,
    is_behind,
    personal_key,
    personal_keys,
    server_licence,
    taken,
)
from webviewer_control.services.sessions import Sessions
from webviewer_control.store.models import LedgerRow, LicenceRow, SessionRow, SignedLinkRow, UserRow

TRIAL_TIME = dt.timedelta(days=14)
_ROUND_SECONDS = 60.0
_SOON = dt.timedelta(days=14)
_KEYS_SOON = dt.timedelta(days=30)
_log = structlog.get_logger(__name__)
State = Literal["none", "valid", "expired", "clock-set-back"]
TrialState = Literal["available", "used", "unsupported"]
LicenceWarning = Literal["licence-missing", "licence-expired", "licence-ends-soon", "clock-set-back"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How licensing stands at this moment."""

    product: str
    type: LicenceType | None
    """Of the installation's licence; personal where only users have keys, null where nothing is active."""
    row: LicenceRow | None
    state: State
    used: dict[str, int]
    """Held seats by kind."""
    used_links: int
    personal_keys: int
    trial: TrialState

    def warning(self, now: dt.datetime) -> LicenceWarning | None:
        """What the administrator should see to."""
        if self.state == "clock-set-back":
            return "clock-set-back"
        if self.state == "expired":
            return "licence-expired"
        if self.type is None:
            return "licence-missing"
        ends = self.row.ends if self.row else None
        # A trial is short: its end is no news until its last days.
        soon = _SOON / 4 if self.type == TRIAL else _SOON
        return "licence-ends-soon" if ends and ends - now <= soon else None


@dataclass(frozen=True, slots=True)
class Licences:
    """Everything about licences but taking seats. ``trial_supported``: one process on SQLite."""

    records: Records
    seats: Seats
    sessions: Sessions
    reader: LicenceReader
    trial_supported: bool

    async def ensure(self) -> None:
        """Give the installation its product code."""
        async with self.records.database.reading() as transaction:
            ledger = await transaction.get(LedgerRow, LEDGER)
        if ledger is None:
            row = LedgerRow(id=LEDGER, product=new_product_code(), latest=self.records.clock())
            with contextlib.suppress(IntegrityError):  # another replica was first
                async with self.records.database.writing() as transaction:
                    transaction.add(row)

    async def standing(self) -> Standing:
        """Tell how licensing stands. Raises LicensingOffError."""
        self._check_enforced()
        now = self.records.clock()
        async with self.records.database.reading() as transaction:
            ledger = await transaction.get_one(LedgerRow, LEDGER)
            row = await server_licence(transaction)
            keys = await personal_keys(transaction)
            kind: LicenceType | None = row.type if row else (PERSONAL if keys else None)  # type: ignore[assignment]  # only types are written
            return Standing(
                product=ledger.product,
                type=kind,
                row=row,
                state=_state(row, ledger, now) if row or not keys else "valid",
                used=await taken(transaction),
                used_links=await _used_links(transaction, row) if row else 0,
                personal_keys=keys,
                trial=await self._trial(transaction, row, ledger, now),
            )

    async def keys_end_soon(self) -> bool:
        """Tell whether the personal key of a user who may log in ends within 30 days."""
        now = self.records.clock()
        ending = exists().where(
            LicenceRow.active,
            LicenceRow.user_id == UserRow.id,
            UserRow.active,
            LicenceRow.ends.between(now, now + _KEYS_SOON),
        )
        async with self.records.database.reading() as transaction:
            return bool(await transaction.scalar(select(ending)))

    async def activate(self, text: str, by: Actor) -> None:
        """Activate a licence of the installation; it takes the place of the one before.

        Raises LicenceTextError, LicenceProductError, LicencePlaceError, LicenceUsedError, LicenceExpiredError,
        ClockSetBackError and LicensingOffError.
        """
        async with self._activating(by) as (transaction, ledger):
            licence = await self._checked(transaction, ledger, text)
            if licence.type == PERSONAL:
                raise LicencePlaceError
            await self._replace(transaction, _row(licence, self.records.clock()), by)
            # A licence that was issued later than the clock's slip makes good for it.
            ledger.latest = max(self.records.clock(), licence.issued)

    async def activate_trial(self, by: Actor) -> None:
        """Start the trial. Raises TrialUsedError, TrialUnsupportedError and LicensingOffError."""
        async with self._activating(by) as (transaction, ledger):
            now = self.records.clock()
            state = await self._trial(transaction, await server_licence(transaction), ledger, now)
            if state != "available":
                raise TrialUsedError if state == "used" else TrialUnsupportedError
            row = LicenceRow(key=TRIAL, type=TRIAL, issued=now, ends=now + TRIAL_TIME, activated=now, active=True)
            row.concurrents = row.link_connections = row.links = 0
            row.policy = "separate"
            await self._replace(transaction, row, by)

    async def activate_personal(self, user: str, text: str, by: Actor) -> None:
        """Activate the personal key of a user; he gives up the one before. Raises as :meth:`activate`.

        Raises NotFoundError too, and LicenceNotPersonalError where the installation's licence knows no such keys.
        """
        async with self._activating(by) as (transaction, ledger):
            owner = await transaction.get(UserRow, user)
            if owner is None:
                message = "no such user"
                raise NotFoundError(message)
            licence = await self._checked(transaction, ledger, text)
            if licence.type != PERSONAL:
                raise LicencePlaceError
            server = await server_licence(transaction)
            if server is not None and not _knows_keys(server, ledger, self.records.clock()):
                raise LicenceNotPersonalError
            before = await personal_key(transaction, user)
            if before is not None:
                before.active = False
            row = _row(licence, self.records.clock())
            row.user_id = user
            transaction.add(row)
            self._journal(transaction, by, row, owner)

    async def delete_personal(self, user: str, by: Actor) -> None:
        """Take the personal key from a user, for ever: his session on it ends. Raises NotFoundError."""
        self._check_enforced()
        async with self.records.database.writing() as transaction:
            await self.seats.lock(transaction, self.records.clock())
            owner, row = await transaction.get(UserRow, user), await personal_key(transaction, user)
            if owner is None or row is None:
                message = "no such user, or he has no licence key"
                raise NotFoundError(message)
            row.active = False
            self.records.journal.add(
                transaction, "licence-deleted", by, user, affected=owner.login, licence=PERSONAL, key=row.key
            )
        await self.sessions.end_personal(user, by)

    async def of_users(self, users: Iterable[str]) -> dict[str, LicenceRow]:
        """Return the personal keys of some users."""
        query = select(LicenceRow).where(LicenceRow.active, LicenceRow.type == PERSONAL)
        async with self.records.database.reading() as transaction:
            rows = (await transaction.scalars(query.where(LicenceRow.user_id.in_(list(users))))).all()
        return {row.user_id or "": row for row in rows}

    async def sign_link(self, link: str) -> None:
        """Take one of the licence's number of links for a link, once. Raises LinksUsedUpError or LicenceRefusalError."""
        self._check_enforced()
        now = self.records.clock()
        async with self.records.database.writing() as transaction:
            ledger = await self.seats.lock(transaction, now)
            row = await server_licence(transaction)
            if row is None or ledger is None:
                raise LinksUsedUpError
            check(row, ledger, now)
            if await transaction.get(SignedLinkRow, link):
                return
            if await _used_links(transaction, row) >= row.links:
                raise LinksUsedUpError
            transaction.add(SignedLinkRow(link=link, licence_id=row.id, signed=now))

    async def free_links(self) -> int | None:
        """Return how many links can still be signed; null where none can be."""
        if not self.seats.enforced:
            return None
        now = self.records.clock()
        async with self.records.database.reading() as transaction:
            ledger = await transaction.get_one(LedgerRow, LEDGER)
            row = await server_licence(transaction)
            if row is None or not row.links or _state(row, ledger, now) != "valid":
                return None
            return max(0, row.links - await _used_links(transaction, row))

    async def is_signed(self, link: str) -> bool:
        """Tell whether a link was signed: its openings need no connection."""
        async with self.records.database.reading() as transaction:
            return await transaction.get(SignedLinkRow, link) is not None

    async def watch_for_ever(self) -> None:
        """Note the time, and tell the journal of what ends, every minute."""
        await repeat(self.watch, _ROUND_SECONDS, "licences not looked at")

    async def watch(self) -> None:
        """Do one round of :meth:`watch_for_ever`."""
        now = self.records.clock()
        async with self.records.database.writing() as transaction:
            ledger = await self.seats.lock(transaction, now)
            if ledger is None:
                return
            behind = is_behind(ledger, now)
            if behind and not ledger.behind:
                seconds = round((ledger.latest - now) / dt.timedelta(seconds=1))
                self.records.journal.add(transaction, "clock-set-back", SYSTEM, seconds=seconds)
            ledger.behind = behind
            over = select(LicenceRow).where(LicenceRow.ends <= ledger.latest, LicenceRow.active)
            for row in (await transaction.scalars(over.where(LicenceRow.end_told.is_(False)))).all():
                row.end_told = True
                owner = await transaction.get(UserRow, row.user_id) if row.user_id else None
                affected = owner.login if owner else None
                self.records.journal.add(
                    transaction,
                    "licence-expired",
                    SYSTEM,
                    row.user_id,
                    affected=affected,
                    licence=row.type,
                    key=row.key,
                )

    @asynccontextmanager
    async def _activating(self, by: Actor) -> AsyncIterator[tuple[AsyncSession, LedgerRow]]:
        """Open a transaction under the ledger's lock; the journal is told of a refusal."""
        self._check_enforced()
        try:
            async with self.records.database.writing() as transaction:
                # Not by seats.lock: a licence may be activated to make good for a clock that was wrong.
                yield transaction, await transaction.get_one(LedgerRow, LEDGER, with_for_update=True)
        except PeerUnavailableError:
            raise
        except WebViewerError as error:
            async with self.records.database.writing() as transaction:
                self.records.journal.add(transaction, "licence-refused", by, reason=error.code)
            raise

    async def _checked(self, transaction: AsyncSession, ledger: LedgerRow, text: str) -> Licence:
        licence, now = self.reader.read(text), self.records.clock()
        if licence.product != ledger.product:
            raise LicenceProductError
        if await transaction.scalar(select(LicenceRow.id).where(LicenceRow.key == licence.id)):
            raise LicenceUsedError
        if licence.ends is not None and licence.ends <= now:
            raise LicenceExpiredError(licence.ends)
        if licence.issued - now > CLOCK_TOLERANCE:
            raise ClockSetBackError
        return licence

    async def _replace(self, transaction: AsyncSession, row: LicenceRow, by: Actor) -> None:
        others = update(LicenceRow).where(LicenceRow.active, LicenceRow.type != PERSONAL)
        await transaction.execute(others.values(active=False))
        # Who came in by the trial counts from now on.
        await transaction.execute(update(SessionRow).where(SessionRow.seat == "free").values(seat="user"))
        transaction.add(row)
        self._journal(transaction, by, row, None)

    async def _trial(
        self, transaction: AsyncSession, row: LicenceRow | None, ledger: LedgerRow, now: dt.datetime
    ) -> TrialState:
        if await transaction.scalar(select(LicenceRow.id).where(LicenceRow.key == TRIAL)):
            return "used"
        other = row is not None and _state(row, ledger, now) == "valid"
        return "available" if self.trial_supported and not other else "unsupported"

    def _journal(self, transaction: AsyncSession, by: Actor, row: LicenceRow, owner: UserRow | None) -> None:
        self.records.journal.add(
            transaction,
            "licence-activated",
            by,
            row.user_id,
            affected=owner.login if owner else None,
            licence=row.type,
            key=row.key,
            ends=row.ends.isoformat() if row.ends else None,
        )

    def _check_enforced(self) -> None:
        if not self.seats.enforced:
            raise LicensingOffError


def _row(licence: Licence, now: dt.datetime) -> LicenceRow:
    return LicenceRow(
        key=licence.id,
        type=licence.type,
        issued=licence.issued,
        ends=licence.ends,
        concurrents=licence.concurrents,
        link_connections=licence.link_connections,
        links=licence.links,
        policy=licence.policy,
        activated=now,
        active=True,
    )


def _state(row: LicenceRow | None, ledger: LedgerRow, now: dt.datetime) -> State:
    if row is None:
        return "none"
    try:
        check(row, ledger, now)
    except LicenceExpiredError:
        return "expired"
    except ClockSetBackError:
        return "clock-set-back"
    return "valid"


def _knows_keys(row: LicenceRow, ledger: LedgerRow, now: dt.datetime) -> bool:
    """Personal keys belong to the unified licence, and to who has no other licence in force."""
    return row.type == "unified" or _state(row, ledger, now) == "expired"


async def _used_links(transaction: AsyncSession, row: LicenceRow) -> int:
    query = select(func.count()).where(SignedLinkRow.licence_id == row.id)
    return await transaction.scalar(query) or 0
