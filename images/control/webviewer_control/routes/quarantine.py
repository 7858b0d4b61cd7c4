"""What storage put aside as damaged: a user's own and the shared store's, which only the administrator clears."""

from __future__ import annotations

from starlette.requests import Request

from webviewer.domain.identity import Action
from webviewer.domain.study import QuarantinePage, QuarantineQuery
from webviewer.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PeerUnavailableError,
)
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import caller, context

_LIST_ERRORS = (NotAuthenticatedError, ForbiddenError, InvalidRequestError, PeerUnavailableError)
_DELETE_ERRORS = (NotAuthenticatedError, ForbiddenError, NotFoundError, PeerUnavailableError, CsrfError)


async def list_quarantine(request: Request, query: QuarantineQuery) -> QuarantinePage:
    """List damaged objects of the own store and of the shared one."""
    gateway = context(request).gateway
    token = await gateway.stores.quarantine_grant(caller(request))
    return await gateway.storage.list_quarantine(token, query)


async def delete_quarantined(request: Request) -> None:
    """Delete a damaged object of the own store; those of the shared one are the administrator's."""
    gateway, session, item = context(request).gateway, caller(request), request.path_params["item"]
    own = gateway.stores.own_grant(session, Action.DELETE)
    found = await gateway.storage.get_quarantined(await gateway.stores.quarantine_grant(session), item)
    if found.store != "user":
        text = "only the administrator may delete what everybody shares"
        raise ForbiddenError(text)
    await gateway.storage.delete_quarantined(own, item)


async def list_shared_quarantine(request: Request, query: QuarantineQuery) -> QuarantinePage:
    """List damaged objects of the shared store."""
    gateway = context(request).gateway
    token = await gateway.stores.shared_grant(caller(request), Action.LIST)
    return await gateway.storage.list_quarantine(token, query)


async def delete_shared_quarantined(request: Request) -> None:
    """Delete a damaged object of the shared store."""
    gateway = context(request).gateway
    token = await gateway.stores.shared_grant(caller(request), Action.DELETE)
    await gateway.storage.delete_quarantined(token, request.path_params["item"])


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/quarantine",
        list_quarantine,
        "Damaged objects",
        query=QuarantineQuery,
        response=QuarantinePage,
        errors=_LIST_ERRORS,
    ),
    Endpoint("DELETE", "/v2/quarantine/{item}", delete_quarantined, "Delete a damaged object", errors=_DELETE_ERRORS),
    Endpoint(
        "GET",
        "/v2/admin/quarantine",
        list_shared_quarantine,
        "Damaged objects of the shared store",
        access="administrator",
        query=QuarantineQuery,
        response=QuarantinePage,
        errors=_LIST_ERRORS,
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/quarantine/{item}",
        delete_shared_quarantined,
        "Delete a damaged object of the shared store",
        access="administrator",
        errors=_DELETE_ERRORS,
    ),
)
