"""Places of the render nodes, for whoever scales them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from webviewer.errors import InvalidRequestError, NotAuthenticatedError, NotFoundError, PeerUnavailableError
from webviewer.web.endpoint import Endpoint
from webviewer_control.routes.context import context
from webviewer_control.services.capacity import Capacities


class Draining(BaseModel):
    """``draining``: take no new sessions; ``move``: send away those that are there, too."""

    model_config = ConfigDict(extra="forbid")

    draining: bool
    move: bool = False


async def get_capacity(request: Request) -> Capacities:
    """Return slots and sessions of every render node."""
    known = context(request)
    return await known.gateway.capacity.read(len(known.waiting))


async def put_draining(request: Request, body: Draining) -> None:
    """Start or end the draining of a render node."""
    capacity = context(request).gateway.capacity
    await capacity.set_draining(request.path_params["address"], draining=body.draining, move=body.move)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/capacity",
        get_capacity,
        "Places of the render nodes",
        access="node",
        response=Capacities,
        errors=(NotAuthenticatedError, PeerUnavailableError),
    ),
    Endpoint(
        "PUT",
        "/v2/capacity/{address}/draining",
        put_draining,
        "Let a render node take no more sessions",
        access="node",
        body=Draining,
        errors=(NotAuthenticatedError, NotFoundError, InvalidRequestError, PeerUnavailableError),
    ),
)
