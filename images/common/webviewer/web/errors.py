"""The one table that maps domain errors to HTTP statuses."""

from __future__ import annotations

import structlog
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from webviewer import errors
from webviewer.errors import ThrottledError, WebViewerError
from webviewer.ports.render import LinkClosedError

STATUS: dict[type[WebViewerError], int] = {
    errors.InvalidRequestError: 422,
    errors.NotAuthenticatedError: 401,
    errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.NodeFullError: 409,
    errors.TooLargeError: 413,
    errors.DamagedObjectError: 422,
    errors.UnsupportedImageError: 422,
    errors.ThrottledError: 429,
    errors.DrainingError: 503,
    errors.PeerUnavailableError: 503,
    errors.StorageFullError: 507,
    errors.SchemaOutdatedError: 503,
    LinkClosedError: 503,
}
BY_CODE: dict[str, type[WebViewerError]] = {kind.code: kind for kind in STATUS if kind is not LinkClosedError}
_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """Body of every error answer. ``code`` is stable; ``message`` says what to do, in English."""

    code: str
    message: str
    values: dict[str, str] | None = None
    """What a translation of the message needs; moments are in ISO 8601."""


def status_of(error: type[WebViewerError]) -> int:
    """Return the HTTP status of an error class, by its nearest ancestor in the table."""
    return next((STATUS[base] for base in error.__mro__ if base in STATUS), 500)


def to_response(error: WebViewerError) -> Response:
    """Answer with the error's status and a :class:`Problem`."""
    seconds = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(max(1, round(seconds)))} if seconds is not None else None
    problem = Problem(code=error.code, message=error.message, values=error.values or None)
    return JSONResponse(problem.model_dump(exclude_none=True), status_code=status_of(type(error)), headers=headers)


def from_problem(status: int, content: bytes) -> WebViewerError:
    """Turn a peer's error answer back into the domain error it came from."""
    try:
        problem = Problem.model_validate_json(content)
    except ValueError:
        return errors.PeerUnavailableError(f"the peer answered {status}")
    kind = BY_CODE.get(problem.code, errors.PeerUnavailableError)
    if kind is ThrottledError:
        return ThrottledError(problem.message, 1.0)
    return kind(problem.message)


async def handle_domain_error(_: Request, error: Exception) -> Response:
    """Starlette exception handler of :class:`WebViewerError`."""
    if not isinstance(error, WebViewerError):  # registered for WebViewerError only
        raise error
    return to_response(error)


_STATUS_CODES = {404: "not_found", 405: "method_not_allowed"}


async def handle_http_exception(_: Request, error: Exception) -> Response:
    """Give the router's own answers (no such route, wrong method) the shape of all others."""
    if not isinstance(error, HTTPException):  # registered for HTTPException only
        raise error
    problem = Problem(code=_STATUS_CODES.get(error.status_code, "error"), message=error.detail)
    return JSONResponse(problem.model_dump(exclude_none=True), status_code=error.status_code, headers=error.headers)


async def handle_unexpected(request: Request, error: Exception) -> Response:
    """Answer 500 without details; they are in the log under the request's path."""
    _log.error("unexpected error", path=request.url.path, exc_info=error)
    problem = Problem(code="internal", message="Internal error; see the server's log")
    return JSONResponse(problem.model_dump(exclude_none=True), 500)


HANDLERS = {
    WebViewerError: handle_domain_error,
    HTTPException: handle_http_exception,
    Exception: handle_unexpected,
}
"""What every application registers."""
