"""A licence that lies in a file, such as a mounted Secret: activated at the start, and when another one is put there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
from sqlalchemy import select

from webviewer.errors import PeerUnavailableError, WebViewerError
from webviewer.wire.licences import LicenceTextError
from webviewer_control.services.actor import SYSTEM
from webviewer_control.services.licences import Licences
from webviewer_control.services.rounds import repeat
from webviewer_control.store.models import LicenceRow

_ROUND_SECONDS = 60.0
_log = structlog.get_logger(__name__)


class LicenceFile:
    """Looks at the file. What is wrong with it keeps nothing from starting: the administrator has to see it."""

    def __init__(self, licences: Licences, path: Path) -> None:
        self._licences = licences
        self._path = path
        self._text: str | None = None
        """What was seen last; null where there was no file."""

    async def look(self) -> None:
        """Activate what is new in the file, unless it was activated before: what has taken its place since stays."""
        try:
            text = await asyncio.to_thread(self._path.read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            cause = getattr(error, "strerror", None) or "it is no text"
            _log.warning("the licence file cannot be read", file=str(self._path), cause=cause)
            return
        if text == self._text:
            return
        try:
            if not await self._is_known(text):
                await self._licences.activate(text, SYSTEM)
                _log.info("licence of the file activated", file=str(self._path))
        except PeerUnavailableError:
            raise
        except WebViewerError as error:
            _log.warning("licence of the file not activated", file=str(self._path), cause=error.message)
        self._text = text

    async def look_for_ever(self) -> None:
        """Look every minute."""
        await asyncio.sleep(_ROUND_SECONDS)
        await repeat(self.look, _ROUND_SECONDS, "licence file not looked at")

    async def _is_known(self, text: str) -> bool:
        try:
            key = self._licences.reader.read(text).id
        except LicenceTextError:
            return False
        async with self._licences.records.database.reading() as transaction:
            return await transaction.scalar(select(LicenceRow.id).where(LicenceRow.key == key)) is not None
