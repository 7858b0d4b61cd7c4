"""Databases made and dropped by the command line, on a real PostgreSQL that asks for passwords, and as SQLite files."""

import contextlib
import os
import sqlite3
import subprocess
import sys

import asyncpg
import pytest
import yaml

MASTER = ["--master-db-user", "webviewer", "--master-db-name", "postgres"]
PASSWORD = 'it\'s "secret" %L'


def run(*arguments, **environment):
    command = [sys.executable, "-m", "webviewer", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )


def last_line(answer):
    assert answer.returncode == 2, answer.stdout
    assert "Traceback" not in answer.stderr
    assert PASSWORD not in answer.stderr
    return answer.stderr.strip().splitlines()[-1]


@pytest.fixture
def server(lone_postgresql):
    """A server that believes its administrator and asks everybody else for a password."""
    rules = "local all webviewer trust\nlocal all all scram-sha-256\n"
    (lone_postgresql._data / "pg_hba.conf").write_text(rules)
    lone_postgresql.stop()
    lone_postgresql.start()
    return lone_postgresql


@pytest.fixture
def configuration(server, tmp_path):
    """A function that writes the settings of a role whose database is not there yet."""

    def write(name, database="", password=PASSWORD):
        quoted = "".join(f"%{ord(letter):02x}" if not letter.isalnum() else letter for letter in password)
        url = f"postgresql+asyncpg://{name}:{quoted}@/{database or name}?host={server.folder}"
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"database_url": url, "data": str(tmp_path / "data")}))
        return file

    return write


async def schemas(server, name):
    connection = await asyncpg.connect(host=f"{server.folder}", user=name, password=PASSWORD, database=name)
    try:
        rows = await connection.fetch("SELECT schemaname FROM pg_tables WHERE tablename = 'alembic_version'")
        return {row["schemaname"] for row in rows}
    finally:
        await connection.close()


@pytest.mark.contract("D03", "D04", "D05", "D06", "D07", "B04")
async def test_storage_makes_its_database_when_its_user_is_there_and_its_user_drops_it(server, configuration):
    file = configuration("images")
    assert "add --create-db-user" in last_line(run("storage", "-c", file, "--create-database", *MASTER))
    assert run("storage", "-c", file, "--create-db-user", *MASTER).returncode == 0
    both = ["--create-db-user", "--create-database"]
    assert "leave out --create-db-user" in last_line(run("storage", "-c", file, *both, *MASTER))
    made = run("storage", "-c", file, "--create-database", *MASTER)
    assert made.returncode == 0, made.stderr
    assert "made the database images" in made.stdout
    assert await schemas(server, "images") == {"storage"}
    assert run("storage", "-c", file, "--drop-database").returncode == 0
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await schemas(server, "images")


@pytest.mark.contract("D03", "D04", "D05", "D06", "B03")
async def test_control_does_not_make_what_is_there_nor_drop_what_is_in_use(server, configuration):
    file = configuration("people")
    made = run("control", "-c", file, "--create-db-user", "--create-database", *MASTER)
    assert made.returncode == 0, made.stderr
    assert await schemas(server, "people") == {"control"}
    assert "webviewer db upgrade" in last_line(run("control", "-c", file, "--create-database", *MASTER))
    connection = await asyncpg.connect(host=f"{server.folder}", user="people", password=PASSWORD, database="people")
    assert "stop the servers" in last_line(run("control", "-c", file, "--drop-database"))
    await connection.close()
    assert run("control", "-c", file, "--drop-database").returncode == 0


@pytest.mark.contract("D03", "D04", "D05", "D06", "B02")
async def test_what_holds_the_tables_of_both_is_dropped_by_the_unified_server_only(server, configuration):
    file = configuration("both")
    made = run("serve", "-c", file, "--create-db-user", "--create-database", *MASTER)
    assert made.returncode == 0, made.stderr
    assert await schemas(server, "both") == {"control", "storage"}
    assert "`webviewer serve --drop-database`" in last_line(run("control", "-c", file, "--drop-database"))
    assert run("serve", "-c", file, "--drop-database", *MASTER).returncode == 0
    assert "no such database" in last_line(run("serve", "-c", file, "--drop-database", *MASTER))


@pytest.mark.contract("D05", "D06")
def test_wrong_credentials_of_the_administrator_are_said(configuration):
    file = configuration("somebody")
    wrong = ["--master-db-user", "postgres"]
    answer = run("serve", "-c", file, "--create-db-user", *wrong, WEBVIEWER_MASTER_DB_PASSWORD=PASSWORD)
    assert "--master-db-user and --master-db-password" in last_line(answer)


@pytest.mark.contract("D04", "D06", "B01")
def test_sqlite_files_are_made_and_dropped_but_not_under_a_running_server(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text(f"data: {tmp_path / 'data'}\n")
    assert run("serve", "-c", file, "--create-database").returncode == 0
    assert {path.name for path in (tmp_path / "data").glob("*.db")} == {"control.db", "storage.db"}
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "control.db")) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
        assert "stop the server" in last_line(run("control", "-c", file, "--drop-database"))
    assert run("serve", "-c", file, "--drop-database").returncode == 0
    assert not list((tmp_path / "data").glob("*.db*"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--create-db-user"], "for PostgreSQL"),
        (["--drop-database"], "there is no database"),
        (["--master-db-user", "postgres"], "go with --create-db-user"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, options, words):
    assert words in last_line(run("control", "--data", tmp_path, *options))
