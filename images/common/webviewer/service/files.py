"""What is in the files of a service: unit, settings, programs."""

from __future__ import annotations

import secrets
import shlex
import sys

from webviewer.service.places import GROUP, Engine, Places

_PASSWORD_BYTES = 24
_PORTS = {"unified": 8090, "control": 8090, "storage": 8091, "render": 8092}
_DATABASES = {"unified": "webviewer", "control": "control", "storage": "storage"}
_UNIT = """\
# Written by `webviewer service install`. What you change belongs into `systemctl edit {name}`: this file is replaced.
[Unit]
Description=WebViewer, {role}
After=network-online.target postgresql.service
Wants=network-online.target

[Service]
User={name}
Group={group}
WorkingDirectory={home}
UMask=0077
Environment=NUMBA_CACHE_DIR={home}/kernels
ExecStart={launcher} {command} --config {configuration} --log {logs}/webviewer.log --no-log-to-console
Restart=on-failure
RestartSec=2
TimeoutStopSec=60
KillMode=mixed
LimitNOFILE=65536
# A DICOM port below 1024 needs AmbientCapabilities=CAP_NET_BIND_SERVICE.
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
ReadWritePaths={home} {logs}

[Install]
WantedBy=multi-user.target
"""
_LAUNCHER = """\
#!/bin/sh
# Written by `webviewer service install`.
exec {python} -m webviewer "$@"
"""
_UNINSTALLER = """\
#!/bin/sh
# Written by `webviewer service install`. Settings, data, logs, user and group stay.
export INSTALL_DIR={programs}
exec {python} -m webviewer service uninstall --role {role} "$@"
"""


def unit(places: Places, engine: Engine) -> str:
    """Return the systemd unit. All its paths are whole ones: they do not depend on a working folder."""
    return _UNIT.format(
        name=places.name,
        role=places.role,
        group=GROUP,
        home=places.home,
        launcher=places.launcher,
        command="serve" if places.role == "unified" else places.role,
        configuration=places.configuration(engine),
        logs=places.logs,
    )


def launcher() -> str:
    """Return the program that starts this installation of Python."""
    return _LAUNCHER.format(python=shlex.quote(sys.executable))


def uninstaller(places: Places) -> str:
    """Return the program that takes the service away."""
    programs, python = shlex.quote(str(places.programs)), shlex.quote(sys.executable)
    return _UNINSTALLER.format(programs=programs, python=python, role=places.role)


def settings(places: Places, engine: Engine) -> str:
    """Return settings to begin with. The password of the database is a new one each time: none is well known."""
    lines = [
        f"# Settings of {places.name}; `{places.launcher} {_command(places)} --help` names more.",
        f"# After a change: systemctl restart {places.name}",
        "",
        "# Everything that must survive. In the service ~ is its home, " + str(places.home),
        f"data: {places.data}",
        "host: 127.0.0.1",
        f"port: {_PORTS[places.role]}",
    ]
    if places.role != "render" and engine == "postgresql":
        name, password = _DATABASES[places.role], secrets.token_urlsafe(_PASSWORD_BYTES)
        lines.append(f"database_url: postgresql+asyncpg://{name}:{password}@localhost:5432/{name}")
    if places.role in {"unified", "control"}:
        lines += [
            "",
            "# The address that people type, and the proxy in front, which has TLS (docs/proxy):",
            "# server_url: https://viewer.example.org/",
            '# trusted_proxies: ["127.0.0.1", "::1"]',
        ]
    if places.role in {"unified", "storage"}:
        lines += ["", "# Where devices send studies to:", "# dicom_host: 0.0.0.0", "dicom_port: 11112"]
    if places.role == "control":
        lines += ["", "storage_url: http://127.0.0.1:8091", "render_url: http://127.0.0.1:8092"]
    if places.role in {"storage", "render"}:
        lines += ["", "control_url: http://127.0.0.1:8090"]
    if places.role != "unified":
        lines += ["", "# One secret for all parts; without it they do not talk to each other:", "# node_secret: …"]
    return "\n".join(lines) + "\n"


def _command(places: Places) -> str:
    return "serve" if places.role == "unified" else places.role
