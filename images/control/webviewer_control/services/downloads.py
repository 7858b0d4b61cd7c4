"""One-use addresses of downloads: a browser fetches files by itself, without the token or header of the page."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete

from webviewer.errors import NotFoundError
from webviewer_control.services.records import Records
from webviewer_control.services.sessions import Session
from webviewer_control.store.models import DownloadTicketRow

TICKET_SECONDS = 60
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Ticket:
    """What an address stands for."""

    session: str
    study: str


class Downloads:
    """Keeps tickets in the database, so that another control may redeem them; by their hash, so that a copy of it has none."""

    def __init__(self, records: Records) -> None:
        self._database = records.database
        self._clock = records.clock

    async def issue(self, session: Session, study: str) -> str:
        """Return the secret of an address that is good once, for ``TICKET_SECONDS``, while the session lives."""
        secret, now = secrets.token_urlsafe(_SECRET_BYTES), self._clock()
        row = DownloadTicketRow(
            ticket=_digest(secret),
            session_id=session.id,
            study=study,
            expires=now + dt.timedelta(seconds=TICKET_SECONDS),
        )
        async with self._database.writing() as transaction:
            await transaction.execute(delete(DownloadTicketRow).where(DownloadTicketRow.expires <= now))
            transaction.add(row)
        return secret

    async def redeem(self, secret: str) -> Ticket:
        """Return what the address stands for, and make it useless. Raises NotFoundError."""
        used = delete(DownloadTicketRow).where(DownloadTicketRow.ticket == _digest(secret))
        columns = (DownloadTicketRow.session_id, DownloadTicketRow.study, DownloadTicketRow.expires)
        async with self._database.writing() as transaction:
            found = (await transaction.execute(used.returning(*columns))).one_or_none()
        if found is None or found.expires <= self._clock():
            text = "this address works once and for one minute: ask for the download again"
            raise NotFoundError(text)
        return Ticket(found.session_id, found.study)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
