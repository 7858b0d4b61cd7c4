"""Clusters to build objects for."""

from pathlib import Path

import pytest
import yaml

from webviewer_operator.cluster import Cluster

CLUSTERS = Path(__file__).parent / "manifests" / "clusters"


@pytest.fixture
def cluster_named():
    def read(name: str) -> Cluster:
        return Cluster.of(yaml.safe_load((CLUSTERS / f"{name}.yaml").read_text(encoding="utf-8")))

    return read


@pytest.fixture
def cluster_of():
    """A cluster with this spec."""

    def make(spec: dict | None = None, **metadata: object) -> Cluster:
        identity = {"name": "viewer", "namespace": "imaging", "uid": "6c1f1d6e-0000-4000-8000-00000000000a"}
        return Cluster.of({"metadata": identity | metadata, "spec": spec or {}})

    return make
