"""Checking who somebody is: the same work and the same answer whether or not the account exists."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from webviewer_control import metrics
from webviewer_control.errors import (
    InactiveUserError,
    LicenceRefusalError,
    OldPasswordError,
    SignOnPasswordError,
    WrongCredentialsError,
)
from webviewer_control.services.actor import Actor
from webviewer_control.services.administrator import Administrator
from webviewer_control.services.journal import Event
from webviewer_control.services.passwords import Passwords
from webviewer_control.services.records import Records
from webviewer_control.services.sessions import Session, Sessions
from webviewer_control.services.throttle import Throttle
from webviewer_control.services.users import Users

_MAX_ATTEMPTED = 64


@dataclass(frozen=True, slots=True)
class Logins:
    """Log-ins and password changes of users and of the administrator."""

    records: Records
    passwords: Passwords
    throttle: Throttle
    users: Users
    administrator: Administrator
    sessions: Sessions

    async def user(
        self, login: str, password: str, address: str, agent: str = "", replaces: str = ""
    ) -> tuple[Session, str]:
        """Open a session for a user and return it with its secret. ``replaces`` is the browser's secret before.

        Raises ThrottledError, WrongCredentialsError, or InactiveUserError and LicenceRefusalError to who knows the
        password.
        """
        account = f"user|{login}"
        self._attempt(account, address, "user")
        row = await self.users.find_login(login)
        if not await self.passwords.verify(row.password if row else None, password) or row is None:
            await self._refuse("user-login-failed", login, address)
            raise WrongCredentialsError
        self.throttle.succeeded(account, address)
        if not row.active:
            await self._refuse("user-login-failed", login, address, reason="inactive")
            raise InactiveUserError
        if self.passwords.outdated(row.password):
            await self.users.rehash(row, password)
        try:
            opened = await self.sessions.open("user", address, row, agent=agent, replaces=replaces)
        except LicenceRefusalError as error:
            await self._refuse("user-login-failed", login, address, reason=error.code, outcome="unlicensed")
            raise
        metrics.LOGINS.labels("user", "opened").inc()
        return opened

    async def administrator_login(
        self, login: str, password: str, address: str, agent: str = "", replaces: str = ""
    ) -> tuple[Session, str]:
        """Open a session for the administrator and return it with its secret. Raises as :meth:`user`."""
        account = f"administrator|{login}"
        self._attempt(account, address, "administrator")
        row = await self.administrator.get()
        known = hmac.compare_digest(login.encode(), row.login.encode())
        if not await self.passwords.verify(row.password if known else None, password):
            await self._refuse("administrator-login-failed", login, address)
            raise WrongCredentialsError
        self.throttle.succeeded(account, address)
        metrics.LOGINS.labels("administrator", "opened").inc()
        return await self.sessions.open("administrator", address, login=row.login, agent=agent, replaces=replaces)

    async def change_password(self, session: Session, old: str, new: str, address: str) -> None:
        """Change the password of the session's account; its other sessions end.

        Raises OldPasswordError, ThrottledError (old passwords can be guessed too) and PasswordEmptyError.
        """
        if session.sign_on:
            raise SignOnPasswordError
        account = f"{session.kind}|{session.login}"
        self._attempt(account, address, session.kind)
        if session.user:  # noqa: SIM108
            stored = (await self.users.get(session.user)).row.password
        else:
            stored = (await self.administrator.get()).password
        if not await self.passwords.verify(stored, old):
            raise OldPasswordError
        self.throttle.succeeded(account, address)
        by = Actor(session.login, session.id, address)
        if session.user:
            await self.users.set_password(session.user, new, by)
        else:
            await self.administrator.set_password(new, by)

    def _attempt(self, account: str, address: str, kind: str) -> None:
        try:
            self.throttle.attempt(account, address)
        except Exception:
            metrics.LOGINS.labels(kind, "throttled").inc()
            raise

    async def _refuse(
        self, event: Event, login: str, address: str, reason: str = "credentials", outcome: str = "refused"
    ) -> None:
        kind = "user" if event == "user-login-failed" else "administrator"
        metrics.LOGINS.labels(kind, outcome).inc()
        async with self.records.database.writing() as transaction:
            by = Actor(login, address=address)
            self.records.journal.add(transaction, event, by, attempted=login[:_MAX_ATTEMPTED], reason=reason)
