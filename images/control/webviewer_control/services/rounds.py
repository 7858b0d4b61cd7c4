"""Work that is done again and again, whatever comes of one round of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from webviewer.errors import PeerUnavailableError
from webviewer_control.store.finish import finish

_log = structlog.get_logger(__name__)


async def repeat(
    one_round: Callable[[], Coroutine[Any, Any, object]], seconds: float, failure: str, *, again: float | None = None
) -> None:
    """Do rounds for ever, ``seconds`` apart, or ``again`` seconds after one that the database did not answer.

    ``failure`` is what the log says of a round that failed: nothing that one of them meets may end the others.
    """
    while True:
        pause = seconds
        try:
            await finish(one_round())
        except PeerUnavailableError as error:
            _log.warning(failure, cause=error.message)
            pause = again or seconds
        except Exception:  # noqa: BLE001 - the next round may succeed
            _log.exception(failure)
        await asyncio.sleep(pause)
