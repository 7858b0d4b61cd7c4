"""Opening links: secrets, password, seat, session. All that does not work has one answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from webviewer.errors import NotFoundError, ThrottledError
from webviewer_control import metrics
from webviewer_control.errors import LicenceRefusalError, LinkInvalidError, LinkPasswordError
from webviewer_control.services.link_access import LinkAccess
from webviewer_control.services.link_search import LinkEntry, entries
from webviewer_control.services.link_secrets import LinkSecrets, Mode, digest
from webviewer_control.services.links import Links
from webviewer_control.services.passwords import Passwords
from webviewer_control.services.records import Records
from webviewer_control.services.sessions import Session, Sessions
from webviewer_control.services.stores import Stores
from webviewer_control.services.throttle import Throttle
from webviewer_control.services.typed_links import TypedLink, TypedLinks
from webviewer_control.store.models import LinkRow

_FREE_UNKNOWN = 30
"""Nobody guesses 128 bits, and a hospital behind one address opens many links that have ended."""
_UNKNOWN = "link"
"""Attempts with secrets of no link are counted together, per address: however many there are, they displace nothing."""


@dataclass(frozen=True, slots=True)
class LinkKey:
    """What somebody opens a link with."""

    opening: str
    clear: str | None = None
    """The second secret: without it the study is anonymised."""
    download: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who opens a link, as far as that is known."""

    address: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that somebody got by a link, with its secret."""

    session: Session
    token: str
    mode: Mode
    window: str | None


@dataclass(frozen=True, slots=True)
class LinkOpenings:
    """Turns links into sessions that see one study."""

    records: Records
    secrets: LinkSecrets
    passwords: Passwords
    throttle: Throttle
    links: Links
    sessions: Sessions
    typed: TypedLinks

    async def open(self, key: LinkKey, visitor: Visitor, stores: Stores) -> Opened:
        """Open a link. Raises LinkInvalidError, LinkPasswordError, ThrottledError and LicenceRefusalError."""
        with _counted():
            return await self._open(key, visitor, stores)

    async def open_typed(self, wanted: TypedLink, visitor: Visitor, stores: Stores) -> Opened:
        """Open what an address names. Raises LinkInvalidError, ThrottledError and LicenceRefusalError."""
        with _counted():
            try:
                access, mode = await self.typed.find(wanted, stores)
            except LinkInvalidError:
                self.throttle.attempt(_UNKNOWN, visitor.address, _FREE_UNKNOWN)
                raise
            session, token = await self.sessions.open("link", visitor.address, agent=visitor.agent, access=access)
            return Opened(session, token, mode, None)

    async def _open(self, key: LinkKey, visitor: Visitor, stores: Stores) -> Opened:
        entry = await self._find(key.opening)
        mode = self.secrets.mode(entry.row, key.clear, key.download) if entry else None
        if entry is None or mode is None or self.links.ends(entry):
            self.throttle.attempt(_UNKNOWN, visitor.address, _FREE_UNKNOWN)
            raise LinkInvalidError
        row = entry.row
        await self._check_password(row, key.password, visitor)
        await self._check_study(row, stores)
        access = LinkAccess(
            study=row.study,
            series=row.series,
            stores=(row.store,),
            storage_node=row.storage_node,
            anonymised=mode == "anonymised",
            download=mode == "download",
            link=row.id,
            generation=row.generation,
            until=row.valid_until,
        )
        session, token = await self.sessions.open(
            "link", visitor.address, agent=visitor.agent, signed=entry.signed, access=access
        )
        return Opened(session, token, mode, row.window)

    async def _find(self, opening: str) -> LinkEntry | None:
        async with self.records.database.reading() as transaction:
            found = (await transaction.execute(entries().where(LinkRow.secret == digest(opening)))).one_or_none()
        return LinkEntry(found[0], found[1], found[2] is not None) if found else None

    async def _check_password(self, row: LinkRow, password: str | None, visitor: Visitor) -> None:
        if row.password is None:
            return
        if password is None:
            raise LinkPasswordError(wrong=False)
        self.throttle.attempt(row.id, visitor.address)
        if not await self.passwords.verify(row.password, password):
            raise LinkPasswordError(wrong=True)
        self.throttle.succeeded(row.id, visitor.address)

    async def _check_study(self, row: LinkRow, stores: Stores) -> None:
        """Raise LinkInvalidError if the study, or the series, is no more where it was."""
        try:
            detail = await stores.look(await stores.node_of(row.storage_node), row.store, row.study)
        except NotFoundError as error:
            raise LinkInvalidError from error
        if row.series is not None and all(series.id != row.series for series in detail.series):
            raise LinkInvalidError


@contextmanager
def _counted() -> Iterator[None]:
    """Count the outcome of an opening."""
    try:
        yield
    except LicenceRefusalError:
        metrics.LOGINS.labels("link", "unlicensed").inc()
        raise
    except (LinkInvalidError, LinkPasswordError):
        metrics.LOGINS.labels("link", "refused").inc()
        raise
    except ThrottledError:
        metrics.LOGINS.labels("link", "throttled").inc()
        raise
    metrics.LOGINS.labels("link", "opened").inc()
