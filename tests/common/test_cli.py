"""The command line, as a process."""

import os
import socket
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "{file}"], "data folder"),
        (["--data", "{file}/below"], "data folder"),
        (["--log", "{file}/below.log"], "log file"),
        (["--database-url", "nonsense"], "postgresql+asyncpg://"),
        (["--database-url", "mysql://user:secret@host/name"], "postgresql+asyncpg://"),
        (["--database-url", "postgresql://user:secret@/name?host={folder}"], "database cannot be used"),
        (["--base-path", "a b"], "base_path"),
        (["--host", "nosuch.invalid"], "cannot listen on nosuch.invalid"),
    ],
)
def test_what_keeps_the_server_from_starting_is_said_in_a_line(tmp_path, arguments, words):
    file = tmp_path / "file"
    file.touch()
    filled = [argument.format(file=file, folder=tmp_path) for argument in arguments]
    answer = run("serve", "--port", "0", "--dicom-port", "0", "--data", str(tmp_path / "data"), *filled)
    last = answer.stderr.strip().splitlines()[-1]
    assert answer.returncode == 2
    assert last.startswith("webviewer: ")
    assert words in last
    assert "Traceback" not in answer.stderr
    assert "secret" not in answer.stderr


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path):
    if os.geteuid() == 0:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(tmp_path)], check=False)
        if mounted.returncode:
            pytest.skip("mounting is not allowed here")
    else:
        tmp_path.chmod(0o500)
    try:
        answer = run("serve", "--port", "0", "--data", str(tmp_path))
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(tmp_path)], check=True)
    assert answer.returncode == 2
    assert f"the data folder {tmp_path} cannot be used" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("option", ["--port", "--dicom-port", "--metrics-port"])
def test_a_port_in_use_is_named_with_the_option_that_chooses_another(tmp_path, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        if option == "--metrics-port":
            answer = run("render", "--port", "0", "--data", str(tmp_path), option, port)
        else:
            others = {"--port": "0", "--dicom-port": "0"} | {option: port}
            answer = run("serve", "--data", str(tmp_path), *(word for pair in others.items() for word in pair))
    assert answer.returncode == 2
    assert answer.stderr.strip().splitlines()[-1].startswith("webviewer: cannot ")
    assert f":{port}" in answer.stderr
    assert option in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_phantom_is_written_as_a_dicom_series(tmp_path):
    answer = run("sample", "write", str(tmp_path), "--slices", "3", "--size", "32")
    assert answer.returncode == 0, answer.stderr
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    datasets = [pydicom.dcmread(file) for file in files]
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 1
    assert datasets[0].pixel_array.shape == (32, 32)


@pytest.mark.parametrize("what", ["view", "render", "drag", "open"])
def test_measurements_say_what_they_take(what):
    answer = run("bench", what, "--help")
    assert answer.returncode == 0
    assert "--series" in answer.stdout
    assert "--out" in answer.stdout


@pytest.mark.parametrize("counts", ["0", "1,x", ""])
def test_a_wrong_number_of_browsers_is_said_before_anything_starts(counts):
    answer = run("bench", "drag", "--browsers", counts)
    assert answer.returncode == 2
    assert "--browsers" in answer.stderr


def test_the_operator_says_what_it_needs_where_there_is_no_cluster(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    answer = run("operator", "--port", "0")
    assert answer.returncode == 2
    assert "set KUBECONFIG" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("module", ["webviewer_control.role", "webviewer_operator.command"])
def test_control_and_operator_start_without_what_only_other_roles_install(module):
    absent = ("numpy", "pydicom", "numba", "imagecodecs", "simplejpeg", "pynetdicom")
    code = f"import sys; sys.modules.update(dict.fromkeys({absent})); import webviewer.cli, webviewer.unified, {module}"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
