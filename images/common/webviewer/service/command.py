"""``webviewer service``: the options, and where they lead."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from webviewer.errors import InvalidRequestError
from webviewer.service.install import Wishes, install, uninstall
from webviewer.service.places import Places

_ROLES = ("unified", "control", "storage", "render")
_DECLINED = 1


def add(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the class of its sub-parsers private
    """Add the command to the parser."""
    command = commands.add_parser("service", help="run as a service of this machine (systemd)")
    actions = command.add_subparsers(required=True, metavar="ACTION")
    summary = (
        "Makes the unit webviewer-ROLE.service, its user, settings in /etc, data in /var/lib and logs in /var/log. "
        "The variable INSTALL_DIR says where its programs go (default: /opt/webviewer-ROLE)."
    )
    action = _action(actions, "install", "install a service", summary)
    action.add_argument("--postgresql", action="store_true", help="settings for PostgreSQL; wins over --sqlite")
    action.add_argument("--sqlite", action="store_true", help="settings for SQLite (default: PostgreSQL)")
    action.add_argument(
        "-b", "--backup", action="store_true", help="replace settings that are there, keep them as .back"
    )
    action.set_defaults(run=_install)
    summary = "Removes unit and programs. Settings, data, logs, user and group stay."
    _action(actions, "uninstall", "remove a service", summary).set_defaults(run=_uninstall)


def _action(actions: Any, name: str, short: str, summary: str) -> argparse.ArgumentParser:  # noqa: ANN401 - as above
    action: argparse.ArgumentParser = actions.add_parser(name, help=short, description=summary)
    action.add_argument("--role", required=True, choices=_ROLES, help="which server")
    action.add_argument("-f", "--force", action="store_true", help="ask nothing")
    action.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="write below this folder instead")
    return action


def _install(options: dict[str, Any]) -> int:
    engine = "sqlite" if options["sqlite"] and not options["postgresql"] else "postgresql"
    wishes = Wishes(engine, options["backup"], options["force"])  # type: ignore[arg-type]  # one of the two
    return 0 if install(_places(options), wishes) else _DECLINED


def _uninstall(options: dict[str, Any]) -> int:
    return 0 if uninstall(_places(options), force=options["force"]) else _DECLINED


def _places(options: dict[str, Any]) -> Places:
    programs = Path(os.environ.get("INSTALL_DIR") or f"/opt/webviewer-{options['role']}")
    if not programs.is_absolute():
        text = f"INSTALL_DIR must be a whole path, and not {programs}"
        raise InvalidRequestError(text)
    return Places(options["role"], programs, options["root"].resolve())
