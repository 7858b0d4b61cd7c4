"""Serves the built pages: html without caching, hashed assets for ever, pages under any base path."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from importlib import resources
from os import PathLike, stat_result
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_IMMUTABLE = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>WebViewer</title></head>
<body><h1>The pages are not built</h1>
<p>The server runs, but it has no pages to show. In a checkout, <code>make html</code> builds them;
elsewhere, set <code>html</code> to the folder of the built pages.</p></body></html>
"""
_DEPTH = 'name="webviewer-depth" content="{}"'


def route_path(scope: Scope) -> str:
    """Return the path below the base path, whether or not the proxy took the base path away."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    below = path.removeprefix(prefix)
    return below if not below or below.startswith("/") else path


def find_pages(configured: Path | None) -> Path | None:
    """Return the folder of the built pages: configured, in the package, or of the checkout."""
    package = Path(str(resources.files("webviewer")))
    places = [configured] if configured else [package / "html", package.parents[2] / "html" / "dist"]
    return next((place for place in places if (place / "index.html").is_file()), None)


def _is_opened(route: str, scope: Scope) -> bool:
    """Tell whether a person opened the address in a browser; programs get the error as JSON."""
    return "text/html" in Headers(scope=scope).get("accept", "") and not route.startswith(("/v2/", "/assets/"))


class Pages(StaticFiles):
    """ASGI application of the pages.

    ``singles`` are pages of the start page's html (``/login``). ``folders`` are pages one level down:
    ``/viewer/image`` is served by ``viewer/index.html``; their names are listed, None means any.
    Assets are addressed relative to the page, so a page has exactly one address: others are
    redirected, relative to themselves, which stays right behind a proxy that strips a prefix.
    """

    def __init__(
        self, directory: Path | None, singles: frozenset[str], folders: Mapping[str, frozenset[str] | None]
    ) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._built = directory is not None
        self._singles = singles
        self._folders = folders

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a page, a redirect to it, or a file."""
        route = route_path(scope)
        target = self._redirect(route, scope)
        if target is not None and scope["method"] in {"GET", "HEAD"}:
            query = scope["query_string"].decode("latin-1")
            return RedirectResponse(target + (f"?{query}" if query else ""), status_code=308)
        page = self._page(route)
        if page and not self._built:
            return HTMLResponse(_NOT_BUILT, status_code=503)
        if not self._built or any(part.startswith(".") for part in route.split("/")):
            raise HTTPException(404)
        try:
            return await super().get_response(page or path, scope)
        except HTTPException as error:
            if error.status_code != HTTPStatus.NOT_FOUND or not _is_opened(route, scope):
                raise
            return await self._missing(route)

    async def _missing(self, route: str) -> Response:
        """Return the start page's html with status 404: the router says that there is nothing at this address.

        Its assets and its depth are written for the address that the browser believes to be at.
        """
        depth = route.count("/") - 1
        html = await anyio.to_thread.run_sync((Path(str(self.directory)) / "index.html").read_text, "utf-8")
        html = html.replace('"./', f'"{"../" * depth or "./"}').replace(_DEPTH.format(0), _DEPTH.format(depth))
        return HTMLResponse(html, status_code=HTTPStatus.NOT_FOUND, headers={"cache-control": "no-cache"})

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Add what may be cached: names of assets carry a hash of their content."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = route_path(scope).startswith("/assets/")
        response.headers["cache-control"] = _IMMUTABLE if hashed else "no-cache"
        return response

    def _page(self, route: str) -> str | None:
        """Return the html file of a page, or None for what is no page."""
        if route == "/" or route[1:] in self._singles:
            return "index.html"
        folder, slash, name = route[1:].partition("/")
        if slash and folder in self._folders and self._is_name(folder, name):
            return f"{folder}/index.html"
        return None

    def _is_name(self, folder: str, name: str) -> bool:
        names = self._folders[folder]
        return not name or ("/" not in name and "." not in name and (names is None or name in names))

    def _redirect(self, route: str, scope: Scope) -> str | None:
        """Return where the browser should go instead, relative to where it is."""
        if not route:
            return f"{quote(scope['root_path'].rpartition('/')[2])}/"
        if route[1:] in self._folders:
            return f"{route[1:]}/"
        name = route[1:-1]
        if route.endswith("/") and name and name not in self._folders and self._page(f"/{name}"):
            return f"../{quote(name.rpartition('/')[2], safe='')}"
        return None
