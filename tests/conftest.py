"""What all tests share: where real data is, and which programs must be there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from webviewer.bench.own_postgresql import OwnPostgreSQL, running_postgresql

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def missing(reason: str) -> None:
    """Skip visibly on a developer's machine; in CI nothing may be missing."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def missing_tool():
    """Return a function that ends a test which lacks something."""
    return missing


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


@pytest.fixture(scope="session")
def postgresql(require_program) -> Iterator[OwnPostgreSQL]:
    """Return a function that makes an empty database and gives its URL."""
    with running_postgresql(require_program, durable=False) as server:
        yield server


@pytest.fixture
def lone_postgresql(require_program) -> Iterator[OwnPostgreSQL]:
    """A server for one test, which may stop it and start it again."""
    with running_postgresql(require_program, durable=False) as server:
        yield server


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
