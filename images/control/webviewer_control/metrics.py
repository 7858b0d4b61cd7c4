"""Prometheus metrics of control."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

SESSIONS = Gauge("webviewer_control_sessions", "Open sessions", ["kind"])
SOCKETS = Gauge("webviewer_control_sockets", "Open event sockets")
VIEWPORTS = Gauge("webviewer_control_viewports", "Open viewports")
LOGINS = Counter("webviewer_control_logins", "Log-ins by outcome", ["kind", "outcome"])
FRAMES = Counter("webviewer_control_relayed_frames", "Frames relayed to browsers")
FRAME_BYTES = Counter("webviewer_control_relayed_frame_bytes", "Bytes of relayed frames")
RENDER_LOSSES = Counter("webviewer_control_render_losses", "Links to render that broke")
REQUESTS = Histogram(
    "webviewer_control_request_seconds",
    "Time to answer, by operation and class of status",
    ["operation", "status"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60),
)
_KINDS = ("user", "administrator", "link")


def show_sessions(counts: Iterable[tuple[str, int]]) -> None:
    """Set the gauge of sessions from a count by kind."""
    numbers = dict(counts)
    for kind in _KINDS:
        SESSIONS.labels(kind).set(numbers.get(kind, 0))
