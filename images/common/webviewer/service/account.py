"""The system user that a service runs as, and its group."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from webviewer.errors import InvalidRequestError
from webviewer.service.places import GROUP, Places

_ACCOUNT_FILES = ("passwd", "group", "shadow", "gshadow")
_FIELD_OF_ID = 2


def ensure(places: Places) -> tuple[int, int]:
    """Make group and user unless they are there; return their numbers.

    Raises InvalidRequestError where the system's own programs are missing or refuse.
    """
    folder = places.under(Path("/etc"))
    scratch = places.root != Path("/")
    if scratch:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ACCOUNT_FILES:
            (folder / name).touch()
    prefix = ["--prefix", str(places.root)] if scratch else []
    if _number(folder / "group", GROUP) is None:
        _run("groupadd", *prefix, "--system", GROUP)
    if _number(folder / "passwd", places.name) is None:
        home = ["--home-dir", str(places.home), "--no-create-home"]
        _run("useradd", *prefix, "--system", "--gid", GROUP, *home, "--shell", "/usr/sbin/nologin", places.name)
    user, group = _number(folder / "passwd", places.name), _number(folder / "group", GROUP)
    if user is None or group is None:
        text = f"the user {places.name} is not in {folder / 'passwd'} though useradd has made it"
        raise InvalidRequestError(text)
    return user, group


def _number(file: Path, name: str) -> int | None:
    """Return the number that a line of passwd or group gives to a name."""
    for line in file.read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[_FIELD_OF_ID])
    return None


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if found is None:
        text = f"{program} is not there: apt-get install passwd"
        raise InvalidRequestError(text)
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        text = f"{program}: {done.stderr.strip() or done.returncode}"
        raise InvalidRequestError(text)
