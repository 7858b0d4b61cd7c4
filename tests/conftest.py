"""What all tests share: where real data is, and which programs must be there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def missing(reason: str) -> None:
    """Skip visibly on a developer's machine; in CI nothing may be missing."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require_program():
    """Return a function that finds a program on the PATH (or in Debian's places, or ours) or ends the test."""
    tools = Path(__file__).parents[1] / ".cache" / "tools"

    def find(name: str) -> str:
        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/postgresql/15/bin", f"{tools}"])
        found = shutil.which(name, path=places)
        if not found:
            missing(f"{name} is not installed: make setup")
        return found or ""

    return find


class PostgreSQL:
    """A server of our own. It is reached by a socket in its folder: a port could be taken by others meanwhile."""

    def __init__(self, programs: dict[str, str]) -> None:
        self._programs = programs
        # The server refuses to run as root, so root hands it to the user postgres.
        self._runuser = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        # Not under tmp_path: its parents are closed to other users.
        self.folder = Path(tempfile.mkdtemp(prefix="webviewer-pg-", dir="/tmp"))
        if self._runuser:
            shutil.chown(self.folder, "postgres")
        self._data = self.folder / "data"
        arguments = ["-U", "webviewer", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", "-D", f"{self._data}", *arguments)

    def __call__(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self._run("createdb", "-h", f"{self.folder}", "-U", "webviewer", name)
        return f"postgresql+asyncpg://webviewer@/{name}?host={self.folder}"

    def start(self) -> None:
        options = f"-c listen_addresses= -k {self.folder} -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", f"{self._data}", "-w", "-o", options, "start")

    def stop(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", f"{self._data}", "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._log.unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        return self.folder.with_suffix(".log")

    def _run(self, program: str, *arguments: str) -> None:
        # A file, not a pipe: the server inherits it and would keep a pipe open.
        with self._log.open("ab") as log:
            command = [*self._runuser, self._programs[program], *arguments]
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd="/")


def _running_postgresql(require_program: Callable[[str], str]) -> Iterator[PostgreSQL]:
    server = PostgreSQL({name: require_program(name) for name in ("initdb", "pg_ctl", "createdb")})
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgresql(require_program) -> Iterator[PostgreSQL]:
    """Return a function that makes an empty database and gives its URL."""
    yield from _running_postgresql(require_program)


@pytest.fixture
def lone_postgresql(require_program) -> Iterator[PostgreSQL]:
    """A server for one test, which may stop it and start it again."""
    yield from _running_postgresql(require_program)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real DICOM files with its MANIFEST.tsv."""
    folder = os.environ.get("WEBVIEWER_TEST_DATA", "")
    if not folder or not (Path(folder) / "MANIFEST.tsv").is_file():
        missing("set WEBVIEWER_TEST_DATA to the folder of real DICOM files")
    return Path(folder)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked ``real_data`` need the folder even if they do not use the fixture."""
    if item.get_closest_marker("real_data") and not os.environ.get("WEBVIEWER_TEST_DATA"):
        missing("set WEBVIEWER_TEST_DATA to the folder of real DICOM files")


# ---------------------------------------------------------------- machines that others use too


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI a test that fails is run once more, and the summary lists it as RERUN, so that nobody overlooks it.

    Most tests talk to real processes, databases and browsers, and a shared machine may stop one of them for seconds.
    """
    if os.environ.get("CI"):
        for item in items:
            item.add_marker(pytest.mark.flaky(reruns=1))


# ---------------------------------------------------------------- the contract's table

CONTRACT = Path(__file__).with_name("contract.md")
CONTRACT_ROW = re.compile(r"^([A-Y]\d\d) ", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``make contract`` prints a line for every row of contract.md."""
    parser.addoption("--contract-table", action="store_true", help="print the state of every row of contract.md")


class ContractTable:
    """Collects the outcomes of tests that name rows."""

    def __init__(self, rows: list[str], *, shown: bool) -> None:
        self.rows = rows
        self.shown = shown
        self.named: dict[str, list[str]] = {}
        self.outcomes: dict[str, dict[str, str]] = {row: {} for row in rows}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            named = [row for marker in item.iter_markers("contract") for row in marker.args]
            unknown = set(named) - set(self.rows)
            if unknown:
                text = f"{item.nodeid} names rows that contract.md does not have: {sorted(unknown)}"
                raise pytest.UsageError(text)
            self.named[item.nodeid] = named

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            for row in self.named.get(report.nodeid, []):
                self.outcomes[row][report.nodeid] = report.outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.shown:
            return
        counts = {"passed": 0, "failed": 0, "no test": 0}
        for row in self.rows:
            outcomes = [outcome for outcome in self.outcomes[row].values() if outcome != "skipped"]
            state = "failed" if "failed" in outcomes else "passed" if outcomes else "no test"
            counts[state] += 1
            tests = f" ({len(outcomes)} test{'s' if len(outcomes) > 1 else ''})" if state == "passed" else ""
            terminalreporter.write_line(f"{row} {state}{tests}")
        summary = ", ".join(f"{state}: {count}" for state, count in counts.items())
        terminalreporter.write_line(f"rows: {len(self.rows)}, {summary}")


def pytest_configure(config: pytest.Config) -> None:
    """Marks are checked against the contract in every run; the table is printed on demand."""
    table = ContractTable(
        sorted(CONTRACT_ROW.findall(CONTRACT.read_text(encoding="utf-8"))), shown=config.getoption("--contract-table")
    )
    config.pluginmanager.register(table, "contract-table")
