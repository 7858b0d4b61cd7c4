"""Headers that tell browsers what our pages never do."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webviewer.web.origin import origin_of


class SecurityHeaders:
    """ASGI middleware that adds the headers to every answer that does not bring its own.

    Inline scripts are forbidden. Inline styles are allowed because Vuetify writes its theme into a
    style element at run time. ``server_url`` is where the pages call where they are served by
    another host.
    """

    def __init__(self, app: ASGIApp, frame_ancestors: str = "'self'", server_url: str = "") -> None:
        self._app = app
        self._headers = {
            "content-security-policy": content_security_policy(frame_ancestors, server_url),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, adding headers on the way out."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def content_security_policy(frame_ancestors: str, server_url: str) -> str:
    """Return the policy of all pages."""
    origin = origin_of(server_url)
    sockets = f" {origin} {origin.replace('http', 'ws', 1)}" if origin else ""
    directives = {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' blob: data:",
        "font-src": "'self' data:",
        "connect-src": "'self'" + sockets,
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": frame_ancestors,
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())
