"""The API server over HTTP: the only module that knows the ``kubernetes`` package."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config.config_exception import ConfigException

from webviewer.errors import InvalidRequestError
from webviewer_operator import metrics
from webviewer_operator.cluster import Manifest
from webviewer_operator.kube.port import (
    ConflictError,
    Kind,
    KubeError,
    NotServedError,
    Propagation,
    RefusedError,
    UnavailableError,
    kind_of,
)
from webviewer_operator.manifests.naming import MANAGER

_SECONDS = 30.0
_PAGE = 500
_NOT_FOUND, _CONFLICT, _TOO_MANY, _SERVER_ERROR = 404, 409, 429, 500
_REFUSALS = frozenset({400, 401, 403, 405, 415, 422})


@asynccontextmanager
async def connect() -> AsyncIterator[KubeClient]:
    """Log in as the pod's service account, or by the kubeconfig. Raises InvalidRequestError without either."""
    configuration = client.Configuration()
    try:
        try:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except ConfigException:
            # Read now: the package has read the variable when it was imported.
            file = os.environ.get("KUBECONFIG")
            await config.load_kube_config(config_file=file, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        text = f"no API server to talk to: {error}; run inside a cluster, or set KUBECONFIG"
        raise InvalidRequestError(text) from error
    async with client.ApiClient(configuration) as api:
        yield KubeClient(api)


class KubeClient:
    """Implements :class:`webviewer_operator.kube.port.KubePort`."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return the object; see the port."""
        try:
            return await self._ask("GET", _path(kind, namespace, name))
        except _MissingError:
            return None

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> list[Manifest]:
        """Return the objects whose labels match; see the port."""
        query = [("limit", str(_PAGE)), *([("labelSelector", selector)] if selector else [])]
        found: list[Manifest] = []
        more: list[tuple[str, str]] = []
        while True:
            try:
                page = await self._ask("GET", _path(kind, namespace), query=query + more)
            except _MissingError as error:
                text = f"the API server does not know {kind.plural} of {kind.api_version}"
                raise NotServedError(text) from error
            # Items of a list come without their kind.
            found += [{"apiVersion": kind.api_version, "kind": kind.name} | item for item in page["items"]]
            token = page["metadata"].get("continue")
            if not token:
                return found
            more = [("continue", token)]

    async def apply(self, manifest: Manifest) -> Manifest:
        """Apply on the server; see the port."""
        return await self._apply(manifest, "")

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Apply the status on the server; see the port."""
        try:
            return await self._apply(manifest, "/status")
        except NotServedError as error:
            raise ConflictError(error.message) from error

    async def delete(
        self, kind: Kind, namespace: str, name: str, uid: str, propagation: Propagation = "Background"
    ) -> None:
        """Delete this very object; see the port."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {"uid": uid},
        }
        metrics.WRITES.labels("delete", kind.name).inc()
        try:
            await self._ask("DELETE", _path(kind, namespace, name), body=body)
        except (_MissingError, ConflictError):
            return

    async def _apply(self, manifest: Manifest, subresource: str) -> Manifest:
        kind, metadata = kind_of(manifest), manifest["metadata"]
        path = _path(kind, metadata["namespace"], metadata["name"]) + subresource
        query = [("fieldManager", MANAGER), ("force", "true")]
        metrics.WRITES.labels("apply" + subresource.replace("/", "_"), kind.name).inc()
        try:
            return await self._ask("PATCH", path, query, manifest, "application/apply-patch+yaml")
        except _MissingError as error:
            text = f"the API server does not know {kind.plural} of {kind.api_version}, or {metadata['name']} is gone"
            raise NotServedError(text) from error

    async def _ask(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Manifest | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            request = await self._api.param_serialize(
                method, path, query_params=list(query), header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = await self._api.call_api(*request, _request_timeout=_SECONDS)
            content = await answer.read()  # type: ignore[no-untyped-call]
        except ApiException as error:
            raise _error(error.status or 0, error.body or "") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            text = f"the API server does not answer: {type(error).__name__}"
            raise UnavailableError(text) from error
        if not 200 <= answer.status <= 299:  # noqa: PLR2004 - a class of HTTP statuses
            raise _error(answer.status, content)
        found: Manifest = json.loads(content)
        return found


class _MissingError(KubeError):
    """404: the object, or the kind."""


def _path(kind: Kind, namespace: str | None, name: str | None = None) -> str:
    start = "/api/v1" if kind.api_version == "v1" else f"/apis/{kind.api_version}"
    middle = f"/namespaces/{namespace}" if namespace is not None else ""
    return f"{start}{middle}/{kind.plural}" + (f"/{name}" if name else "")


def _error(status: int, body: str | bytes) -> KubeError:
    message = _message(body) or f"the API server answered {status}"
    if status == _NOT_FOUND:
        return _MissingError(message)
    if status == _CONFLICT:
        return ConflictError(message)
    if status in _REFUSALS:
        return RefusedError(message)
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        return UnavailableError(message)
    return KubeError(message)


def _message(body: Any) -> str:  # noqa: ANN401 - bytes or text, JSON or not
    try:
        value = json.loads(body)
    except ValueError:
        return ""
    return str(value.get("message", "")) if isinstance(value, dict) else ""
