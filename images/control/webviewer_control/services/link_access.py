"""What the opening of a link may see, and the count of openings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer_control.errors import LinkInvalidError
from webviewer_control.store.models import LinkRow, UserRow


@dataclass(frozen=True, slots=True)
class LinkAccess:
    """One study, or one series of it, in one store. ``link`` and ``generation`` are null of typed parameters."""

    study: str
    series: str | None
    stores: tuple[str, ...]
    storage_node: str | None
    anonymised: bool
    download: bool
    link: str | None = None
    generation: int | None = None
    until: dt.datetime | None = None
    """When the link ends."""


async def count_opening(transaction: AsyncSession, access: LinkAccess, now: dt.datetime) -> None:
    """Count an opening in the transaction that writes its session. Raises LinkInvalidError if there is none left.

    The condition is part of the change: of two that come at once for the last opening the second finds it taken, and who
    comes while the link is revoked waits, and is refused.
    """
    if access.link is None:
        return
    found = await transaction.execute(
        select(UserRow.active)
        .join(LinkRow, LinkRow.user_id == UserRow.id)
        .where(LinkRow.id == access.link)
        .with_for_update(read=True, of=UserRow)
    )
    creator = found.one_or_none()
    if creator is not None and not creator.active:
        raise LinkInvalidError
    alive = (
        LinkRow.id == access.link,
        LinkRow.generation == access.generation,
        LinkRow.gone.is_(False),
        or_(LinkRow.valid_until.is_(None), LinkRow.valid_until > now),
        or_(LinkRow.max_opens.is_(None), LinkRow.opens < LinkRow.max_opens),
    )
    counted = await transaction.execute(
        update(LinkRow).where(*alive).values(opens=LinkRow.opens + 1).returning(LinkRow.id)
    )
    if counted.one_or_none() is None:
        raise LinkInvalidError
