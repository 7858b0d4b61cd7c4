"""``webviewer bench hand-over``: from the end of a part to the same picture, drawn by others."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

from webviewer.bench import machine, phantoms, report, table
from webviewer.bench.percentile import percentile
from webviewer.bench.returning_tab import ReturningTab
from webviewer.bench.server import Server, Tab
from webviewer.bench.small_cluster import SmallCluster, running_cluster
from webviewer.errors import PeerUnavailableError

_SIZE = (512, 512)


class _End(NamedTuple):
    """What happens, and in how many seconds the picture is to be back; None where no target is set."""

    name: str
    part: str
    signal: signal.Signals
    most: float | None


_ENDS = {
    "render-kill": _End("the session's render node is killed (SIGKILL)", "render", signal.SIGKILL, 3.0),
    "control-kill": _End("the page's control is killed (SIGKILL)", "control", signal.SIGKILL, 3.0),
    "render-stop": _End("the render node is told to stop (SIGTERM)", "render", signal.SIGTERM, None),
    "render-hang": _End("the render node stands still (SIGSTOP)", "render", signal.SIGSTOP, 10.0),
}


def run(*, series: Path | None, times: int, out: Path | None) -> int:
    """Measure and report; returns the exit status."""
    seconds: dict[str, list[float]] = {how: [] for how in _ENDS}
    with running_cluster() as cluster, phantoms.files_of(series, phantoms.STACK) as files:
        person = Tab(Server(cluster.url, cluster.processes["control-0"].pid))
        study, shown = person.upload(files)
        cookie = "; ".join(f"{key}={value}" for key, value in person.cookies.items())
        for _ in range(times):
            for how, end in _ENDS.items():
                with contextlib.closing(ReturningTab(cluster.url, cookie, study, shown, _SIZE)) as tab:
                    seconds[how].append(_hand_over(cluster, tab, end))
        person.close()
    figures = {"machine": machine.describe(), "slices": len(files), "times": times, "seconds": seconds}
    report.deliver("hand-over", figures, _text(figures), out)
    return 0


def _hand_over(cluster: SmallCluster, tab: ReturningTab, end: _End) -> float:
    """Return seconds from the signal to the same lossless picture. Raises PeerUnavailableError if it is another one."""
    tab.final()
    tab.change(zoom=1.5, window={"center": 50.0, "width": 350.0})
    before = tab.final()
    name = cluster.own_render() if end.part == "render" else cluster.own_control()
    started = time.perf_counter()
    os.kill(cluster.processes[name].pid, end.signal)
    after = tab.final()
    seconds = time.perf_counter() - started
    if after != before:
        text = "another picture came after the hand-over"
        raise PeerUnavailableError(text)
    cluster.end(name)
    cluster.start(name)
    cluster.wait_until_ready()
    return seconds


def _text(figures: dict[str, Any]) -> str:
    rows = []
    for how, end in _ENDS.items():
        values = figures["seconds"][how]
        limited = table.limited("", percentile(values, 0.95), end.most)
        rows.append(
            (end.name, table.number(statistics.median(values)), limited[1], table.number(max(values)), *limited[2:])
        )
    head = ("what happens", "median s", "p95 s", "longest s", "target (p95) s", "verdict")
    what = f"From the signal to the same lossless picture ({figures['slices']} slices, {figures['times']} times each)"
    return f"{what}\n\n{table.markdown(head, rows)}"
