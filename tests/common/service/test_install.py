"""The service of a machine, in a scratch root, by the real programs of the system."""

import grp
import os
import re
import shutil
import signal
import stat
import subprocess
import sys

import pytest
import yaml

from webviewer.service.install import _closed_folder

ROLES = ("unified", "control", "storage", "render")
COMMANDS = {"unified": "serve", "control": "control", "storage": "storage", "render": "render"}
SECONDS = 60


def service(*arguments, answer="", **environment):
    command = [sys.executable, "-m", "webviewer", "service", *map(str, arguments)]
    return subprocess.run(
        command,
        input=answer,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def root(tmp_path):
    if os.geteuid():
        pytest.skip("groupadd and useradd need root, in a scratch root too")
    return tmp_path / "root"


def install(root, role, *arguments, **more):
    done = service("install", "--role", role, "--root", root, *arguments, **more)
    assert "Traceback" not in done.stderr
    return done


def account(root, name):
    lines = (root / "etc" / "passwd").read_text().splitlines()
    return next(line.split(":") for line in lines if line.startswith(f"{name}:"))


def verify(unit, root, name):
    """Have systemd read the unit, where systemd is; the program that it starts is in the scratch root."""
    if analyze := shutil.which("systemd-analyze"):
        file = root / f"{name}.service"
        file.write_text(unit.replace("/srv/viewer", f"{root}/srv/viewer"))
        done = subprocess.run([analyze, "verify", "--man=no", file], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.contract("C03", "C05", "C06", "C10", "C11")
@pytest.mark.parametrize("role", ROLES)
def test_unit_user_settings_and_logs_are_where_linux_keeps_them(root, role):
    name = f"webviewer-{role}"
    done = install(root, role, "--sqlite", "--force", INSTALL_DIR="/srv/viewer")
    assert done.returncode == 0, done.stderr
    assert f"systemctl enable --now {name}" in done.stdout
    user = account(root, name)
    assert user[5] == f"/var/lib/{name}"
    assert user[6] == "/usr/sbin/nologin"
    groups = (root / "etc" / "group").read_text()
    assert f"webviewer:x:{user[3]}:" in groups
    for folder in (f"var/lib/{name}", f"var/lib/{name}/data", f"var/log/{name}"):
        found = (root / folder).stat()
        assert (found.st_uid, found.st_gid) == (int(user[2]), int(user[3]))
        assert stat.S_IMODE(found.st_mode) == 0o750
    file = root / "etc" / name / ("render.yaml" if role == "render" else f"{role}-sqlite.yaml")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    settings = yaml.safe_load(file.read_text())
    assert settings["data"] == f"/var/lib/{name}/data"
    assert "database_url" not in settings
    unit = (root / "etc/systemd/system" / f"{name}.service").read_text()
    assert f"\nUser={name}\nGroup=webviewer\nWorkingDirectory=/var/lib/{name}\n" in unit
    start = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1].split()
    assert start[:2] == ["/srv/viewer/bin/webviewer", COMMANDS[role]]
    # Whole paths: nothing depends on where it is started.
    assert start[start.index("--config") + 1] == f"/{file.relative_to(root)}"
    assert start[start.index("--log") + 1] == f"/var/log/{name}/webviewer.log"
    verify(unit, root, name)
    assert name not in {group.gr_name for group in grp.getgrall()}


@pytest.mark.contract("C01", "C02")
def test_help_names_the_options_and_a_role_is_asked_for():
    shown = service("install", "-h").stdout
    for option in ("--role", "--postgresql", "--sqlite", "-b", "--backup", "-f", "--force", "--root", "INSTALL_DIR"):
        assert option in shown
    for arguments in (["install"], ["install", "--role", "other"]):
        refused = service(*arguments)
        assert refused.returncode == 2
        assert "--role" in refused.stderr
    assert "whole path" in service("install", "--role", "render", "--root", "/nowhere", INSTALL_DIR="here").stderr


@pytest.mark.contract("C01")
@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_only_root_may(action):
    code = (
        "import os, sys; from webviewer import cli; cli._parser()\nif not os.geteuid(): os.seteuid(65534)\n"
        f"sys.exit(cli.main(['service', '{action}', '--role', 'control', '--force']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 2
    assert "only root can do that" in done.stderr


def test_a_program_that_the_service_could_not_read_is_noticed(tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "bin").mkdir()
    assert _closed_folder(tmp_path / "bin" / "python") is not None
    assert _closed_folder(type(tmp_path)("/usr/bin/env")) is None


@pytest.mark.contract("C04")
@pytest.mark.parametrize(
    ("answer", "installed"), [("\n", False), ("", False), ("n\n", False), ("y\n", True), ("YES\n", True)]
)
def test_enter_refuses(root, answer, installed):
    done = install(root, "render", answer=answer)
    assert done.stdout.startswith("Install webviewer-render into /opt/webviewer-render? [y/N] ")
    assert done.returncode == (0 if installed else 1)
    assert (root / "opt/webviewer-render/bin/webviewer").exists() == installed
    assert (root / "etc").exists() == installed


@pytest.mark.contract("C06", "C07", "B02", "B03", "B04")
@pytest.mark.parametrize(
    ("role", "arguments", "name"),
    [
        ("unified", [], "webviewer"),
        ("control", ["--sqlite", "--postgresql", "--sqlite"], "control"),
        ("storage", ["--postgresql", "--postgresql"], "storage"),
    ],
)
def test_postgresql_wins_and_its_password_is_nobodys(root, role, arguments, name):
    passwords = set()
    for _ in range(2):
        assert install(root, role, "--force", *arguments).returncode == 0
        (file,) = (root / "etc" / f"webviewer-{role}").iterdir()
        assert file.name == f"{role}-postgresql.yaml"
        url = yaml.safe_load(file.read_text())["database_url"]
        found = re.fullmatch(rf"postgresql\+asyncpg://{name}:([\w-]{{32}})@localhost:5432/{name}", url)
        passwords.add(found[1])
        shutil.rmtree(file.parent)
    assert len(passwords) == 2


@pytest.mark.contract("C08")
def test_settings_that_are_there_stay_unless_a_backup_is_wanted(root):
    install(root, "storage", "--sqlite", "--force")
    folder = root / "etc/webviewer-storage"
    file = folder / "storage-sqlite.yaml"
    file.write_text("data: /mine\n")
    assert "storage-sqlite.yaml.new" in install(root, "storage", "--sqlite", "--force").stdout
    assert file.read_text() == "data: /mine\n"
    assert "data: /var/lib" in (folder / "storage-sqlite.yaml.new").read_text()
    install(root, "storage", "--sqlite", "--backup", answer="y\n\n")
    assert file.read_text() == "data: /mine\n"
    install(root, "storage", "--sqlite", "-b", "-f")
    assert (folder / "storage-sqlite.yaml.back").read_text() == "data: /mine\n"
    assert "data: /var/lib" in file.read_text()


@pytest.mark.contract("C09", "A02")
def test_the_uninstaller_takes_away_what_was_installed_and_nothing_else(root):
    install(root, "control", "--sqlite", "--force")
    programs = root / "opt/webviewer-control/bin"
    (programs / "mine").touch()
    (root / "var/log/webviewer-control/webviewer.log").touch()
    uninstaller = programs / "webviewer-control-uninstall"
    refused = subprocess.run([uninstaller, "--root", root], input="\n", capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert uninstaller.exists()
    subprocess.run([uninstaller, "--root", root, "--force"], check=True, capture_output=True)
    assert [file.name for file in programs.iterdir()] == ["mine"]
    assert not (root / "etc/systemd/system/webviewer-control.service").exists()
    assert (root / "etc/webviewer-control/control-sqlite.yaml").exists()
    assert (root / "var/log/webviewer-control/webviewer.log").exists()
    assert account(root, "webviewer-control")
    (programs / "mine").unlink()
    install(root, "control", "--force")
    subprocess.run([uninstaller, "--root", root, "-f"], check=True, capture_output=True)
    assert not programs.parent.exists()


@pytest.mark.contract("B01", "B06", "C05")
def test_what_was_installed_starts_from_its_home_with_its_settings(root):
    install(root, "unified", "--sqlite", "--force")
    home = root / "var/lib/webviewer-unified"
    settings = yaml.safe_load((root / "etc/webviewer-unified/unified-sqlite.yaml").read_text())
    settings |= {"data": "~/data", "port": 0, "dicom_port": 0, "no_sample": True}
    # By this name, in the folder where it is started, it is found without --config.
    (home / "webviewer-unified.yaml").write_text(yaml.safe_dump(settings))
    process = subprocess.Popen(
        [root / "opt/webviewer-unified/bin/webviewer", "serve", "--no-log-to-console", "--log", root / "var/log/x.log"],
        cwd=home,
        env=os.environ | {"HOME": f"{home}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert next((line for line in process.stdout if line.startswith("listening on http://127.0.0.1:")), "")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert {"control.db", "storage.db", "initial-admin-password"} <= {file.name for file in (home / "data").iterdir()}
