"""Writes the Grafana dashboards of the chart: ``python charts/dashboards.py`` (part of ``make generate``).

A panel is a title, a unit and queries with their legends; where it lies on the page is computed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "webviewer" / "files" / "dashboards"
JSON = dict[str, Any]
CLUSTER = 'namespace=~"$namespace",cluster=~"$cluster"'
OPERATOR = 'namespace=~"$namespace"'
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 24, 8, 4, 4
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph, or a tile with one number."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    """Pairs of an expression and its legend."""
    description: str = ""
    kind: str = "timeseries"
    steps: tuple[float, float] | None = None
    """Values from which a tile is yellow and red; falling ones mean that less is worse."""
    columns: int = 12


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Rows of panels. ``variables`` are pairs of a name and a metric that has all of its values as a label."""

    name: str
    title: str
    description: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    variables: tuple[tuple[str, str], ...] = (
        ("namespace", "webviewer_control_sessions"),
        ("cluster", 'webviewer_control_sessions{namespace=~"$namespace"}'),
    )


def rate(metric: str, by: str = "", more: str = "", where: str = CLUSTER) -> str:
    """Return the rate of a counter, summed by labels."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}{{{where}{more}}}[$__rate_interval]))"


def total(metric: str, by: str = "", where: str = CLUSTER) -> str:
    """Return the sum of a gauge by labels."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} ({metric}{{{where}}})"


def sessions(by: str = "") -> str:
    """Return the open sessions by labels: every control pod tells the same number, that of the database."""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (max by (namespace, cluster, kind) (webviewer_control_sessions{{{CLUSTER}}}))"


