"""How a request reached us: directly, or through proxies that are configured as trusted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from webviewer.errors import InvalidRequestError

_KEY = "webviewer.seen"
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_PROXY_MARKS = frozenset({"via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"})
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Seen:
    """The request as the browser made it.

    ``address`` is the browser's, empty if unknown; ``scheme`` is http or https; ``host`` is what the
    browser named (host and port); ``prefix`` is the base path without a trailing slash;
    ``forwarded`` tells that some proxy, trusted or not, was in between.
    """

    address: str
    scheme: str
    host: str
    prefix: str
    forwarded: bool


def seen(connection: HTTPConnection) -> Seen:
    """Return what :class:`Forwarded` found out about a request."""
    value: Seen = connection.scope[_KEY]
    return value


class Forwarded:
    """ASGI middleware: reads ``X-Forwarded-*`` from trusted proxies and sets client, scheme and root path."""

    def __init__(self, app: ASGIApp, trusted: Iterable[str] = (), base_path: str = "") -> None:
        self._app = app
        self._trusted = [_network(text) for text in trusted]
        self._base_path = clean_base_path(base_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Describe the request, then pass it on."""
        if scope["type"] in {"http", "websocket"}:
            view = self._look(scope)
            secure = view.scheme == "https"
            scope = dict(scope)
            scope[_KEY] = view
            scope["client"] = (view.address, 0) if view.address else None
            scope["scheme"] = {"http": "http", "websocket": "ws"}[scope["type"]] + ("s" if secure else "")
            scope["root_path"] = view.prefix
        await self._app(scope, receive, send)

    def _look(self, scope: Scope) -> Seen:
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        scheme = "https" if scope["scheme"] in {"https", "wss"} else "http"
        address, host, prefix = peer, headers.get("host", ""), self._base_path
        if self._trusts(peer):
            address = self._browser(peer, headers)
            forwarded_scheme = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
            scheme = forwarded_scheme if forwarded_scheme in {"http", "https"} else scheme
            host = headers.get("x-forwarded-host", "").split(",")[0].strip() or host
            forwarded_prefix = headers.get("x-forwarded-prefix", "").split(",")[0].strip().rstrip("/")
            if forwarded_prefix and _PREFIX.fullmatch(forwarded_prefix):
                prefix = forwarded_prefix
        return Seen(address, scheme, host, prefix, has_forwarded_header(headers))

    def _browser(self, peer: str, headers: Headers) -> str:
        """Walk from the nearest proxy outwards and stop at the first address that nobody vouches for."""
        address = peer
        chain = [part for value in headers.getlist("x-forwarded-for") for part in value.split(",")]
        for part in reversed(chain or [headers.get("x-real-ip", "")]):
            parsed = _address(part)
            if parsed is None:
                break
            address = str(parsed)
            if not self._trusts(address):
                break
        return address

    def _trusts(self, address: str) -> bool:
        parsed = _address(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def has_forwarded_header(headers: Headers) -> bool:
    """Tell whether a proxy left its mark."""
    return any("forwarded" in name or name in _PROXY_MARKS for name in headers)


def clean_base_path(text: str) -> str:
    """Return a base path as ``/a/b`` or empty. Raises InvalidRequestError for what no path can be."""
    path = "/" + text.strip("/") if text.strip("/") else ""
    if not _PREFIX.fullmatch(path):
        message = f"base_path: {text!r} is not a path"
        raise InvalidRequestError(message)
    return path


def is_loopback(address: str) -> bool:
    """Tell whether an address or host name can only mean this machine."""
    parsed = _address(address)
    return address.lower() == "localhost" if parsed is None else parsed.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # An IPv4 client of a dual-stack socket is still an IPv4 client.
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        message = f"trusted_proxies: {text!r} is neither an address nor a network"
        raise InvalidRequestError(message) from error
