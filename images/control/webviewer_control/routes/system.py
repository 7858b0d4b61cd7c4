"""Version, configuration of the pages, keys for nodes, health and metrics."""

from __future__ import annotations

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, RootModel
from starlette.requests import Request
from starlette.responses import Response

from webviewer import __version__, version
from webviewer.errors import NotAuthenticatedError, PeerUnavailableError
from webviewer.web.endpoint import Endpoint
from webviewer.web.health import Health
from webviewer_control.routes.context import context


class Version(BaseModel):
    """Which build answers, and whom its users ask; an address that is not set is empty."""

    version: str
    commit: str
    web_site: str
    sales_email: str
    support_email: str


class PageConfiguration(BaseModel):
    """What the pages have to know before anybody logs in. A proxy may put a file in its place."""

    server_url: str = Field(alias="serverUrl")
    """Public address of the start page; empty = where the page came from."""
    demo: bool
    sign_on: str | None = Field(alias="signOn")
    """What the provider of single sign-on is called, empty for no name of its own; null where there is none."""


class KeySet(BaseModel):
    """Public keys (JWKS) that grants are checked with."""

    keys: list[dict[str, Any]]


class ReadyQuery(BaseModel):
    """Who is asked."""

    model_config = ConfigDict(extra="forbid")

    own: bool = False
    """Only control's own database: pages, log-in and panel work without storage and render, and say what is missing."""


class OpenApiDocument(RootModel[dict[str, Any]]):
    """The description of this API."""


async def get_version(request: Request) -> Version:
    """Return version, commit and addresses."""
    settings = context(request).control.settings
    return Version(
        version=__version__,
        commit=version.commit(),
        web_site=settings.web_site,
        sales_email=settings.sales_email,
        support_email=settings.support_email,
    )


async def get_page_configuration(request: Request) -> Response:
    """Return the configuration of the pages."""
    settings = context(request).control.settings
    provider = settings.oidc_name if settings.oidc_issuer else None
    value = PageConfiguration(serverUrl=settings.server_url, demo=settings.demo, signOn=provider)
    return Response(value.model_dump_json(by_alias=True), media_type="application/json")


async def get_keys(request: Request) -> KeySet:
    """Return the public keys of grants to a node."""
    return KeySet(keys=context(request).control.keyring.signer.public_jwks["keys"])


async def get_openapi(request: Request) -> OpenApiDocument:
    """Return the description of this API."""
    return OpenApiDocument(request.app.state.openapi)


async def healthz(_: Request) -> Health:
    """Answer as long as the process lives."""
    return Health()


async def readyz(request: Request, query: ReadyQuery) -> Health:
    """Answer well if database, storage and render do, or the first alone."""
    found = context(request)
    return await (found.own_readiness if query.own else found.readiness).check()


async def get_metrics(_: Request) -> Response:
    """Return the metrics of this process."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


ENDPOINTS = (
    Endpoint("GET", "/v2/version", get_version, "Version of the server", access="public", response=Version),
    Endpoint(
        "GET",
        "/.config.json",
        get_page_configuration,
        "Configuration of the pages",
        access="public",
        response=PageConfiguration,
    ),
    Endpoint(
        "GET",
        "/v2/keys",
        get_keys,
        "Public keys of grants, for nodes",
        access="node",
        response=KeySet,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint(
        "GET",
        "/v2/openapi.json",
        get_openapi,
        "This document",
        access="account",
        response=OpenApiDocument,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint("GET", "/healthz", healthz, "The process lives", access="public", response=Health),
    Endpoint(
        "GET",
        "/readyz",
        readyz,
        "Everything it needs answers",
        access="public",
        query=ReadyQuery,
        response=Health,
        errors=(PeerUnavailableError,),
    ),
    Endpoint(
        "GET",
        "/metrics",
        get_metrics,
        "Prometheus metrics",
        access="operator",
        media_types=("text/plain",),
        errors=(NotAuthenticatedError,),
    ),
)
