"""Seats: who may come in under the licence. A seat is held by a session's row and goes with it; nothing is counted apart.

Seats are taken in the transaction that writes the session, under the lock of the ledger's row. A row that has timed out
holds its seat until somebody deletes it, and then its session cannot come back: no clock decides who holds what.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer_control.errors import (
    ClockSetBackError,
    LicenceExpiredError,
    LicenceKeyMissingError,
    LicenceMissingError,
    LicenceRefusalError,
    NoSeatError,
)
from webviewer_control.store.models import LedgerRow, LicenceRow, SessionRow

Seat = Literal["user", "link", "personal", "signed", "free"]
"""Connection of a user, of a link opening, of one person; ``signed`` and ``free`` (trial) need none."""
SeatKind = Literal["user", "link"]
LEDGER = 1
PERSONAL = "personal"
TRIAL = "trial"
TRIAL_SESSION = dt.timedelta(hours=1)
CLOCK_TOLERANCE = dt.timedelta(hours=1)
"""How far the clock may go back: it is set right now and then."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an installation's licence gives: connections of users and of link openings, and who may use the other's."""

    users: int
    links: int = 0
    policy: str = "separate"

    @classmethod
    def of(cls, row: LicenceRow) -> Terms:
        """Read them from an activated licence."""
        if row.type == "concurrent":  # one pool for all
            return cls(row.concurrents, 0, "links-use-users")
        return cls(row.concurrents, row.link_connections, row.policy)

    def choose(self, kind: SeatKind, taken: Mapping[str, int]) -> SeatKind | None:
        """Return the pool that a new session takes its seat from; null where there is none."""
        order: list[SeatKind] = [kind]
        if kind == "user" and self.policy == "users-use-links":
            order.append("link")
        if kind == "link" and self.policy == "links-use-users":
            order.append("user")
        limits = {"user": self.users, "link": self.links}
        return next((pool for pool in order if taken.get(pool, 0) < limits[pool]), None)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to open a session."""

    seat: Seat
    until: dt.datetime | None = None
    """When the session ends at the latest; null = the licence does not say."""
    displaced: str | None = None
    """Id of the session that gives its seat up for this one."""


class Seats:
    """Gives seats inside the transactions of others. Without enforcement everybody comes in and holds none."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced

    async def lock(self, transaction: AsyncSession, now: dt.datetime) -> LedgerRow | None:
        """Make all others wait who take seats; returns the ledger, null without enforcement."""
        if not self.enforced:
            return None
        ledger = await transaction.get_one(LedgerRow, LEDGER, with_for_update=True)
        ledger.latest = max(ledger.latest, now)
        return ledger

    async def take_for_user(self, transaction: AsyncSession, ledger: LedgerRow, user: str, now: dt.datetime) -> Ticket:
        """Find a seat for a log-in. Raises LicenceRefusalError where there is none."""
        key = await personal_key(transaction, user)
        if key is None:
            return await self._take(transaction, ledger, "user", now)
        try:
            check(key, ledger, now)
        except LicenceRefusalError:
            with contextlib.suppress(LicenceMissingError, LicenceKeyMissingError):
                return await self._take(transaction, ledger, "user", now)
            raise
        held = select(SessionRow.id).where(SessionRow.user_id == user, SessionRow.seat == PERSONAL)
        holder: str | None = await transaction.scalar(held.order_by(SessionRow.created, SessionRow.id).limit(1))
        if holder is None:
            return Ticket("personal", key.ends)
        try:
            return await self._take(transaction, ledger, "user", now)
        except LicenceRefusalError:
            # He always gets in; one connection carries one session, and the newer one is where he sits.
            return Ticket("personal", key.ends, holder)

    async def take_for_link(
        self, transaction: AsyncSession, ledger: LedgerRow, now: dt.datetime, *, signed: bool
    ) -> Ticket:
        """Find a seat for the opening of a link; signed links need none. Raises LicenceRefusalError."""
        return await self._take(transaction, ledger, "link", now, signed=signed)

    async def _take(
        self, transaction: AsyncSession, ledger: LedgerRow, kind: SeatKind, now: dt.datetime, *, signed: bool = False
    ) -> Ticket:
        row = await server_licence(transaction)
        if row is None:
            raise LicenceKeyMissingError if await personal_keys(transaction) else LicenceMissingError
        check(row, ledger, now)
        if row.type == TRIAL:
            return Ticket("free", min(row.ends, now + TRIAL_SESSION) if row.ends else None)
        if signed:
            return Ticket("signed", row.ends)
        pool = Terms.of(row).choose(kind, await taken(transaction))
        if pool is None:
            raise NoSeatError
        return Ticket(pool, row.ends)


def check(row: LicenceRow, ledger: LedgerRow, now: dt.datetime) -> None:
    """Raise LicenceExpiredError or ClockSetBackError unless the licence is in force.

    The latest time ever seen counts: setting the clock back does not make a licence longer.
    """
    if row.ends is None:
        return
    if row.ends <= max(ledger.latest, now):
        raise LicenceExpiredError(row.ends)
    if is_behind(ledger, now):
        raise ClockSetBackError


def is_behind(ledger: LedgerRow, now: dt.datetime) -> bool:
    """Tell whether the clock was set back."""
    return ledger.latest - now > CLOCK_TOLERANCE


async def server_licence(transaction: AsyncSession) -> LicenceRow | None:
    """Return the licence of the installation, ended or not."""
    query = select(LicenceRow).where(LicenceRow.active, LicenceRow.type != PERSONAL)
    row: LicenceRow | None = await transaction.scalar(query)
    return row


async def personal_key(transaction: AsyncSession, user: str) -> LicenceRow | None:
    """Return the personal key of a user, ended or not."""
    query = select(LicenceRow).where(LicenceRow.active, LicenceRow.type == PERSONAL, LicenceRow.user_id == user)
    row: LicenceRow | None = await transaction.scalar(query)
    return row


async def personal_keys(transaction: AsyncSession) -> int:
    """Return how many users have a personal key."""
    query = select(func.count()).where(LicenceRow.active, LicenceRow.type == PERSONAL, LicenceRow.user_id.is_not(None))
    return await transaction.scalar(query) or 0


async def taken(transaction: AsyncSession) -> dict[str, int]:
    """Return how many seats of each kind are held."""
    query = select(SessionRow.seat, func.count()).where(SessionRow.seat.is_not(None)).group_by(SessionRow.seat)
    return {seat: count for seat, count in (await transaction.execute(query)).all() if seat}
