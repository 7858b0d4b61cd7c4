"""The client keeps the port's promises on the real API server, as the one in memory does."""

import pytest

from webviewer_operator.testing.kube_port import KubePortConformance


@pytest.fixture(autouse=True)
def _namespace_first(namespace):
    """Every test has a namespace of its own."""


class TestKubeClient(KubePortConformance):
    """Runs once."""
