"""Puts a service onto a machine, and takes it away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webviewer.errors import InvalidRequestError
from webviewer.service import account, files
from webviewer.service.places import Engine, Places

_PROGRAM, _UNIT, _SETTINGS, _FOLDER, _OPEN_FOLDER = 0o755, 0o644, 0o640, 0o750, 0o755


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person wants: ``backup`` replaces settings that are there, ``force`` asks nothing."""

    engine: Engine
    backup: bool = False
    force: bool = False


def install(places: Places, wishes: Wishes) -> bool:
    """Install the service; returns False if the person does not want it after all.

    Raises InvalidRequestError for who is not root, or where the service could not read its own program.
    """
    _check_rights(places)
    if not _agreed(f"Install {places.name} into {places.programs}?", wishes):
        return False
    user, group = account.ensure(places)
    for folder in (places.home, places.data, places.logs):
        _make_folder(places.under(folder), _FOLDER, user, group)
    _make_folder(places.under(places.launcher.parent), _OPEN_FOLDER)
    _write(places.under(places.launcher), files.launcher(), _PROGRAM)
    _write(places.under(places.uninstaller), files.uninstaller(places), _PROGRAM)
    kept = _install_settings(places, wishes, group)
    _make_folder(places.under(places.unit.parent), _OPEN_FOLDER)
    _write(places.under(places.unit), files.unit(places, wishes.engine), _UNIT)
    _systemctl(places, "daemon-reload")
    sys.stdout.write("\n".join(_report(places, wishes, kept)) + "\n")
    return True


def uninstall(places: Places, *, force: bool) -> bool:
    """Take the unit and the programs away; returns False if the person does not want it after all.

    Settings, data, logs, user and group stay, and so does whatever else is in the folder of the programs.
    """
    _check_rights(places)
    if not _agreed(f"Remove {places.name}? Settings, data, logs, user and group stay.", Wishes("sqlite", force=force)):
        return False
    _systemctl(places, "disable", "--now", places.name)
    for file in (places.unit, places.launcher, places.uninstaller):
        places.under(file).unlink(missing_ok=True)
    for folder in (places.launcher.parent, places.programs):
        found = places.under(folder)
        if found.is_dir() and not any(found.iterdir()):
            found.rmdir()
    _systemctl(places, "daemon-reload")
    sys.stdout.write(f"removed {places.unit}, {places.launcher} and {places.uninstaller}\n")
    return True


def _install_settings(places: Places, wishes: Wishes, group: int) -> Path | None:
    """Write the settings; returns the file that was there before and stays in force."""
    file = places.configuration(wishes.engine)
    target = places.under(file)
    _make_folder(target.parent, _FOLDER, 0, group)
    kept = None
    if target.exists():
        if wishes.backup and _agreed(f"Replace {file}? The old one becomes {file.name}.back.", wishes):
            target.replace(target.with_name(target.name + ".back"))
        else:
            kept, target = file, target.with_name(target.name + ".new")
    _write(target, files.settings(places, wishes.engine), _SETTINGS, group)
    return kept


def _report(places: Places, wishes: Wishes, kept: Path | None) -> Iterator[str]:
    file = places.configuration(wishes.engine)
    yield f"installed {places.name}: {places.unit}"
    if kept:
        yield f"{kept} was there and stays; compare it with {kept.name}.new"
    yield f"settings: {file}"
    if places.role != "render" and wishes.engine == "postgresql":
        run = f"runuser -u {places.name} -- {places.launcher} {'serve' if places.role == 'unified' else places.role}"
        yield "make its database, by the administrator of PostgreSQL (WEBVIEWER_MASTER_DB_PASSWORD holds his password):"
        yield f"  {run} --config {file} --create-db-user --create-database --master-db-user postgres"
    yield f"start it:  systemctl enable --now {places.name}"
    yield f"look at it:  systemctl status {places.name}; {places.logs}/webviewer.log"
    if places.role in {"unified", "control"}:
        yield f"the administrator's first password is then in {places.data}/initial-admin-password"
    yield f"remove it:  {places.uninstaller}"


def _check_rights(places: Places) -> None:
    if places.root != Path("/"):
        return
    if os.geteuid() != 0:
        text = "only root can do that: run it by sudo, or give --root DIR to look at what would be written"
        raise InvalidRequestError(text)
    closed = _closed_folder(Path(sys.executable))
    if closed:
        text = (
            f"the service's user could not read {sys.executable}, because {closed} is closed to others: "
            "install WebViewer elsewhere, such as python3 -m venv /opt/webviewer/venv"
        )
        raise InvalidRequestError(text)


def _closed_folder(program: Path) -> Path | None:
    # Home folders are hidden from the service altogether.
    for parent in {*program.parents, *program.resolve().parents}:
        if not parent.stat().st_mode & 0o001 or parent in {Path("/root"), Path("/home")}:
            return parent
    return None


def _agreed(question: str, wishes: Wishes) -> bool:
    """Ask; only a yes is a yes, Enter is a no."""
    if wishes.force:
        return True
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _make_folder(folder: Path, mode: int, user: int = 0, group: int = 0) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(mode)
        _give(folder, user, group)


def _write(file: Path, content: str, mode: int, group: int = 0) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
    _give(file, 0, group)
    file.chmod(mode)


def _give(path: Path, user: int, group: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, user, group)


def _systemctl(places: Places, *arguments: str) -> None:
    """Tell systemd, where it runs: not in a scratch root, nor in a container."""
    program = shutil.which("systemctl")
    if program and places.root == Path("/") and Path("/run/systemd/system").is_dir():
        subprocess.run([program, *arguments], check=False)  # noqa: S603 - no shell
