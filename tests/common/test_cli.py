"""The command line, as a process."""

import subprocess
import sys

import pydicom
import pytest

COMMAND = [sys.executable, "-m", "webviewer"]


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.contract("D01")
@pytest.mark.parametrize("role", [[], ["serve"], ["control"], ["storage"], ["render"]])
@pytest.mark.parametrize("option", ["--version", "-v"])
def test_the_version_is_printed_and_nothing_starts(role, option):
    answer = run(*role, option)
    assert answer.returncode == 0
    assert answer.stdout.startswith("WebViewer 0.")


@pytest.mark.contract("D01")
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_the_options(option):
    answer = run("serve", option)
    assert answer.returncode == 0
    for name in ("--data", "--config", "--log-level", "--no-log-to-console", "--dicom-port", "--no-cache", "--port"):
        assert name in answer.stdout


def test_a_wrong_setting_is_one_line_and_not_a_trace(tmp_path):
    answer = run("serve", "--data", str(tmp_path), "--port", "70000")
    assert answer.returncode == 2
    assert "port" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_phantom_is_written_as_a_dicom_series(tmp_path):
    answer = run("sample", "write", str(tmp_path), "--slices", "3", "--size", "32")
    assert answer.returncode == 0, answer.stderr
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    datasets = [pydicom.dcmread(file) for file in files]
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 1
    assert datasets[0].pixel_array.shape == (32, 32)
