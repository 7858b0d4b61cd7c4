"""``webviewer operator``: everything put together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence

import structlog

from webviewer import __version__, server
from webviewer_operator import probes
from webviewer_operator.controller import Controller
from webviewer_operator.kube import client
from webviewer_operator.reconcile.reconciler import Reconciler
from webviewer_operator.scaling.capacity import HttpCapacity
from webviewer_operator.watch import watch

_log = structlog.get_logger(__name__)


def run(namespaces: Sequence[str], host: str, port: int) -> int:
    """Look after the clusters of these namespaces, of all if none is named; probes and metrics are at ``host:port``."""
    asyncio.run(_run(namespaces, host, port))
    return 0


async def _run(namespaces: Sequence[str], host: str, port: int) -> None:
    listener = server.listen(host, port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with client.connect() as kube, contextlib.aclosing(HttpCapacity()) as capacity:
        reconciler = Reconciler(kube, capacity, time.time, __version__)
        controller = Controller(reconciler.reconcile)
        async with server.serving(probes.create_app(controller.stalled), listener):
            print(f"listening on {server.address(listener)}", flush=True)  # noqa: T201 - what scripts wait for
            _log.info("starting", role="operator", version=__version__, namespaces=list(namespaces) or "all")
            await _until_stopped(controller, namespaces, stop)


async def _until_stopped(controller: Controller, namespaces: Sequence[str], stop: asyncio.Event) -> None:
    """Watch and work until told to stop, or until one of them fails: then all of it ends, to be started again."""
    watching = asyncio.create_task(watch(controller.wake, namespaces, stop))
    working = asyncio.create_task(controller.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({watching, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    working.cancel()
    results = await asyncio.gather(watching, working, stopping, return_exceptions=True)
    failed = [result for result in results if isinstance(result, Exception)]
    if failed:
        raise failed[0]
