"""What storage put aside as damaged: a user's own and the shared store's, which only the administrator clears."""

from __future__ import annotations

from starlette.requests import Request

from webviewer.domain.identity import Action
from webviewer.domain.study import QuarantineItem, QuarantinePage, QuarantineQuery
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
from webviewer_control.routes.shared_stores import shared_at

_LIST_ERRORS = (NotAuthenticatedError, ForbiddenError, InvalidRequestError, PeerUnavailableError)
_DELETE_ERRORS = (NotAuthenticatedError, ForbiddenError, NotFoundError, PeerUnavailableError, CsrfError)


async def list_quarantine(request: Request, query: QuarantineQuery) -> QuarantinePage:
    """List damaged objects of the own store and of the shared one."""
    stores = context(request).gateway.stores
    node = await stores.node(caller(request))
    return await node.port.list_quarantine(await stores.quarantine_grant(caller(request)), query)


async def delete_quarantined(request: Request) -> None:
    """Delete a damaged object of the own store; those of the shared one are the administrator's."""
    stores, session, item = context(request).gateway.stores, caller(request), request.path_params["item"]
    own = stores.own_grant(session, Action.DELETE)
    node = await stores.node(session)
    found = await node.port.get_quarantined(await stores.quarantine_grant(session), item)
    if found.store != "user":
        text = "only the administrator may delete what everybody shares"
        raise ForbiddenError(text)
    await node.port.delete_quarantined(own, item)


async def list_shared_quarantine(request: Request, query: QuarantineQuery) -> QuarantinePage:
    """List damaged objects of the shared stores, those of one node after those of the other."""
    gateway, session = context(request).gateway, caller(request)
    items: list[QuarantineItem] = []
    total = 0
    for node in await gateway.storages.all():
        left = query.limit - len(items)
        part = query.model_copy(update={"offset": max(0, query.offset - total), "limit": max(1, left)})
        token = await gateway.stores.shared_grant(session, Action.LIST, node)
        page = await node.port.list_quarantine(token, part)
        items += page.items[:left]
        total += page.total
    return QuarantinePage(total=total, offset=query.offset, items=tuple(items))


async def delete_shared_quarantined(request: Request) -> None:
    """Delete a damaged object of a shared store."""
    gateway, session, item = context(request).gateway, caller(request), request.path_params["item"]
    node, _ = await shared_at(gateway, session, lambda node, token: node.port.get_quarantined(token, item))
    token = await gateway.stores.shared_grant(session, Action.DELETE, node)
    await node.port.delete_quarantined(token, item)


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
