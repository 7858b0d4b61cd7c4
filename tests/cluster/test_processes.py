"""What tests start goes with them."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .control_plane import wait_for

ROOT = Path(__file__).parents[2]
PARENT = """
import pathlib, sys, time
from tests.cluster.processes import process
with process(["sleep", "600"], pathlib.Path(sys.argv[1])) as started:
    print(started.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends processes with their parents")
def test_a_program_ends_with_tests_that_are_killed(tmp_path):
    command = [sys.executable, "-c", PARENT, f"{tmp_path}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = Path("/proc") / parent.stdout.readline().strip()
        # Who dies before the tie is made leaves an orphan: for that moment nobody can do anything.
        wait_for(lambda: (child / "cmdline").read_bytes().startswith(b"sleep"), 30)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_for(lambda: not _runs(child), 10)


def _runs(process: Path) -> bool:
    """Return whether it runs: one that nobody has waited for yet does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return "\nState:\tZ" not in (process / "status").read_text()
    return False
