"""The administrator account: made at the first start with a password that nobody could guess."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from webviewer_control.errors import PasswordEmptyError
from webviewer_control.services.actor import SYSTEM, Actor
from webviewer_control.services.passwords import Passwords
from webviewer_control.services.records import Records
from webviewer_control.services.sessions import ADMINISTRATOR, Sessions
from webviewer_control.store.models import AdministratorRow

LOGIN = ADMINISTRATOR
DEMO_PASSWORD = "admin"  # noqa: S105 - known to everybody on purpose, on loopback only
PASSWORD_FILE = "initial-admin-password"  # noqa: S105 - a file name
_ID = 1
_PASSWORD_BYTES = 12
_log = structlog.get_logger(__name__)


class Administrator:
    """The one account of /admin. It is no user: it has no store."""

    def __init__(self, records: Records, passwords: Passwords, sessions: Sessions, data: Path) -> None:
        self._database = records.database
        self._journal = records.journal
        self._passwords = passwords
        self._sessions = sessions
        self._clock = records.clock
        self._file = data / PASSWORD_FILE

    async def get(self) -> AdministratorRow:
        """Return the account."""
        async with self._database.reading() as transaction:
            return (await transaction.scalars(select(AdministratorRow).where(AdministratorRow.id == _ID))).one()

    async def ensure(self, *, demo: bool) -> None:
        """Make the account if there is none, and replace a password of the demonstration outside of it."""
        async with self._database.reading() as transaction:
            row = await transaction.get(AdministratorRow, _ID)
        if row is None:
            await self._create(demo=demo)
        elif row.demo and not demo:
            password, made = self._generate()
            await self._store(password, SYSTEM)
            await self._sessions.end_of_administrator(SYSTEM, "password")
            self._announce(password if made else "")

    async def set_password(self, password: str, by: Actor) -> None:
        """Change the password: all sessions end, except that of ``by``."""
        if not password:
            raise PasswordEmptyError
        await self._store(password, by)
        await self._sessions.end_of_administrator(by, "password", by.session)
        with contextlib.suppress(OSError):  # in a cluster it is a mounted Secret, which stays
            self._file.unlink(missing_ok=True)  # it names a password that is none any more

    async def _store(self, password: str, by: Actor) -> None:
        hashed = await self._passwords.hash(password)
        async with self._database.writing() as transaction:
            row = await transaction.get_one(AdministratorRow, _ID)
            row.password, row.demo, row.changed = hashed, False, self._clock()
            self._journal.add(transaction, "user-changed", by, affected=row.login, change="changed", password=True)

    async def _create(self, *, demo: bool) -> None:
        password, made = (DEMO_PASSWORD, False) if demo else self._generate()
        row = AdministratorRow(
            id=_ID,
            login=LOGIN,
            password=await self._passwords.hash(password),
            demo=demo,
            changed=self._clock(),
        )
        try:
            async with self._database.writing() as transaction:
                transaction.add(row)
        except IntegrityError:
            _log.info("another replica made the administrator")
            return
        if not demo:
            self._announce(password if made else "")

    def _generate(self) -> tuple[str, bool]:
        """Write a password where the operator finds it, before anything depends on it; return it and whether it is new.

        One that is there already is used: a mounted Secret, or the file of a start that crashed before the database knew.
        """
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            left = self._file.read_text(encoding="ascii").strip()
            if left:
                return left, False
            descriptor = os.open(self._file, os.O_WRONLY | os.O_TRUNC)
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(password + "\n")
            file.flush()
            os.fsync(file.fileno())
        return password, True

    def _announce(self, password: str) -> None:
        """Print where the password is, and a new one itself: logs of pods are read and kept by many."""
        where = f"password {password} (also in {self._file})" if password else f"the password is in {self._file}"
        sys.stdout.write(f"administrator: user name {LOGIN}, {where}\n")
        sys.stdout.flush()
