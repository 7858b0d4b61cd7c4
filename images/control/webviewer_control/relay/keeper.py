"""Saves what the viewports of a socket show: soon after a change, but not at every one."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from webviewer.errors import WebViewerError
from webviewer_control.relay.viewports import Viewports
from webviewer_control.services.viewports import ViewportStore
from webviewer_control.store.finish import finish

_DEBOUNCE_SECONDS = 2.0
_log = structlog.get_logger(__name__)


async def keep_saved(store: ViewportStore, viewports: Viewports, socket: str, session: str) -> None:
    """Write changes every two seconds at most, until cancelled; then forget the socket's viewports."""
    try:
        while True:
            await viewports.wait_changed()
            await asyncio.sleep(_DEBOUNCE_SECONDS)
            changed, closed = viewports.take_changes()
            try:
                await finish(store.save(socket, session, changed, closed))
            except (SQLAlchemyError, WebViewerError) as error:
                # The browser holds the same states; the next change is saved again.
                _log.warning("viewports not saved", cause=type(error).__name__)
    finally:
        await finish(store.forget(socket))
