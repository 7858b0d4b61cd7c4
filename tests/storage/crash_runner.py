"""Runs storage nodes for the crash test: imports once, then forks a node per line of its input.

``python crash_runner.py DATA KEYS``; each line starts a node, which prints ``PID DICOM_PORT STORE``;
the test kills it, and the next line waits for its end first.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from webviewer.roles import Mode
from webviewer.settings import Settings
from webviewer_storage.role import ROLE


async def run(data, keys):
    settings = Settings(data=Path(data), dicom_port=0, min_free_bytes=1)
    async with ROLE.build(settings, Mode(unified=True, keys=json.loads(keys))) as node:
        print(os.getpid(), node.dicom_port, node.shared_store, flush=True)  # noqa: T201
        await asyncio.Event().wait()


def main():
    for _ in sys.stdin:
        if os.fork() == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            asyncio.run(run(*sys.argv[1:]))
        os.wait()


if __name__ == "__main__":
    main()
