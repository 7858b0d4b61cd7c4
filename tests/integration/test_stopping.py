"""How the product ends: whatever went wrong before, in order and with status 0."""

import contextlib
import signal
import time

import pytest


@pytest.fixture
def launcher(tmp_path, launch):
    with contextlib.closing(launch(tmp_path)) as launcher:
        yield launcher


def test_a_volume_without_room_for_the_sample_neither_stops_it_nor_spoils_its_end(tmp_path, launcher):
    process, log = launcher.start(
        "unified", "serve", "--data", str(tmp_path / "data"), "--port", "0", "--no-dicom",
        WEBVIEWER_MIN_FREE_BYTES=str(10**18),
    )  # fmt: skip
    launcher.wait_for_address(process, log)
    deadline = time.monotonic() + 60
    while "sample study not made" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert "Traceback" not in log.read_text()
