"""Which pages may call us: the check of ``Origin`` against configuration, never against ``Host`` alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from webviewer.errors import ForbiddenError
from webviewer.web.forwarded import Seen


class OriginRefusedError(ForbiddenError):
    """The call comes from a page that is not ours."""

    code = "origin"


class OriginPolicy:
    """Decides whether the page that makes a call is one of ours.

    Allowed are the origin of ``server_url`` and ``allowed_origins``. Without ``server_url`` a page of
    our own address is accepted too, but only where that address is ``localhost`` or an IP address:
    a name could be pointed at us by whoever owns it (DNS rebinding), an address cannot. Behind a
    host name ``server_url`` therefore has to be set.
    """

    def __init__(self, server_url: str = "", allowed_origins: Iterable[str] = ()) -> None:
        self._allowed = {origin for text in (server_url, *allowed_origins) if (origin := origin_of(text))}
        self._own_address = not server_url

    def check(self, headers: Headers, seen: Seen) -> None:
        """Raise OriginRefusedError for a call by a foreign page.

        Browsers send ``Origin`` with every state-changing call and every WebSocket; a call without
        it is judged by ``Sec-Fetch-Site``, and one with neither comes from no browser.
        """
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
                text = "calls from pages of other sites are refused"
                raise OriginRefusedError(text)
            return
        name = origin_of(origin)
        if name in self._allowed or (self._own_address and name and self._is_own(name, seen)):
            return
        text = (
            "calls from this page's address are refused: set server_url or allowed_origins to the address of the pages"
        )
        raise OriginRefusedError(text)

    @staticmethod
    def _is_own(origin: str, seen: Seen) -> bool:
        return origin == origin_of(f"{seen.scheme}://{seen.host}") and _cannot_be_rebound(
            urlsplit(origin).hostname or ""
        )


def origin_of(url: str) -> str:
    """Return ``scheme://host[:port]`` of a URL in lower case without the default port, or empty."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, default} else "")


def _cannot_be_rebound(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
