"""The administrator's nodes, and the nodes' own registration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from webviewer.domain.load import NodeRole
from webviewer.errors import ConflictError, InvalidRequestError, NotAuthenticatedError, NotFoundError
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError, InUseError, NodeAddressError, NodeOfflineError
from webviewer_control.routes.context import actor, context
from webviewer_control.services.nodes import NodeReport, NodeSort, NodeState, checked
from webviewer_control.store.models import NodeRow

_Address = Annotated[str, Field(max_length=255)]
_AeTitle = Annotated[str, Field(max_length=16)]
_Number = Annotated[int, Field(ge=1, le=999_999_999)]


class Node(BaseModel):
    """A node as the administrator sees it. ``used`` and ``slots`` are sessions of a render node, null while unknown."""

    id: int
    address: str
    role: NodeRole
    state: NodeState
    active: bool
    by_hand: bool
    used: int | None
    slots: int | None
    ae_title: str
    version: str
    device: str
    """What a render node draws on; empty while it is not known."""
    last_seen: dt.datetime | None
    cause: str
    """Why it did not answer the last time."""


class NodePage(BaseModel):
    """A page of nodes, the number of all, and the ID that a new one would get."""

    total: int
    offset: int
    next_id: int
    nodes: list[Node]


class NodeQuery(BaseModel):
    """In which order."""

    model_config = ConfigDict(extra="forbid")

    sort: NodeSort = "id"
    descending: bool = False
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class NewNode(BaseModel):
    """Body of an entry by hand; a null ID is the next free one."""

    model_config = ConfigDict(extra="forbid")

    id: _Number | None = None
    address: _Address
    role: NodeRole


class NodeChange(BaseModel):
    """Body of a change: what is null stays. Address and AE title follow what the node itself was configured with."""

    model_config = ConfigDict(extra="forbid")

    address: _Address | None = None
    ae_title: _AeTitle | None = None
    active: bool | None = None


class NodeDraining(BaseModel):
    """``draining``: take no new sessions, and move those that are there; else take them again."""

    model_config = ConfigDict(extra="forbid")

    draining: bool


class NodeAnswer(BaseModel):
    """How long a node took to answer, in milliseconds."""

    ms: float


class Registration(BaseModel):
    """What a node says of itself, every few seconds."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=64)]
    role: NodeRole
    address: _Address
    version: Annotated[str, Field(max_length=64)]
    ae_title: _AeTitle = ""


class Registered(BaseModel):
    """The ID of the node, and whether it is switched on."""

    id: int
    active: bool


async def register_node(request: Request, body: Registration) -> Registered:
    """Take over what a node says of itself."""
    report = NodeReport(body.key, body.role, checked(body.address), body.version, body.ae_title)
    row = await context(request).control.nodes.report(report)
    return Registered(id=row.id, active=row.active)


async def list_nodes(request: Request, query: NodeQuery) -> NodePage:
    """List nodes."""
    total, next_id, rows = await context(request).control.nodes.list(
        query.sort, query.offset, query.limit, descending=query.descending
    )
    return NodePage(total=total, offset=query.offset, next_id=next_id, nodes=await _nodes(request, rows))


async def add_node(request: Request, body: NewNode) -> Node:
    """Enter a node by hand."""
    nodes = context(request).control.nodes
    return (await _nodes(request, [await nodes.add(body.id, body.address, body.role, actor(request))]))[0]


async def change_node(request: Request, body: NodeChange) -> Node:
    """Change the row of a node, or switch the node on or off."""
    row = await context(request).control.nodes.change(
        _id(request), actor(request), address=body.address, ae_title=body.ae_title, active=body.active
    )
    return (await _nodes(request, [row]))[0]


async def drain_node(request: Request, body: NodeDraining) -> Node:
    """Take a render node out of service, or back into it."""
    row = await context(request).control.nodes.set_draining(_id(request), actor(request), draining=body.draining)
    return (await _nodes(request, [row]))[0]


async def delete_node(request: Request) -> None:
    """Forget a node."""
    await context(request).control.nodes.delete(_id(request), actor(request))


async def ping_node(request: Request) -> NodeAnswer:
    """Ask a node whether it lives."""
    return NodeAnswer(ms=await context(request).control.nodes.ping(_id(request)) * 1000)


def _id(request: Request) -> int:
    text: str = request.path_params["node"]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):  # noqa: PLR2004 - digits of the largest ID
        message = "no such node"
        raise NotFoundError(message)
    return int(text)


async def _nodes(request: Request, rows: Sequence[NodeRow]) -> list[Node]:
    sessions = await context(request).control.nodes.sessions({row.id for row in rows})
    return [_node(request, row, sessions.get(row.id)) for row in rows]


def _node(request: Request, row: NodeRow, sessions: int | None) -> Node:
    return Node(
        id=row.id,
        address=row.address,
        role=row.role,
        state=context(request).control.nodes.state(row),
        active=row.active,
        by_hand=row.by_hand,
        used=sessions,
        slots=row.slots,
        ae_title=row.ae_title,
        version=row.version,
        device=row.device,
        last_seen=row.last_seen,
        cause=row.cause,
    )


_CHANGE_ERRORS = (NotAuthenticatedError, CsrfError, NotFoundError, ConflictError, InUseError, NodeOfflineError)
ENDPOINTS = (
    Endpoint(
        "PUT",
        "/v2/nodes",
        register_node,
        "A node tells of itself",
        access="node",
        body=Registration,
        response=Registered,
        errors=(NotAuthenticatedError, NodeAddressError),
    ),
    Endpoint(
        "GET",
        "/v2/admin/nodes",
        list_nodes,
        "List nodes",
        access="administrator",
        query=NodeQuery,
        response=NodePage,
        errors=(NotAuthenticatedError, InvalidRequestError),
    ),
    Endpoint(
        "POST",
        "/v2/admin/nodes",
        add_node,
        "Enter a node by hand",
        access="administrator",
        body=NewNode,
        response=Node,
        status=201,
        errors=(NotAuthenticatedError, CsrfError, ConflictError, NodeAddressError),
    ),
    Endpoint(
        "PATCH",
        "/v2/admin/nodes/{node}",
        change_node,
        "Change a node, switch it on or off",
        access="administrator",
        body=NodeChange,
        response=Node,
        errors=(*_CHANGE_ERRORS, NodeAddressError),
    ),
    Endpoint(
        "DELETE", "/v2/admin/nodes/{node}", delete_node, "Forget a node", access="administrator", errors=_CHANGE_ERRORS
    ),
    Endpoint(
        "PUT",
        "/v2/admin/nodes/{node}/draining",
        drain_node,
        "Move the sessions of a render node to others, or let it take sessions again",
        access="administrator",
        body=NodeDraining,
        response=Node,
        errors=_CHANGE_ERRORS,
    ),
    Endpoint(
        "POST",
        "/v2/admin/nodes/{node}/ping",
        ping_node,
        "Ask a node whether it lives",
        access="administrator",
        response=NodeAnswer,
        errors=_CHANGE_ERRORS,
    ),
)
