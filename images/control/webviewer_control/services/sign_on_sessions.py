"""What a person of single sign-on gets: a user at the first log-in, and a session for each kind of role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webviewer.errors import PeerUnavailableError
from webviewer.web.endpoint import ADMINISTRATOR_COOKIE, SESSION_COOKIE
from webviewer_control import metrics
from webviewer_control.errors import InactiveUserError, LicenceRefusalError, UnknownGroupError
from webviewer_control.services.actor import Actor
from webviewer_control.services.records import Records
from webviewer_control.services.sessions import Session, SessionKind, Sessions
from webviewer_control.services.sign_on import Person
from webviewer_control.services.stores import Stores
from webviewer_control.services.users import Users
from webviewer_control.store.models import UserRow

Opened = dict[str, tuple[Session, str]]
"""Sessions with their secrets by the cookie that holds them."""
_COOKIES: dict[SessionKind, str] = {"administrator": ADMINISTRATOR_COOKIE, "user": SESSION_COOKIE}


@dataclass(frozen=True, slots=True)
class SignOnSessions:
    """Opens the sessions of a person. Roles are those that the provider tells at each log-in: none is kept."""

    records: Records
    users: Users
    sessions: Sessions

    async def open(self, person: Person, stores: Stores, address: str, agent: str, before: Mapping[str, str]) -> Opened:
        """Return the sessions of a person; ``before`` holds the secrets of this browser, whose sessions end.

        Raises UnknownGroupError for a person without a role, InactiveUserError if his access was switched off here,
        PeerUnavailableError if storage does not answer at his first log-in, and what opening a session raises.
        """
        if not person.roles:
            await self._refuse(person.login, address, "unknown_group")
            raise UnknownGroupError
        row = await self.users.welcome(person.subject, person.login)
        if not row.active:
            await self._refuse(row.login, address, "inactive")
            raise InactiveUserError
        if "user" in person.roles:
            await _put_store(stores, row)
        opened: Opened = {}
        for kind, cookie in _COOKIES.items():
            if kind in person.roles or (kind == "administrator" and "auditor" in person.roles):
                auditor = kind == "administrator" and "administrator" not in person.roles
                try:
                    opened[cookie] = await self.sessions.open(
                        kind, address, row, agent=agent, replaces=before.get(cookie, ""), auditor=auditor
                    )
                except LicenceRefusalError as error:
                    await self._refuse(row.login, address, error.code, "unlicensed")
                    if not opened:  # the panel needs no seat
                        raise
                else:
                    metrics.LOGINS.labels(kind, "opened").inc()
        return opened

    async def _refuse(self, login: str, address: str, reason: str, outcome: str = "refused") -> None:
        metrics.LOGINS.labels("user", outcome).inc()
        async with self.records.database.writing() as transaction:
            by = Actor(login, address=address)
            self.records.journal.add(transaction, "user-login-failed", by, attempted=login, reason=reason)


async def _put_store(stores: Stores, row: UserRow) -> None:
    """Make the store of a user, who may have been an auditor until now. Only the first log-in has to wait for it."""
    try:
        await stores.put(row)
    except PeerUnavailableError:
        if row.last_login is None:
            raise
