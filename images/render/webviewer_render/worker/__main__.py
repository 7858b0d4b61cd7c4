"""Start of a worker process: ``python -m webviewer_render.worker MESSAGES ARENAS PARENT THREADS BACKEND``."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
import socket
import sys
import time

from webviewer_render.backends import make_backend
from webviewer_render.scene import picture, plane, projection
from webviewer_render.worker.channel import Channel
from webviewer_render.worker.protocol import Ready
from webviewer_render.worker.service import WorkerService

_PR_SET_PDEATHSIG = 1
_SWITCH_SECONDS = 0.001


def _die_with(parent: int) -> None:
    """Have the kernel end this process with its parent, however that one ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was faster
        os._exit(0)


def main(messages: int, arenas: int, parent: int, threads: int, backend: str) -> None:
    """Serve one front until it goes."""
    _die_with(parent)
    # Terminals and service managers signal whole groups of processes; the front decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    # Decoders and kernels leave the interpreter lock, so what is left of it is short; waiting 5 ms for it is not.
    sys.setswitchinterval(_SWITCH_SECONDS)
    channel = Channel(socket.socket(fileno=messages), socket.socket(fileno=arenas))
    started = time.perf_counter()
    picture.warm_up()
    plane.warm_up()
    projection.warm_up()
    projections = make_backend(backend)
    gc.freeze()
    service = WorkerService(channel, threads, projections)
    channel.send(Ready(seconds=time.perf_counter() - started))
    service.run()


if __name__ == "__main__":
    messages, arenas, parent, threads = (int(argument) for argument in sys.argv[1:5])
    main(messages, arenas, parent, threads, sys.argv[5])
