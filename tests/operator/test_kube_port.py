"""The API server in memory keeps the port's promises; the real one is held to them by `tests/cluster`."""

import pytest

from webviewer_operator.testing.kube_port import KubePortConformance
from webviewer_operator.testing.memory import MemoryKube


@pytest.fixture
def kube():
    return MemoryKube()


@pytest.fixture
def namespace():
    return "conformance"


class TestMemoryKube(KubePortConformance):
    """Runs once."""
