"""Prometheus metrics of the storage role."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

INGESTED = Counter("webviewer_storage_ingest_objects", "Objects by what became of them", ["way", "outcome"])
INGESTED_BYTES = Counter("webviewer_storage_ingest_bytes", "Bytes of stored objects", ["way"])
COMMIT_SECONDS = Histogram(
    "webviewer_storage_commit_seconds",
    "Duration of a group commit, files included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
COMMIT_OBJECTS = Histogram(
    "webviewer_storage_commit_objects", "Objects of a group commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
ASSOCIATIONS = Gauge("webviewer_storage_associations", "Open DICOM associations")
ASSOCIATIONS_REFUSED = Counter("webviewer_storage_associations_refused", "Refused associations", ["reason"])
RECEIVERS_LOST = Counter("webviewer_storage_receivers_lost", "DICOM receiver processes that died and were replaced")
FREE_BYTES = Gauge("webviewer_storage_free_bytes", "Free bytes of the storage volume")
TOTAL_BYTES = Gauge("webviewer_storage_total_bytes", "Size of the storage volume in bytes")
UPLOADS = Gauge("webviewer_storage_uploads_processing", "Uploads being processed")
ARCHIVES = Counter("webviewer_storage_archives", "Studies downloaded as a ZIP, by how it ended", ["outcome"])
ARCHIVE_BYTES = Counter("webviewer_storage_archive_bytes", "Bytes of files downloaded in ZIPs")
SERIES_BYTES = Counter("webviewer_storage_series_bytes", "Bytes of frames handed to render nodes")
