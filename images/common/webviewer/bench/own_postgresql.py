"""A PostgreSQL server of our own on a scratch folder, for measurements and tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webviewer.errors import PeerUnavailableError

_PLACES = Path("/usr/lib/postgresql")


def installed(name: str) -> str:
    """Return the path of a program of the newest release. Raises PeerUnavailableError."""
    found = shutil.which(name) or next((str(path) for path in sorted(_PLACES.glob(f"*/bin/{name}"), reverse=True)), "")
    if not found:
        text = "PostgreSQL is not installed: apt-get install postgresql, or name a server by --database-url"
        raise PeerUnavailableError(text)
    return found


class OwnPostgreSQL:
    """It is reached by a socket in its folder: a port could be taken by others meanwhile."""

    def __init__(self, find: Callable[[str], str] = installed, *, durable: bool) -> None:
        """``find`` gives the path of a program. Not ``durable``: a commit need not be on the disk, which is faster."""
        self._programs = {name: find(name) for name in ("initdb", "pg_ctl", "createdb")}
        self._durable = durable
        # The server refuses to run as root, so root hands it to the user postgres.
        self._runuser = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        # Where other users come to: the folder of a test is closed to them.
        self.folder = Path(tempfile.mkdtemp(prefix="webviewer-pg-", dir="/tmp"))
        if self._runuser:
            shutil.chown(self.folder, "postgres")
        self._data, self._log = self.folder / "data", self.folder.with_suffix(".log")
        arguments = ["-U", "webviewer", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", "-D", f"{self._data}", *arguments, *([] if durable else ["--no-sync"]))

    def __call__(self) -> str:
        """Make an empty database and return its URL."""
        name = f"own_{uuid.uuid4().hex}"
        self._run("createdb", "-h", f"{self.folder}", "-U", "webviewer", name)
        return f"postgresql+asyncpg://webviewer@/{name}?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = f"-c listen_addresses= -k {self.folder}"
        if not self._durable:
            options += " -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", f"{self._data}", "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once; stopping twice is no error."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", f"{self._data}", "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Stop it and delete its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._log.unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str) -> None:
        # A file, not a pipe: the server inherits it and would keep a pipe open.
        with self._log.open("ab") as log:
            command = [*self._runuser, self._programs[program], *arguments]
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd="/")  # noqa: S603 - named above


@contextmanager
def running_postgresql(find: Callable[[str], str] = installed, *, durable: bool = True) -> Iterator[OwnPostgreSQL]:
    """Run one for the length of a ``with``; it makes databases. Its settings are PostgreSQL's own if ``durable``."""
    server = OwnPostgreSQL(find, durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.remove()