def quantile(share: float, metric: str, by: str = "", more: str = "", where: str = CLUSTER) -> str:
    """Return a quantile of a histogram by labels."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', labels, more, where)})"


def quantiles(metric: str, more: str = "", where: str = CLUSTER) -> tuple[tuple[str, str], ...]:
    """Return the median, the 95th and the 99th percentile."""
    return tuple(
        (quantile(share, metric, more=more, where=where), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)
    )


def tile(
    title: str, unit: str, expression: str, description: str = "", steps: tuple[float, float] | None = None
) -> Panel:
    """Return a tile with one number."""
    return Panel(title, unit, ((expression, ""),), description, "stat", steps, _TILE_WIDTH)


def share(part: str, whole: str) -> str:
    """Return a part of a whole; no whole, no answer. A part that was never counted is none."""
    return f"({part} or vector(0)) / ({whole} > 0)"


_ASKED = ',operation!~"readyz|healthz"'
FAILED = share(
    rate("webviewer_control_request_seconds_count", more=_ASKED + ',status=~"5xx|error"'),
    rate("webviewer_control_request_seconds_count", more=_ASKED),
)
FREE = f"webviewer_storage_free_bytes{{{CLUSTER}}} / webviewer_storage_total_bytes{{{CLUSTER}}}"
LAG = "webviewer_render_latency_seconds"
_PREVIEW = ',quality="preview"'
LAG_TILE = tile(
    "Preview lag, p95",
    "s",
    quantile(0.95, LAG, more=_PREVIEW),
    "From the newest change in a frame to its sending by the render node; the network comes on top.",
    (0.15, 0.6),
)
PUT_ASIDE = share(
    rate("webviewer_storage_ingest_objects_total", more=',outcome=~"conflict|quarantined|rejected"'),
    rate("webviewer_storage_ingest_objects_total"),
)


def by_component(metric: str, expression: str) -> tuple[tuple[str, str], ...]:
    """Return one query over all pods of the chosen clusters."""
    return ((expression.format(f'{metric}{{{CLUSTER},component!=""}}'), "{{component}} {{pod}}"),)


OVERVIEW = Dashboard(
    "overview",
    "WebViewer / Cluster overview",
    "Is it up, who uses it, how does it feel.",
    (
        (
            "Now",
            (
                tile(
                    "Ready",
                    "percentunit",
                    f"avg(webviewer_operator_cluster_ready{{{CLUSTER}}})",
                    "Share of clusters that are as their spec says, without suspended and paused ones.",
                    (1, 0.5),
                ),
                tile("Sessions", "short", sessions(), "Of users, administrators and links."),
                tile("Open tabs", "short", total("webviewer_control_sockets")),
                LAG_TILE,
                tile("Failed requests", "percentunit", FAILED, "5xx of all but probes.", (0.01, 0.05)),
                tile("Free storage", "percentunit", f"min({FREE})", "Of the fullest volume.", (0.15, 0.05)),
            ),
        ),
        (
            "Use",
            (
                Panel("Sessions", "short", ((sessions("cluster, kind"), "{{cluster}} {{kind}}"),)),
                Panel("Frames to browsers", "ops", ((rate("webviewer_control_relayed_frames_total", "cluster"), "{{cluster}}"),)),
                Panel("Bytes to browsers", "Bps", ((rate("webviewer_control_relayed_frame_bytes_total", "cluster"), "{{cluster}}"),)),
                Panel("Objects stored", "ops", ((rate("webviewer_storage_ingest_objects_total", "cluster", ',outcome="stored"'), "{{cluster}}"),)),
            ),
        ),
        (
            "Requests to control",
            (
                Panel("Requests", "reqps", ((rate("webviewer_control_request_seconds_count", "status", _ASKED), "{{status}}"),)),
                Panel("Slowest operations, p95", "s", ((f"topk(8, {quantile(0.95, 'webviewer_control_request_seconds', 'operation', _ASKED)})", "{{operation}}"),)),
            ),
        ),
        (
            "Processes",
            (
                Panel("Memory", "bytes", by_component("process_resident_memory_bytes", "{}"), "Of the main process; workers of render are not in it."),
                Panel("Processor", "short", by_component("process_cpu_seconds_total", "rate({}[$__rate_interval])"), "Cores of the main process."),
            ),
        ),
    ),
)  # fmt: skip

SESSIONS = Dashboard(
    "sessions",
    "WebViewer / Sessions and balancing",
    "How sessions spread over render pods, and how pools follow them.",
    (
        (
            "Now",
            (
                tile("Sessions that draw", "short", total("webviewer_render_sessions"), "They hold a slot of a render pod."),
                tile("Render pods", "short", f"count(webviewer_render_sessions{{{CLUSTER}}})"),
                tile("Most on one pod", "short", f"max(webviewer_render_sessions{{{CLUSTER}}})"),
                tile("Least on one pod", "short", f"min(webviewer_render_sessions{{{CLUSTER}}})"),
                tile("Links lost per hour", "short", f"sum(increase(webviewer_control_render_losses_total{{{CLUSTER}}}[1h]))", "Between control and render; a session goes on elsewhere.", (1, 20)),
                tile("Log-ins refused per hour", "short", f'sum(increase(webviewer_control_logins_total{{{CLUSTER},outcome!="opened"}}[1h]))', "", (20, 100)),
            ),
        ),
        (
            "Balance",
            (
                Panel("Sessions by render pod", "short", ((f"webviewer_render_sessions{{{CLUSTER}}}", "{{pod}}"),), "Lines that drift apart mean that new sessions do not go to the emptiest pod."),
                Panel("Sessions by pool", "short", ((total("webviewer_render_sessions", "cluster, pool"), "{{cluster}} {{pool}}"),)),
                Panel("Tabs and viewports by pod", "short", ((f"webviewer_render_links{{{CLUSTER}}}", "{{pod}} tabs"), (f"webviewer_render_viewports{{{CLUSTER}}}", "{{pod}} viewports"))),
                Panel("Pods by pool", "short", ((f"count by (cluster, pool) (webviewer_render_sessions{{{CLUSTER}}})", "{{cluster}} {{pool}}"),)),
            ),
        ),
        (
            "Control",
            (
                Panel("Sessions by kind", "short", ((sessions("kind"), "{{kind}}"),)),
                Panel("Tabs and viewports", "short", ((total("webviewer_control_sockets", "pod"), "{{pod}} tabs"), (total("webviewer_control_viewports", "pod"), "{{pod}} viewports"))),
                Panel("Log-ins", "ops", ((rate("webviewer_control_logins_total", "kind, outcome"), "{{kind}} {{outcome}}"),)),
                Panel("Links to render that broke", "ops", ((rate("webviewer_control_render_losses_total", "pod"), "{{pod}}"),)),
            ),
        ),
    ),
)  # fmt: skip

RENDER = Dashboard(
    "render",
    "WebViewer / Render performance and GPU",
    "How fast pictures are drawn, by pool: pools with GPUs beside pools without. How busy a GPU is, its vendor's exporter tells.",
    (
        (
            "Now",
            (
                LAG_TILE,
                tile("Final lag, p95", "s", quantile(0.95, LAG, more=',quality!="preview"'), "", (0.6, 2)),
                tile("Frames", "ops", rate("webviewer_render_frames_total")),
                tile("Waiting jobs", "short", total("webviewer_render_pending_jobs"), "", (16, 64)),
                tile("Decoded pixels", "bytes", total("webviewer_render_arena_bytes"), "In shared memory."),
                tile("Workers lost per hour", "short", f"sum(increase(webviewer_render_worker_restarts_total{{{CLUSTER}}}[1h]))", "", (1, 5)),
            ),
        ),
        (
            "Speed",
            (
                Panel("Lag by pool, p95", "s", ((quantile(0.95, LAG, "pool, quality"), "{{pool}} {{quality}}"),), "From the newest change in a frame to its sending."),
                Panel("Lag by window, p95", "s", ((quantile(0.95, LAG, "window, quality"), "{{window}} {{quality}}"),)),
                Panel("Drawing and encoding by pool, p95", "s", ((quantile(0.95, "webviewer_render_frame_seconds", "pool, window"), "{{pool}} {{window}}"),), "Inside the worker. A pool with GPUs differs in projections only."),
                Panel("Drawing and encoding", "s", quantiles("webviewer_render_frame_seconds")),
                Panel("Frames", "ops", ((rate("webviewer_render_frames_total", "pool, window, quality"), "{{pool}} {{window}} {{quality}}"),)),
                Panel("Bytes of frames", "Bps", ((rate("webviewer_render_frame_bytes_total", "window, quality"), "{{window}} {{quality}}"),)),
            ),
        ),
        (
            "Load",
            (
                Panel("Waiting jobs by pod", "short", ((f"webviewer_render_pending_jobs{{{CLUSTER}}}", "{{pod}}"),)),
                Panel("States skipped and frames given up", "ops", ((rate("webviewer_render_dropped_states_total"), "states that newer ones replaced"), (rate("webviewer_render_superseded_frames_total"), "final frames given up")), "Skipping is how a slow pod keeps up: it is no error."),
                Panel("Workers that died", "short", ((f"increase(webviewer_render_worker_restarts_total{{{CLUSTER}}}[5m])", "{{pod}}"),)),
                Panel("Frames from the cache", "percentunit", ((share(rate("webviewer_render_frame_cache_hits_total"), f"{rate('webviewer_render_frame_cache_hits_total')} + {rate('webviewer_render_frame_cache_misses_total')}"), "hits"),)),
            ),
        ),
        (
            "Memory and loading",
            (
                Panel("Memory for pixels and frames", "bytes", ((f"webviewer_render_arena_bytes{{{CLUSTER}}}", "{{pod}} pixels"), (f"webviewer_render_frame_cache_bytes{{{CLUSTER}}}", "{{pod}} frames"))),
                Panel("Series in memory", "short", ((f"webviewer_render_series{{{CLUSTER}}}", "{{pod}}"),)),
                Panel("Frames loaded, evicted, undecodable", "ops", ((rate("webviewer_render_loaded_frames_total"), "loaded"), (rate("webviewer_render_evicted_frames_total"), "evicted"), (rate("webviewer_render_failed_frames_total"), "undecodable"))),
                Panel("Fetched from storage, openings from memory", "short", ((rate("webviewer_render_loaded_bytes_total"), "bytes/s fetched"), (rate("webviewer_render_series_hits_total"), "openings/s that found their series"))),
            ),
        ),
    ),
)  # fmt: skip

STORAGE = Dashboard(
    "storage",
    "WebViewer / Storage and PACS",
    "What comes in from modalities, PACS and uploads, how fast it is written, how much room there is.",
    (
        (
            "Now",
            (
                tile("Free", "percentunit", f"min({FREE})", "Of the fullest volume.", (0.15, 0.05)),
                tile("Objects stored", "ops", rate("webviewer_storage_ingest_objects_total", more=',outcome="stored"')),
                tile("Bytes stored", "Bps", rate("webviewer_storage_ingest_bytes_total")),
                tile("Put aside", "percentunit", PUT_ASIDE, "Into the quarantine, or rejected.", (0.01, 0.1)),
                tile("Associations", "short", total("webviewer_storage_associations"), "Open DICOM connections."),
                tile("Uploads", "short", total("webviewer_storage_uploads_processing"), "Being processed."),
            ),
        ),
        (
            "What comes in",
            (
                Panel("Objects by outcome", "ops", ((rate("webviewer_storage_ingest_objects_total", "outcome"), "{{outcome}}"),)),
                Panel("Objects by way", "ops", ((rate("webviewer_storage_ingest_objects_total", "way"), "{{way}}"),)),
                Panel("Bytes by way", "Bps", ((rate("webviewer_storage_ingest_bytes_total", "way"), "{{way}}"),)),
                Panel("Uploads being processed", "short", ((total("webviewer_storage_uploads_processing", "pod"), "{{pod}}"),)),
            ),
        ),
        (
            "DICOM peers",
            (
                Panel("Open associations", "short", ((total("webviewer_storage_associations", "pod"), "{{pod}}"),)),
                Panel("Refused associations", "ops", ((rate("webviewer_storage_associations_refused_total", "reason"), "{{reason}}"),), "limit = too many at once; called_ae = a called AE title that is nobody's."),
                Panel("Receivers that died", "short", ((f"increase(webviewer_storage_receivers_lost_total{{{CLUSTER}}}[5m])", "{{pod}}"),)),
                Panel("Bytes handed to render nodes", "Bps", ((rate("webviewer_storage_series_bytes_total", "pod"), "{{pod}}"),)),
            ),
        ),
        (
            "Writing and room",
            (
                Panel("Time of a commit", "s", quantiles("webviewer_storage_commit_seconds"), "Files included; senders wait for it."),
                Panel("Objects of a commit", "short", quantiles("webviewer_storage_commit_objects"), "Many at once: the disk is the limit."),
                Panel("Free bytes", "bytes", ((f"webviewer_storage_free_bytes{{{CLUSTER}}}", "{{pod}}"),)),
                Panel("Free share", "percentunit", ((FREE, "{{pod}}"),)),
            ),
        ),
    ),
)  # fmt: skip

OPERATOR_BOARD = Dashboard(
    "operator",
    "WebViewer / Operator",
    "What the operator does, and whether it keeps up.",
    (
        (
            "Now",
            (
                tile("Clusters", "short", total("webviewer_operator_clusters", where=OPERATOR)),
                tile("Not ready", "short", f"count(webviewer_operator_cluster_ready{{{OPERATOR}}} == 0) or vector(0)", "", (1, 3)),
                tile("Waiting", "short", total("webviewer_operator_waiting", where=OPERATOR), "Clusters whose round is due.", (5, 20)),
                tile("Oldest round", "s", f"max(webviewer_operator_longest_round_seconds{{{OPERATOR}}})", "It is given up after 120 s.", (30, 90)),
                tile("Failed rounds", "percentunit", share(rate("webviewer_operator_reconciles_total", more=',outcome="failed"', where=OPERATOR), rate("webviewer_operator_reconciles_total", where=OPERATOR)), "", (0.05, 0.5)),
                tile("Memory", "bytes", "max(process_resident_memory_bytes and on (namespace, pod) webviewer_operator_clusters)"),
            ),
        ),
        (
            "Rounds",
            (
                Panel("Rounds by outcome", "ops", ((rate("webviewer_operator_reconciles_total", "outcome", where=OPERATOR), "{{outcome}}"),)),
                Panel("Time of a round", "s", quantiles("webviewer_operator_reconcile_seconds", where=OPERATOR)),
                Panel("Writes to the API server", "ops", ((rate("webviewer_operator_writes_total", "verb, kind", where=OPERATOR), "{{verb}} {{kind}}"),), "A cluster that is in order causes none."),
                Panel("Ready", "bool_yes_no", ((f"webviewer_operator_cluster_ready{{{OPERATOR}}}", "{{namespace}}/{{cluster}}"),)),
            ),
        ),
        (
            "Scaling",
            (
                Panel("Changes of pools", "short", ((f"sum by (direction) (increase(webviewer_operator_scalings_total{{{OPERATOR}}}[5m]))", "{{direction}}"),)),
                Panel("Pods that began to drain", "short", ((f"sum(increase(webviewer_operator_drains_total{{{OPERATOR}}}[5m]))", "drains"),)),
                Panel("Capacity not told", "short", ((f"sum(increase(webviewer_operator_capacity_failures_total{{{OPERATOR}}}[5m]))", "failures"),), "While control does not tell its load no pod is removed."),
            ),
        ),
    ),
    variables=(("namespace", "webviewer_operator_clusters"),),
)  # fmt: skip

DASHBOARDS = (OVERVIEW, SESSIONS, RENDER, STORAGE, OPERATOR_BOARD)


def document(dashboard: Dashboard) -> JSON:
    """Return the dashboard as Grafana reads it."""
    return {
        "uid": f"webviewer-{dashboard.name}",
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["webviewer"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"type": "dashboards", "title": "WebViewer", "tags": ["webviewer"], "asDropdown": True, "keepTime": True}],
        "templating": {"list": [_data_source(), *(_variable(name, metric) for name, metric in dashboard.variables)]},
        "panels": list(_panels(dashboard)),
    }  # fmt: skip


def _data_source() -> JSON:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(name: str, metric: str) -> JSON:
    query = f"label_values({metric}, {name})"
    return {
        "name": name,
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels(dashboard: Dashboard) -> Iterator[JSON]:
    number, y = 0, 0
    for title, panels in dashboard.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": _place(0, y, 24, 1),
        }
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.columns > _WIDTH:
                x, y = 0, y + height
            number += 1
            height = _TILE_HEIGHT if panel.kind == "stat" else _HEIGHT
            yield _panel(panel, number, _place(x, y, panel.columns, height))
            x += panel.columns
        y += height


def _place(x: int, y: int, width: int, height: int) -> JSON:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, number: int, place: JSON) -> JSON:
    defaults: JSON = {"unit": panel.unit, "min": 0}
    if panel.kind == "stat":
        defaults |= {"thresholds": {"mode": "absolute", "steps": _steps(panel.steps)}, "noValue": "no data"}
        options: JSON = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    else:
        defaults["custom"] = {"fillOpacity": 10, "lineWidth": 1, "showPoints": "never"}
        options = {
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _steps(steps: tuple[float, float] | None) -> list[JSON]:
    if steps is None:
        return [{"color": "text", "value": None}]
    yellow, red = steps
    if yellow < red:
        return [{"color": "green", "value": None}, {"color": "yellow", "value": yellow}, {"color": "red", "value": red}]
    return [{"color": "red", "value": None}, {"color": "yellow", "value": red}, {"color": "green", "value": yellow}]


def texts() -> dict[str, str]:
    """Return the dashboards by file name."""
    return {f"{each.name}.json": json.dumps(document(each), indent=1) + "\n" for each in DASHBOARDS}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
