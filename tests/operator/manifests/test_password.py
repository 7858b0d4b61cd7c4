"""The Job that gives PostgreSQL another password: its script, run by a real server's client."""

import os
import subprocess

import pytest

from webviewer_operator.manifests.database import PASSWORD_SCRIPT, password_job


def stored(folder, require_program, environment) -> str:
    query = "SELECT rolpassword FROM pg_authid WHERE rolname = current_user"
    command = [require_program("psql"), "-h", str(folder), "-Atc", query]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("password", ["simple", 'it\'s a "password"; -- $HOME \\q'])
def test_the_script_changes_the_password_and_may_run_again(lone_postgresql, require_program, password):
    lone_postgresql()
    environment = os.environ | {
        "PGHOST": str(lone_postgresql.folder), "PGUSER": "webviewer", "PGDATABASE": "postgres", "OLD_PASSWORD": "before",
        "NEXT_PASSWORD": password,
    }  # fmt: skip
    # This server trusts everybody, so the look whether it is done already is left out.
    change = PASSWORD_SCRIPT.replace("; then exit; fi", "; then :; fi")
    assert change != PASSWORD_SCRIPT
    for _ in range(2):
        subprocess.run(["sh", "-ec", change], env=environment, check=True, capture_output=True)
        assert stored(lone_postgresql.folder, require_program, environment).startswith("SCRAM-SHA-256$")
    first = stored(lone_postgresql.folder, require_program, environment)
    subprocess.run(["sh", "-ec", PASSWORD_SCRIPT], env=environment, check=True, capture_output=True)
    assert stored(lone_postgresql.folder, require_program, environment) == first


def test_no_password_is_written_into_the_job(cluster_of):
    assert "very-secret" not in str(password_job(cluster_of(), "very-secret", "postgres:18"))
