"""``python -m webviewer_operator.uninstall``: what becomes of the clusters when the operator goes for good.

The chart runs it before ``helm uninstall`` deletes anything. Clusters hold a finalizer: without an operator they could not
be deleted any more, and neither could their namespace.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Literal

from webviewer.errors import WebViewerError
from webviewer_operator.cluster import PAUSED, Manifest
from webviewer_operator.kube import client, port
from webviewer_operator.kube.port import ConflictError, KubeError, KubePort, NotServedError

Policy = Literal["Refuse", "Release"]
_ADVICE = (
    "the operator still has clusters to look after: delete them first (kubectl delete wvc NAME), "
    "or let them run on without an operator (helm upgrade --reuse-values --set uninstall.policy=Release)"
)


async def uninstall(kube: KubePort, namespaces: Sequence[str], policy: Policy) -> tuple[int, list[str]]:
    """Return the exit status and what to say. An empty list of namespaces means all. Raises KubeError.

    ``Release`` pauses every cluster, so that the operator, which still runs, does not hold it again.
    """
    found = await _clusters(kube, namespaces)
    if not found:
        return 0, ["there are no clusters"]
    if policy == "Refuse":
        return 1, [*map(_name, found), _ADVICE]
    for each in found:
        await _release(kube, each)
    text = f"paused and released; the next operator goes on once the annotation {PAUSED} is removed"
    return 0, [f"{_name(each)}: {text}" for each in found]


async def _clusters(kube: KubePort, namespaces: Sequence[str]) -> list[Manifest]:
    try:
        lists = [await kube.list(port.CLUSTER, namespace) for namespace in namespaces or (None,)]
    except NotServedError:
        return []  # without the definition there are no clusters
    return [each for every in lists for each in every]


async def _release(kube: KubePort, cluster: Manifest) -> None:
    """Drop our finalizer, which is a field that we applied, and pause."""
    metadata = {name: cluster["metadata"][name] for name in ("name", "namespace", "uid")}
    identity = {name: cluster[name] for name in ("apiVersion", "kind")}
    try:
        await kube.apply(identity | {"metadata": metadata | {"annotations": {PAUSED: "true"}}})
    except ConflictError:
        return  # it has gone meanwhile


def _name(cluster: Manifest) -> str:
    return f"{cluster['metadata']['namespace']}/{cluster['metadata']['name']}"


async def _run(namespaces: Sequence[str], policy: Policy) -> int:
    try:
        async with client.connect() as kube:
            status, lines = await uninstall(kube, namespaces, policy)
    except (KubeError, WebViewerError) as error:
        status, lines = 1, [error.message]
    print("\n".join(lines), file=sys.stderr if status else sys.stdout)
    return status


def main() -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description="Say what becomes of clusters when the operator goes for good.")
    parser.add_argument("--policy", choices=["Refuse", "Release"], required=True)
    parser.add_argument("--namespace", action="append", default=[], help="look here only (repeatable)")
    options = parser.parse_args()
    return asyncio.run(_run(options.namespace, options.policy))


if __name__ == "__main__":
    sys.exit(main())
