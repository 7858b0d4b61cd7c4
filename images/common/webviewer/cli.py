"""The command ``webviewer``."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import uvloop

from webviewer import settings as configuration
from webviewer import upkeep
from webviewer.errors import InvalidRequestError, PeerUnavailableError, WebViewerError
from webviewer.service import command as service
from webviewer.telemetry import logs
from webviewer.version import full_version

_SERVERS = {
    "serve": "run everything in one process (unified)",
    "control": "run the control role: pages, log-in, gateway",
    "storage": "run the storage role: studies, DICOM listener",
    "render": "run the render role: pictures",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = vars(_parser().parse_args(arguments))
    run = options.pop("run")
    try:
        status: int = run(options)
    except WebViewerError as error:
        print(f"webviewer: {error.message}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="webviewer",
        description="Web DICOM viewer, rendered on the server. Diagnosis is for qualified specialists only.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-v", "--version", action="version", version=full_version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, summary in _SERVERS.items():
        command = commands.add_parser(name, help=summary, description=summary, argument_default=argparse.SUPPRESS)
        command.set_defaults(run=_serve, command=name)
        command.add_argument("-v", "--version", action="version", version=full_version())
        _add_common(command)
        if name in {"serve", "storage"}:
            _add_storage(command)
        if name in {"serve", "render"}:
            _add_render(command)
        if name in {"serve", "control"}:
            _add_control(command)
        if name != "render":
            upkeep.add_options(command)
        if name == "serve":
            command.add_argument("--demo", action="store_true", help="admin/admin and demo/demo on loopback only")
            command.add_argument("--no-sample", action="store_true", help="do not make the sample study")
    _add_database(commands)
    service.add(commands)
    _add_audit(commands)
    _add_licence(commands)
    _add_sample(commands)
    _add_bench(commands)
    _add_operator(commands)
    return parser


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-c", "--config", type=Path, metavar="FILE", help="settings as YAML or JSON (default: webviewer-ROLE.yaml here)"
    )
    command.add_argument("--data", type=Path, metavar="DIR", help="everything that must survive (default: ./data)")
    command.add_argument("--database-url", metavar="URL", help="postgresql+asyncpg://…; default: SQLite in --data")
    command.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: 127.0.0.1)")
    command.add_argument("--port", type=int, metavar="PORT", help="port to listen on, 0 = any free one")
    command.add_argument("--metrics-port", type=int, metavar="PORT", help="Prometheus metrics of a single role")
    command.add_argument("--control-url", metavar="URL", help="address of control, for storage and render")
    tls = command.add_argument_group("TLS between the parts")
    tls.add_argument("--tls-certificate", type=Path, metavar="FILE", help="PEM: speak https with this certificate")
    tls.add_argument("--tls-key", type=Path, metavar="FILE", help="PEM: its key")
    tls.add_argument(
        "--tls-authority", type=Path, metavar="FILE", help="PEM: who signs the certificates of other parts"
    )
    log = command.add_argument_group("logs")
    log.add_argument("-l", "--log", type=Path, metavar="FILE", help="log file")
    log.add_argument("--log-level", choices=["error", "warning", "info", "debug"])
    log.add_argument("--no-log-to-console", action="store_true")
    log.add_argument("--no-log-flush", action="store_true")
    log.add_argument("--high-precision-log-time-labels", action="store_true", help="microseconds")


def _add_storage(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("DICOM")
    group.add_argument("--dicom-port", type=int, metavar="PORT", help="DICOM listener (default: 11112, 0 = any free)")
    group.add_argument("--dicom-host", metavar="ADDRESS", help="address of the DICOM listener (default: --host)")
    group.add_argument("--no-dicom", action="store_true", help="no DICOM listener")
    group.add_argument("--ae-title", metavar="AE", help="own AE title (default: WEBVIEWER)")


def _add_render(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("rendering")
    group.add_argument("--device", type=int, metavar="INDEX", help="device of the list in the log (default: fastest)")
    group.add_argument("--render-bandwidth", type=int, metavar="BYTES", help="per second and context, 0 = unlimited")
    group.add_argument("--max-thread-pool-threads", type=int, metavar="N", help="threads that render (default: 4)")
    group.add_argument("--render-workers", type=int, metavar="N", help="worker processes (default: 1)")
    group.add_argument("--no-image-cache", action="store_true", help="decoded images are not kept for other contexts")
    group.add_argument("--no-volume-cache", action="store_true", help="volumes are not kept")
    group.add_argument("--no-cache", action="store_true", help="both of the above")


def _add_control(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("pages")
    group.add_argument("--html", type=Path, metavar="DIR", help="folder of the built pages")
    group.add_argument("--server-url", metavar="URL", help="public address of the start page")
    group.add_argument("--base-path", metavar="PATH", help="path prefix behind a proxy that does not say it")
    group.add_argument("--storage-url", metavar="URL", help="address of the storage node (role control)")
    group.add_argument(
        "--render-url", metavar="URL", help="name of the render nodes in their certificates (role control)"
    )
    group.add_argument(
        "--nodes-port", type=int, metavar="PORT", help="serve the other parts here, by TLS (role control)"
    )


def _add_database(commands: Any) -> None:  # noqa: ANN401 - argparse keeps the class of its sub-parsers private
    command = commands.add_parser("db", help="database upkeep", argument_default=argparse.SUPPRESS)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    upgrade = actions.add_parser(
        "upgrade", help="bring the schemas to this release", argument_default=argparse.SUPPRESS
    )
    upgrade.set_defaults(run=_upgrade)
    upgrade.add_argument("-c", "--config", type=Path, metavar="FILE")
    upgrade.add_argument("--data", type=Path, metavar="DIR")
    upgrade.add_argument("--database-url", metavar="URL")
    upgrade.add_argument("--role", choices=["control", "storage"], action="append", help="default: both")


def _add_audit(commands: Any) -> None:  # noqa: ANN401 - as above
    command = commands.add_parser("audit", help="the viewing audit", argument_default=argparse.SUPPRESS)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    summary = "check that no entry of the viewing audit was changed, added or taken away"
    verify = actions.add_parser("verify", help=summary, description=summary, argument_default=argparse.SUPPRESS)
    verify.set_defaults(run=_verify_audit, expect=None, as_json=False)
    verify.add_argument("-c", "--config", type=Path, metavar="FILE")
    verify.add_argument("--data", type=Path, metavar="DIR")
    verify.add_argument("--database-url", metavar="URL")
    verify.add_argument("--expect", metavar="NUMBER:MAC", help="a seal that was noted before and has to be there still")
    verify.add_argument("--json", dest="as_json", action="store_true", help="the whole report")


def _add_licence(commands: Any) -> None:  # noqa: ANN401 - as above
    summary = "licences, for who issues them: keys, signed licences, what a licence holds"
    command = commands.add_parser("license", help=summary, description=summary, argument_default=argparse.SUPPRESS)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    summary = "make the key pair that licences are signed with; prints the public key"
    keygen = actions.add_parser("keygen", help=summary, description=summary, argument_default=argparse.SUPPRESS)
    keygen.set_defaults(run=_license, action="keygen")
    keygen.add_argument("file", type=Path, metavar="FILE", help="where the private key goes")
    summary = "sign a licence for one installation"
    issue = actions.add_parser("issue", help=summary, description=summary, argument_default=argparse.SUPPRESS)
    issue.set_defaults(run=_license, action="issue")
    issue.add_argument("--key", type=Path, required=True, metavar="FILE", help="private key of `license keygen`")
    issue.add_argument("--product", required=True, metavar="CODE", help="product code of the installation")
    issue.add_argument("--type", required=True, choices=["personal", "concurrent", "unified"])
    issue.add_argument("--concurrents", type=int, metavar="N", help="log-ins at once")
    issue.add_argument("--link-connections", type=int, metavar="N", help="openings of links at once (unified)")
    issue.add_argument("--links", type=int, metavar="N", help="links that can be signed (unified)")
    issue.add_argument(
        "--policy",
        choices=["separate", "links-use-users", "users-use-links"],
        help="who may use connections of the other kind (unified; default: nobody)",
    )
    issue.add_argument("--ends", metavar="DAY", help="last day, or a moment with its zone (default: never ends)")
    issue.add_argument("--count", type=_count, metavar="N", help="how many personal keys (default: 1)")
    issue.add_argument(
        "--out", type=Path, metavar="FILE", help="write there instead of printing; numbered with --count"
    )
    summary = "say what a licence holds"
    inspect = actions.add_parser("inspect", help=summary, description=summary, argument_default=argparse.SUPPRESS)
    inspect.set_defaults(run=_license, action="inspect")
    inspect.add_argument("file", type=Path, metavar="FILE", help="the licence, - = from standard input")
    inspect.add_argument(
        "--public-key", action="append", metavar="KEY", help="check that it was signed by this (repeatable)"
    )


def _add_sample(commands: Any) -> None:  # noqa: ANN401 - as above
    command = commands.add_parser("sample", help="the analytic phantom", argument_default=argparse.SUPPRESS)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    write = actions.add_parser("write", help="write the phantom as a DICOM series")
    write.set_defaults(run=_write_sample)
    write.add_argument("folder", type=Path)
    write.add_argument("--slices", type=int)
    write.add_argument("--size", type=int, help="rows and columns")


def _add_bench(commands: Any) -> None:  # noqa: ANN401 - as above
    command = commands.add_parser("bench", help="measure beside the peers, in one run")
    actions = command.add_subparsers(required=True, metavar="WHAT")
    view = _add_measurement(
        actions, "view", "stack images through the WebSocket beside trame-rca, and the wheel in Chromium"
    )
    view.add_argument("--no-browser", action="store_true", help="leave Chromium out")
    render = _add_measurement(
        actions, "render", "planes and projections through the WebSocket beside trame-rca and VTK"
    )
    for action, frames in ((view, 120), (render, 60)):
        action.add_argument("--frames", type=int, default=frames, help="frames per measurement (default: %(default)s)")
        action.add_argument("--no-peer", action="store_true", help="leave the peers out")
    drag = _add_measurement(actions, "drag", "planes and projections under the hands of readers in Chromium")
    drag.add_argument(
        "--browsers", type=_counts, default="1,2,4", metavar="N,N", help="how many at once (default: 1,2,4)"
    )
    drag.add_argument("--seconds", type=float, default=6.0, help="length of a drag (default: %(default)s)")
    opening = _add_measurement(
        actions, "open", "first image and plane beside bare decoding, and the memory of a long series"
    )
    opening.set_defaults(module="opening")
    opening.add_argument(
        "--slices",
        type=int,
        default=3000,
        metavar="N",
        help="length of the long series, 0 for none (default: %(default)s)",
    )

    hand_over = _add_measurement(actions, "hand-over", "from the end of a part to the same picture, drawn by others")
    hand_over.set_defaults(module="hand_over")
    hand_over.add_argument("--times", type=_count, default=10, metavar="N", help="of each kind (default: %(default)s)")
    tables = _add_measurement(actions, "tables", "pages of the administrator's tables over many rows, on PostgreSQL")
    tables.add_argument("--users", type=int, default=10_000, metavar="N", help="default: %(default)s")
    tables.add_argument(
        "--rows", type=int, default=1_000_000, metavar="N", help="of each journal (default: %(default)s)"
    )
    tables.add_argument("--pages", type=int, default=60, metavar="N", help="asked for per order (default: %(default)s)")
    tables.add_argument("--database-url", metavar="URL", help="an empty database (default: a server of its own)")
    guessing = _add_measurement(
        actions, "guessing", "whether the time of a refused log-in tells that an account exists"
    )
    guessing.add_argument(
        "--pairs", type=int, default=150, metavar="N", help="attempts of each kind (default: %(default)s)"
    )


def _add_measurement(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:  # noqa: ANN401 - as above
    action: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    action.set_defaults(run=_bench, module=name)
    action.add_argument("--series", type=Path, metavar="DIR", help="files of a DICOM series (default: the phantom)")
    action.add_argument("--out", type=Path, metavar="DIR", help="write tables, figures and pictures there")
    return action


def _count(text: str) -> int:
    counts = _counts(text)
    if len(counts) > 1:
        message = "one whole number from 1"
        raise argparse.ArgumentTypeError(message)
    return counts[0]


def _counts(text: str) -> list[int]:
    counts = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if min(counts) < 1:
        message = "whole numbers from 1, separated by commas"
        raise argparse.ArgumentTypeError(message)
    return counts


def _add_operator(commands: Any) -> None:  # noqa: ANN401 - as above
    summary = "keep clusters on Kubernetes as their WebViewerCluster resources say"
    command = commands.add_parser("operator", help=summary, description=summary)
    command.set_defaults(run=_operate)
    command.add_argument(
        "--namespace", action="append", default=[], metavar="NAME", help="look after this one only (repeatable)"
    )
    command.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where probes and metrics listen")
    command.add_argument(
        "--port", type=int, default=9180, metavar="PORT", help="of probes and metrics, 0 = any free one"
    )
    command.add_argument("--log-level", choices=["error", "warning", "info", "debug"], default="info")


def _settings(options: dict[str, Any], default_file: str = "") -> configuration.Settings:
    """Read the settings; without ``-c`` from ``default_file`` in the working folder, if it is there."""
    if default_file and Path(default_file).is_file():
        options.setdefault("config", Path(default_file))
    if options.pop("no_cache", False):
        options |= {"no_image_cache": True, "no_volume_cache": True}
    return configuration.load(options, options.pop("config", None))


def _serve(options: dict[str, Any]) -> int:
    command = options.pop("command")
    task = upkeep.take_options(options)
    settings = _settings(options, f"webviewer-{'unified' if command == 'serve' else command}.yaml")
    logs.configure(settings)
    configuration.open_data_folder(settings)
    if task is not None:
        print("\n".join(asyncio.run(upkeep.run(task, command, settings))))  # noqa: T201
        return 0
    from webviewer import unified  # noqa: PLC0415 - `--version`, `--help` and wrong settings need no role

    run = unified.run_unified(settings) if command == "serve" else unified.run_single(command, settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run)
    return 0


def _operate(options: dict[str, Any]) -> int:
    logs.configure(configuration.load({"log_level": options["log_level"]}))
    for entry in entry_points(group="webviewer.commands", name="operator"):
        try:
            run = entry.load()
        except ImportError as error:
            text = f"the operator lacks {error.name}: pip install 'webviewer[operator]'"
            raise InvalidRequestError(text) from error
        status: int = run(options["namespace"], options["host"], options["port"])
        return status
    text = "the operator is not installed: pip install 'webviewer[operator]'"
    raise InvalidRequestError(text)


def _verify_audit(options: dict[str, Any]) -> int:
    expected, as_json = options.pop("expect"), options.pop("as_json")
    settings = _settings(options)
    for entry in entry_points(group="webviewer.commands", name="audit"):
        status: int = entry.load()(settings, expected, as_json=as_json)
        return status
    text = "control is not installed: pip install 'webviewer[control]'"
    raise InvalidRequestError(text)


def _license(options: dict[str, Any]) -> int:
    from webviewer import licence_command  # noqa: PLC0415 - as above

    run: Callable[[dict[str, Any]], int] = getattr(licence_command, options.pop("action"))
    return run(options)


def _upgrade(options: dict[str, Any]) -> int:
    roles = options.pop("role", ["control", "storage"])
    settings = _settings(options)
    logs.configure(settings)
    configuration.open_data_folder(settings)
    for name in roles:
        print(asyncio.run(upkeep.upgrade(name, settings)))  # noqa: T201
    return 0


def _write_sample(options: dict[str, Any]) -> int:
    from webviewer.sample.series import SIDE, SLICES, SPACING, STEP, PhantomSeries  # noqa: PLC0415 - needs numpy

    folder: Path = options["folder"]
    folder.mkdir(parents=True, exist_ok=True)
    size, slices = options["size"] or SIDE, options["slices"] or SLICES
    spacing, step = SPACING * SIDE / size, STEP * SLICES / slices
    name = f"sample-{size}-{slices}"
    series = PhantomSeries(rows=size, columns=size, slices=slices, spacing=spacing, step=step, name=name)
    for index, content in enumerate(series.instances()):
        (folder / f"{index + 1:05}.dcm").write_bytes(content)
        if sys.stderr.isatty():
            print(f"\r{index + 1}/{series.slices}", end="", file=sys.stderr)  # noqa: T201
    print(f"{series.slices} images in {folder}")  # noqa: T201
    return 0


def _bench(options: dict[str, Any]) -> int:
    module = options.pop("module")
    try:
        status: int = importlib.import_module(f"webviewer.bench.{module}").run(**options)
    except ModuleNotFoundError as error:
        text = f"{error.name} is not installed: `make bench` installs what measuring needs"
        raise PeerUnavailableError(text) from error
    return status
