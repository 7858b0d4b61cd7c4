"""The command line, as a process."""

import json
import os
import re
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


_COMMON = {"--version", "--log", "--log-level", "--no-log-to-console", "--no-log-flush", "--port", "--config"}
_DATABASE = {"--drop-database", "--create-db-user", "--create-database", "--master-db-user", "--master-db-password"}
_RENDER = {"--device", "--render-bandwidth", "--max-thread-pool-threads", "--no-image-cache", "--no-volume-cache"}


@pytest.mark.contract("D01")
@pytest.mark.parametrize(
    ("role", "option", "names"),
    [
        ("serve", "--help", _COMMON | _DATABASE | _RENDER | {"--dicom-port", "--data"}),
        ("control", "-h", _COMMON | _DATABASE),
        ("storage", "-h", _COMMON | _DATABASE),
        ("render", "--help", _COMMON | _RENDER),
    ],
)
def test_help_names_the_options_of_a_role(role, option, names):
    answer = run(role, option)
    assert answer.returncode == 0
    assert names <= set(re.findall(r"--[a-z-]+", answer.stdout))


@pytest.mark.contract("D02")
@pytest.mark.parametrize(
    ("role", "unusable"),
    [
        ("serve", ["--device", "99", "--dicom-port", "0"]),
        ("control", ["--database-url", "postgresql://user@/name?host=/nowhere"]),
        ("storage", ["--dicom-port", "0"]),
        ("render", ["--device", "99"]),
    ],
)
def test_the_log_goes_where_and_how_it_is_wanted(tmp_path, role, unusable):
    common = [role, "--data", f"{tmp_path / 'data'}", "--port", "0", *unusable]
    common += [] if role == "serve" else ["--metrics-port", "0"]
    file = tmp_path / "deep" / "role.log"
    options = ["-l", f"{file}", "--log-level", "info", "--no-log-to-console", "--high-precision-log-time-labels"]
    answer = run(*common, *options, "--no-log-flush")
    assert answer.returncode == 2
    assert [line for line in answer.stderr.splitlines() if not line.startswith("webviewer: ")] == []
    (first, *_) = (json.loads(line) for line in file.read_text().splitlines())
    assert (first["event"], first["role"]) == ("starting", "unified" if role == "serve" else role)
    assert re.fullmatch(r"[\d-]+T[\d:]+\.\d{6}Z", first["timestamp"])


@pytest.mark.contract("D02")
def test_without_options_the_log_goes_to_the_console_with_seconds_and_errors_only_if_so_wanted(tmp_path):
    arguments = ["storage", "--data", f"{tmp_path}", "--port", "0", "--dicom-port", "0", "--metrics-port", "0"]
    first = json.loads(run(*arguments).stderr.splitlines()[0])
    assert first["event"] == "starting"
    assert re.fullmatch(r"[\d-]+T[\d:]+Z", first["timestamp"])
    assert "starting" not in run(*arguments, "--log-level", "error").stderr


@pytest.mark.contract("D08")
def test_devices_are_listed_before_one_that_is_not_there_is_refused(tmp_path):
    answer = run("serve", "--data", f"{tmp_path}", "--port", "0", "--dicom-port", "0", "--device", "99")
    devices = [json.loads(line) for line in answer.stderr.splitlines() if '"event": "device' in line]
    assert [device["index"] for device in devices] == list(range(len(devices)))
    assert any(device["kind"] == "cpu" for device in devices)
    assert "there is no device 99" in answer.stderr.splitlines()[-1]


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


@pytest.mark.contract("D03", "D09")
@pytest.mark.parametrize("role", ["serve", "control", "storage", "render"])
def test_a_role_listens_where_its_file_or_its_options_say(tmp_path, role):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "settings.json"
        file.write_text(json.dumps({"port": port, "data": f"{tmp_path}"}))
        answers = [run(role, "--data", f"{tmp_path}", "--port", f"{port}"), run(role, "-c", f"{file}")]
    for answer in answers:
        assert answer.returncode == 2
        assert f"cannot listen on 127.0.0.1:{port}" in answer.stderr


@pytest.mark.contract("C11")
@pytest.mark.parametrize("role", ["serve", "control", "storage"])
def test_settings_that_are_not_there_are_named(tmp_path, role):
    answer = run(role, "--data", f"{tmp_path}", "--config", "conf/missing.yaml")
    assert answer.returncode == 2
    assert "cannot read settings from conf/missing.yaml" in answer.stderr


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
