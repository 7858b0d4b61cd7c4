"""Parts that do not trust each other: which sentence says so. That those that do work together is in test_main_path.py."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import httpx2
import pytest

TIMEOUT = 60.0
SECRET = {"WEBVIEWER_NODE_SECRET": "integration-test"}
ADVICE = "tls_authority must hold the authority that its certificate is by"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Pair:
    """Control and storage, each with a certificate of its own."""

    def __init__(self, launcher, folder) -> None:
        self.launcher, self.folder, self.logs = launcher, folder, {}
        self.ports = {name: free_port() for name in ("pages", "nodes", "storage")}
        self.pages = f"http://127.0.0.1:{self.ports['pages']}"

    def start(self, role: str, arguments: list[str]) -> None:
        storage = f"https://localhost:{self.ports['storage']}"
        own = {
            "control": [
                "--port", str(self.ports["pages"]), "--nodes-port", str(self.ports["nodes"]),
                "--storage-url", storage, "--render-url", storage,
            ],
            "storage": [
                "--port", str(self.ports["storage"]), "--control-url", f"https://localhost:{self.ports['nodes']}", "--no-dicom",
            ],
        }  # fmt: skip
        data = ["--data", str(self.folder / role), "--metrics-port", "0"]
        _, self.logs[role] = self.launcher.start(role, role, *data, *own[role], *arguments, **SECRET)

    def wait_for(self, role: str, sentence: str) -> None:
        """Wait until the role's log says it; control is asked for its readiness meanwhile, to look at storage."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if self.logs[role].exists() and sentence in self.logs[role].read_text():
                return
            with contextlib.suppress(httpx2.TransportError):
                assert httpx2.get(f"{self.pages}/readyz", timeout=5).status_code == 503
            time.sleep(0.1)
        pytest.fail(f"{role} did not say {sentence!r}:\n{self.logs[role].read_text()[-3000:]}")


@pytest.fixture
def pair(launch, tmp_path):
    for role in ("control", "storage"):
        command = [sys.executable, "-m", "webviewer", "db", "upgrade", "--role", role, "--data", str(tmp_path / role)]
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL, env=os.environ)
    with contextlib.closing(launch(tmp_path)) as launcher:
        yield Pair(launcher, tmp_path)


def test_a_node_refuses_a_control_of_another_authority_and_says_what_to_do(pair, certificates):
    pair.start("control", certificates("one").arguments())
    pair.start("storage", certificates("other").arguments())
    pair.wait_for("storage", "control is not trusted: ")
    assert ADVICE in pair.logs["storage"].read_text()


def test_control_refuses_a_node_of_another_authority_and_is_not_ready(pair, certificates):
    one, stranger = certificates("one"), certificates("stranger")
    # The stranger believes control, and control does not believe the stranger.
    stranger.paths["authority"].write_text(one.authority.certificate, encoding="ascii")
    pair.start("control", one.arguments())
    pair.start("storage", stranger.arguments())
    pair.wait_for("control", "the storage node is not trusted: ")
    assert ADVICE in pair.logs["control"].read_text()


def test_a_certificate_of_another_name_is_refused(pair, certificates):
    elsewhere = certificates("elsewhere", "storage.example.org").arguments()
    pair.start("control", elsewhere)
    pair.start("storage", elsewhere)
    pair.wait_for("storage", "control is not trusted: Hostname mismatch")


def test_half_of_a_certificate_and_a_wrong_key_end_the_start_with_a_sentence(tmp_path, certificates):
    one, other = certificates("one"), certificates("other")
    command = [sys.executable, "-m", "webviewer", "storage", "--data", str(tmp_path / "data"), "--port", "0"]
    certificate = ["--tls-certificate", str(one.paths["certificate"])]
    for arguments, sentence in (
        (certificate, "tls_certificate and tls_key belong together"),
        ([*certificate, "--tls-key", str(other.paths["key"])], "must be PEM files that belong together"),
    ):
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, timeout=60, env=os.environ | SECRET
        )
        assert done.returncode == 2
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
