"""What the options for databases do, instead of starting a server: --drop-database, --create-db-user, --create-database."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from webviewer.errors import InvalidRequestError
from webviewer.roles import RoleName, find_role
from webviewer.settings import Settings

_PASSWORD_VARIABLE = "WEBVIEWER_MASTER_DB_PASSWORD"  # noqa: S105 - the name of a variable
_ROLES: dict[str, tuple[RoleName, ...]] = {
    "serve": ("control", "storage"),
    "control": ("control",),
    "storage": ("storage",),
}


class Upkeep(NamedTuple):
    """What is asked for; done in this order."""

    drop_database: bool
    create_user: bool
    create_database: bool
    master: dict[str, str]
    """``user``, ``password`` and ``database`` as far as they were given."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Offer the options to a server's command."""
    group = command.add_argument_group("database upkeep", "done instead of starting the server")
    group.add_argument("--drop-database", action="store_true", help="drop the database, with all that is in it")
    group.add_argument("--create-db-user", action="store_true", help="make the PostgreSQL user that database_url names")
    group.add_argument("--create-database", action="store_true", help="make the database and its tables")
    group.add_argument("--master-db-user", metavar="NAME", help="administrator of PostgreSQL (default: postgres)")
    group.add_argument("--master-db-password", metavar="TEXT", help=f"his password; better by {_PASSWORD_VARIABLE}")
    group.add_argument("--master-db-name", metavar="NAME", help="database that he connects to (default: postgres)")


def take_options(options: dict[str, Any]) -> Upkeep | None:
    """Take the options out of what was parsed; returns null if no upkeep is asked for."""
    given = {"user": "master_db_user", "password": "master_db_password", "database": "master_db_name"}
    master = {name: options.pop(option) for name, option in given.items() if option in options}
    wanted = [options.pop(name, False) for name in ("drop_database", "create_db_user", "create_database")]
    if not any(wanted):
        if master:
            text = "--master-db-… go with --create-db-user, --create-database or --drop-database"
            raise InvalidRequestError(text)
        return None
    if _PASSWORD_VARIABLE in os.environ:
        master.setdefault("password", os.environ[_PASSWORD_VARIABLE])
    drop, user, database = wanted
    return Upkeep(drop, user, database, master)


async def run(upkeep: Upkeep, command: str, settings: Settings) -> Sequence[str]:
    """Do what is asked for and return what was done, a sentence each."""
    from webviewer.db import administration  # noqa: PLC0415 - render has no database

    done = []
    master = administration.Master(**upkeep.master)
    if upkeep.drop_database:
        own = master if upkeep.master else None
        done.append(f"dropped {await administration.drop_database(settings, own, _ROLES[command])}")
    if upkeep.create_user:
        done.append(f"made the PostgreSQL user {await administration.create_user(settings, master)}")
    if upkeep.create_database:
        if settings.database_url is not None:
            done.append(f"made the database {await administration.create_database(settings, master)}")
        done += [await upgrade(name, settings) for name in _ROLES[command]]
    return done


async def upgrade(name: RoleName, settings: Settings) -> str:
    """Bring the schema of a role to this release and say so."""
    role = find_role(name)
    if role.upgrade is not None:
        await role.upgrade(settings)
    return f"{name}: schema is up to date"
