"""Tells the viewing audit which studies a socket has opened, without anybody waiting for it."""

from __future__ import annotations

import asyncio

import structlog

from webviewer.errors import WebViewerError
from webviewer.wire.messages import Open
from webviewer_control.services.audit import Viewer
from webviewer_control.services.control import Control, Gateway
from webviewer_control.services.sessions import Session

_log = structlog.get_logger(__name__)


class Openings:
    """Each study is noted once per socket: a tab that shows it in four viewports has opened it once."""

    def __init__(self, control: Control, gateway: Gateway, session: Session, address: str) -> None:
        self._control = control
        self._gateway = gateway
        self._session = session
        self._viewer = Viewer.of(session, address)
        self._noted: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self, message: Open) -> None:
        """Note the study of a series that the session was allowed to open."""
        if message.study in self._noted:
            return
        self._noted.add(message.study)
        task = asyncio.create_task(self._note(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait until all is written."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _note(self, message: Open) -> None:
        try:
            node = await self._gateway.stores.node(self._session)
            detail = await node.port.get_study(await self._gateway.stores.read_grant(self._session), message.study)
            if any(series.id == message.series for series in detail.series):
                await self._control.audit.note("opened", self._viewer, detail.study, {"window": message.window})
                return
        except WebViewerError as error:
            _log.warning("study of an opening not known", cause=error.code)
        # The page named another study than the series': what was seen is the series.
        await self._note_series(message)

    async def _note_series(self, message: Open) -> None:
        try:
            await self._control.audit.note(
                "opened", self._viewer, details={"window": message.window, "series": message.series}
            )
        except WebViewerError as error:
            _log.error("opening not in the viewing audit", session=self._session.id, cause=error.code)
