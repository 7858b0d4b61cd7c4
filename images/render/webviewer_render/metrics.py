"""Prometheus metrics of the render role. Labels: ``window`` is a kind of window, ``quality`` that of a frame."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_FRAME_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2, 5)
_LATENCY_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1, 2, 5)

SESSIONS = Gauge("webviewer_render_sessions", "Sessions that hold a slot")
LINKS = Gauge("webviewer_render_links", "Open links (browser tabs)")
VIEWPORTS = Gauge("webviewer_render_viewports", "Open viewports")
FRAMES = Counter("webviewer_render_frames", "Frames sent", ["window", "quality"])
FRAME_BYTES = Counter("webviewer_render_frame_bytes", "Bytes of frames sent", ["window", "quality"])
FRAME_SECONDS = Histogram(
    "webviewer_render_frame_seconds",
    "Time to draw and encode a frame in the worker",
    ["window", "quality"],
    buckets=_FRAME_SECONDS,
)
LATENCY_SECONDS = Histogram(
    "webviewer_render_latency_seconds",
    "Time from the newest change in a frame to its sending",
    ["window", "quality"],
    buckets=_LATENCY_SECONDS,
)
DROPPED_STATES = Counter("webviewer_render_dropped_states", "States that newer ones replaced before they were drawn")
SUPERSEDED_FRAMES = Counter("webviewer_render_superseded_frames", "Final frames given up because the view moved on")
PENDING_JOBS = Gauge("webviewer_render_pending_jobs", "Jobs given to workers and not answered")
WORKER_RESTARTS = Counter("webviewer_render_worker_restarts", "Workers that died and were replaced")
FRAME_CACHE_BYTES = Gauge("webviewer_render_frame_cache_bytes", "Bytes of finished frames kept")
FRAME_CACHE_HITS = Counter("webviewer_render_frame_cache_hits", "Finished frames served from the cache")
FRAME_CACHE_MISSES = Counter("webviewer_render_frame_cache_misses", "Finished frames that had to be drawn")
ARENA_BYTES = Gauge("webviewer_render_arena_bytes", "Bytes of decoded pixels in shared memory")
SERIES = Gauge("webviewer_render_series", "Series in shared memory")
SERIES_HITS = Counter("webviewer_render_series_hits", "Openings that found their series in shared memory")
LOADED_FRAMES = Counter("webviewer_render_loaded_frames", "Frames fetched and decoded")
LOADED_BYTES = Counter("webviewer_render_loaded_bytes", "Encoded bytes fetched")
FAILED_FRAMES = Counter("webviewer_render_failed_frames", "Frames that could not be decoded")
EVICTED_FRAMES = Counter("webviewer_render_evicted_frames", "Frames evicted to keep the budget")
