"""Wake-ups: the only module that knows kopf. It watches, and every change wakes the cluster that it concerns.

No handler creates, updates or deletes anything: kopf keeps no state on the resources, and a change that was missed is
made good by the next periodic round.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection
from typing import Any

import kopf

from webviewer_operator.kube import port
from webviewer_operator.kube.port import Kind
from webviewer_operator.manifests.naming import INSTANCE, MANAGED_BY, MANAGER

Wake = Callable[[str, str], None]
_CHILDREN = (
    port.DEPLOYMENT,
    port.STATEFUL_SET,
    port.JOB,
    port.POD,
    port.SERVICE,
    port.SECRET,
    port.CLAIM,
    port.BUDGET,
    port.NETWORK_POLICY,
    port.INGRESS,
)
_SERVER_SECONDS = 300
_CLIENT_SECONDS = 330
_REQUEST_SECONDS = 30


async def watch(wake: Wake, namespaces: Collection[str], stop: asyncio.Event) -> None:
    """Watch these namespaces, all of them if none is named, until ``stop`` is set."""
    # kopf makes up its identity of the user's name; a pod's user has none.
    os.environ.setdefault("LOGNAME", MANAGER)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    await kopf.operator(
        registry=_registry(wake),
        settings=_settings(namespaced=bool(namespaces)),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )


def _settings(*, namespaced: bool) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    # Connections that die silently are given up, and the list is read anew.
    settings.watching.server_timeout = _SERVER_SECONDS
    settings.watching.client_timeout = _CLIENT_SECONDS
    settings.watching.connect_timeout = _REQUEST_SECONDS
    settings.networking.request_timeout = _REQUEST_SECONDS
    settings.posting.enabled = False  # our Events are written by the reconciler
    settings.scanning.disabled = namespaced  # looking for new kinds needs rights in the whole cluster
    for kind in _CHILDREN:
        settings.watching.label_selectors[*_names(kind)] = f"{MANAGED_BY}={MANAGER}"
    return settings


def _registry(wake: Wake) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_login)

    def cluster_changed(namespace: str, name: str, **_: Any) -> None:  # noqa: ANN401 - kopf passes many things
        wake(namespace, name)

    def child_changed(namespace: str, labels: kopf.Labels, **_: Any) -> None:  # noqa: ANN401 - as above
        if labels.get(INSTANCE):
            wake(namespace, labels[INSTANCE])

    kopf.on.event(*_names(port.CLUSTER), registry=registry)(_awaited(cluster_changed))
    for kind in _CHILDREN:
        kopf.on.event(*_names(kind), registry=registry, labels={MANAGED_BY: MANAGER})(_awaited(child_changed))
    return registry


def _login(**arguments: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf passes many things
    return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)


def _awaited(function: Callable[..., None]) -> Callable[..., Any]:
    """Run a handler in the event loop: kopf runs plain functions in threads."""

    async def handler(**arguments: Any) -> None:  # noqa: ANN401 - kopf passes many things
        function(**arguments)

    handler.__name__ = function.__name__
    return handler


def _names(kind: Kind) -> tuple[str, str, str]:
    group, _, version = kind.api_version.rpartition("/")
    return group, version, kind.plural
