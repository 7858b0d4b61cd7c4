"""Links to studies: made, listed, copied, revoked, signed and deleted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.errors import InvalidRequestError, NotFoundError
from webviewer_control.errors import LicenceRefusalError, LicensingOffError, LinksUsedUpError
from webviewer_control.services.actor import Actor
from webviewer_control.services.audit import Audit, Viewer
from webviewer_control.services.licences import Licences
from webviewer_control.services.link_cells import StudyCells, summary
from webviewer_control.services.link_search import LinkEntry, LinkFilter, LinkSort, Whose, entries, search
from webviewer_control.services.link_secrets import LinkSecrets, LinkTexts
from webviewer_control.services.passwords import Passwords
from webviewer_control.services.records import Records
from webviewer_control.services.sessions import Sessions
from webviewer_control.store.models import LinkRow, SessionRow, new_id

Window = Literal["image", "mpr", "3d"]
LinkEnd = Literal["", "expired", "opens", "study", "user"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a study is: node, store, and the study with its cells. ``series`` null = all of it."""

    storage_node: str | None
    store: str
    study: str
    series: str | None
    cells: StudyCells


@dataclass(frozen=True, slots=True)
class Terms:
    """How a link may be used."""

    window: Window = "image"
    comment: str = ""
    valid_until: dt.datetime | None = None
    password: str | None = None
    max_opens: int | None = None
    sign: bool = False


@dataclass(frozen=True, slots=True)
class Links:
    """All links. Whoever makes or copies one shares a study: the viewing audit is told."""

    records: Records
    secrets: LinkSecrets
    passwords: Passwords
    licences: Licences
    sessions: Sessions
    audit: Audit

    async def create(
        self, user: str | None, source: Source, terms: Terms, by: Viewer, told: Mapping[str, int] | None = None
    ) -> tuple[LinkEntry, LinkTexts]:
        """Make a link; ``user`` null = the administrator's, ``told`` goes into the audit.

        It is signed as far as the licence goes.
        """
        now = self.records.clock()
        if terms.valid_until is not None and terms.valid_until <= now:
            text = "valid_until: a moment in the future, or nothing"
            raise InvalidRequestError(text)
        row = LinkRow(
            id=new_id(),
            generation=1,
            copied=True,
            user_id=user,
            created=now,
            storage_node=source.storage_node,
            store=source.store,
            study=source.study,
            series=source.series,
            window=terms.window,
            comment=terms.comment,
            valid_until=terms.valid_until,
            password=await self.passwords.hash(terms.password) if terms.password else None,
            opens=0,
            max_opens=terms.max_opens,
            gone=False,
            **source.cells.columns(),
        )
        row.secret = self.secrets.digest(row.id, row.generation)
        async with self.records.database.writing() as transaction:
            transaction.add(row)
        if terms.sign:
            await self._sign_if_possible(row.id)
        await self._note("shared", by, row, "created", told)
        return await self._entry(row.id, Whose(all=True)), self.secrets.texts(row)

    async def page(  # noqa: PLR0913 - which rows, in which order, from where to where
        self, whose: Whose, wanted: LinkFilter, sort: LinkSort, offset: int, limit: int, *, descending: bool
    ) -> tuple[int, Sequence[LinkEntry]]:
        """Return the number of all matches and a page of them."""
        async with self.records.database.reading() as transaction:
            return await search(transaction, whose, wanted, sort, offset, limit, descending=descending)

    async def copy(self, link: str, whose: Whose, by: Viewer) -> tuple[Window, LinkTexts]:
        """Return the window and the queries of a link to be copied. Raises NotFoundError."""
        async with self.records.database.writing() as transaction:
            row = await _locked(transaction, link, whose)
            row.copied = True
        await self._note("shared", by, row, "copied")
        return row.window, self.secrets.texts(row)

    async def revoke(self, link: str, whose: Whose, by: Viewer) -> LinkEntry:
        """Make all copies of a link worthless; who looks at the study by it is thrown out. Raises NotFoundError."""
        async with self.records.database.writing() as transaction:
            row = await _locked(transaction, link, whose)
            row.generation += 1
            row.secret = self.secrets.digest(row.id, row.generation)
            row.copied = False
            ended = await self._end(transaction, link, by)
        self.sessions.publish_end(ended)
        await self._note("changed", by, row, "revoked")
        return await self._entry(link, whose)

    async def sign(self, link: str, whose: Whose, by: Viewer) -> LinkEntry:
        """Sign a link: its openings need no connection. Raises NotFoundError, LinksUsedUpError or LicensingOffError."""
        entry = await self._entry(link, whose)
        await self.licences.sign_link(link)
        await self._note("changed", by, entry.row, "signed")
        return await self._entry(link, whose)

    async def delete(self, link: str, whose: Whose, by: Viewer) -> None:
        """Revoke a link and forget it. Raises NotFoundError."""
        async with self.records.database.writing() as transaction:
            row = await _locked(transaction, link, whose)
            ended = await self._end(transaction, link, by)
            await transaction.execute(delete(LinkRow).where(LinkRow.id == link))
        self.sessions.publish_end(ended)
        await self._note("changed", by, row, "deleted")

    async def study_deleted(self, study: str, by: Actor) -> None:
        """A study is gone: links to it open nothing, and who looks at it by one is thrown out."""
        async with self.records.database.writing() as transaction:
            await transaction.execute(update(LinkRow).where(LinkRow.study == study).values(gone=True))
        await self.sessions.end_of_study(study, by)

    def ends(self, entry: LinkEntry) -> LinkEnd:
        """Return why a link opens nothing any more; empty if it does."""
        row = entry.row
        if row.gone:
            return "study"
        if row.valid_until is not None and row.valid_until <= self.records.clock():
            return "expired"
        if row.max_opens is not None and row.opens >= row.max_opens:
            return "opens"
        return "user" if entry.user is not None and not entry.user.active else ""

    async def _entry(self, link: str, whose: Whose) -> LinkEntry:
        query = entries().where(LinkRow.id == link, *whose.conditions())
        async with self.records.database.reading() as transaction:
            found = (await transaction.execute(query)).one_or_none()
        if found is None:
            raise _unknown()
        row, user, signed = found
        return LinkEntry(row, user, signed is not None)

    async def _sign_if_possible(self, link: str) -> None:
        try:
            await self.licences.sign_link(link)
        except (LinksUsedUpError, LicensingOffError, LicenceRefusalError):
            return  # the answer says that it is not signed

    async def _end(self, transaction: AsyncSession, link: str, by: Viewer) -> list[str]:
        who = Actor(by.login, by.session, by.address)
        opened = select(SessionRow).where(SessionRow.link == link)
        return await self.sessions.close(transaction, opened, who, "revoked")

    async def _note(
        self,
        action: Literal["shared", "changed"],
        by: Viewer,
        row: LinkRow,
        what: str,
        told: Mapping[str, int] | None = None,
    ) -> None:
        await self.audit.note(action, by, summary(row), {"link": row.id, "what": what, **(told or {})})


async def _locked(transaction: AsyncSession, link: str, whose: Whose) -> LinkRow:
    """Return a link that nobody changes or opens meanwhile. Raises NotFoundError."""
    query = select(LinkRow).where(LinkRow.id == link, *whose.conditions()).with_for_update()
    row: LinkRow | None = await transaction.scalar(query)
    if row is None:
        raise _unknown()
    return row


def _unknown() -> NotFoundError:
    return NotFoundError("no such link")
