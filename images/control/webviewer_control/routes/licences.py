"""Licences, for the administrator: of the installation, and the personal keys of users."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from webviewer.domain.licence import ConnectionPolicy, LicenceType
from webviewer.errors import ConflictError, InvalidRequestError, NotAuthenticatedError, NotFoundError
from webviewer.web.endpoint import Endpoint
from webviewer.wire.licences import LicenceTextError
from webviewer_control.errors import (
    ClockSetBackError,
    CsrfError,
    LicenceExpiredError,
    LicenceNotPersonalError,
    LicencePlaceError,
    LicenceProductError,
    LicenceUsedError,
    LicensingOffError,
    TrialUnsupportedError,
    TrialUsedError,
)
from webviewer_control.routes.context import actor, context
from webviewer_control.services.licences import Standing
from webviewer_control.services.licences import TrialState as TrialAvailability
from webviewer_control.store.models import LicenceRow

_ACCESS_ERRORS = (NotAuthenticatedError, CsrfError, LicensingOffError)
_KEY_ERRORS = (
    InvalidRequestError,
    LicenceTextError,
    LicenceProductError,
    LicencePlaceError,
    LicenceUsedError,
    LicenceExpiredError,
    ClockSetBackError,
)


class Pool(BaseModel):
    """Something that a licence has a number of."""

    total: int
    used: int


class Licensing(BaseModel):
    """The licence of the installation. Fields that its type does not have are null."""

    state: Literal["off", "none", "valid", "expired", "clock-set-back"]
    """``off``: no limits, and nothing else is told."""
    product_code: str | None = None
    type: LicenceType | None = None
    """``personal``: only users with a key get in; null: nothing is active."""
    ends: dt.datetime | None = None
    """Null = never."""
    concurrents: Pool | None = None
    """Connections of users."""
    link_connections: Pool | None = None
    links: Pool | None = None
    """Links that can be signed."""
    policy: ConnectionPolicy | None = None
    personal_keys: int | None = None
    """Users with a key of their own."""
    trial: TrialAvailability | None = None


class LicenceText(BaseModel):
    """Body of an activation: the key, or the whole content of its file."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=8192)]


class PersonalKey(BaseModel):
    """A user's own connection."""

    activated: dt.datetime
    ends: dt.datetime | None
    """Null = never."""
    expired: bool


async def get_licence(request: Request) -> Licensing:
    """Return how licensing stands."""
    licences = context(request).control.licences
    return licensing_of(await licences.standing()) if licences.seats.enforced else Licensing(state="off")


async def activate_licence(request: Request, body: LicenceText) -> Licensing:
    """Activate a licence; it takes the place of the one before."""
    await context(request).control.licences.activate(body.key, actor(request))
    return await get_licence(request)


async def activate_trial(request: Request) -> Licensing:
    """Start the trial: 14 days, sessions of one hour, once."""
    await context(request).control.licences.activate_trial(actor(request))
    return await get_licence(request)


async def activate_personal_key(request: Request, body: LicenceText) -> None:
    """Activate a user's own key; the one before is given up."""
    await context(request).control.licences.activate_personal(request.path_params["user"], body.key, actor(request))


async def delete_personal_key(request: Request) -> None:
    """Take a user's key away. It cannot be used again."""
    await context(request).control.licences.delete_personal(request.path_params["user"], actor(request))


def licensing_of(standing: Standing) -> Licensing:
    """Describe the standing to the page."""
    row, unified = standing.row, standing.type == "unified"
    pooled = row is not None and standing.type in {"concurrent", "unified"}
    used = standing.used
    return Licensing(
        state=standing.state,
        product_code=standing.product,
        type=standing.type,
        ends=row.ends if row else None,
        concurrents=Pool(total=row.concurrents, used=used.get("user", 0)) if row and pooled else None,
        link_connections=Pool(total=row.link_connections, used=used.get("link", 0)) if row and unified else None,
        links=Pool(total=row.links, used=standing.used_links) if row and unified else None,
        policy=row.policy if row and unified else None,
        personal_keys=standing.personal_keys if standing.type in {"personal", "unified"} else None,
        trial=standing.trial,
    )


def personal_key_of(row: LicenceRow | None, now: dt.datetime) -> PersonalKey | None:
    """Describe a user's key."""
    if row is None:
        return None
    return PersonalKey(activated=row.activated, ends=row.ends, expired=row.ends is not None and row.ends <= now)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/admin/licence",
        get_licence,
        "How licensing stands",
        access="administrator",
        response=Licensing,
        errors=(NotAuthenticatedError, LicensingOffError),
    ),
    Endpoint(
        "POST",
        "/v2/admin/licence",
        activate_licence,
        "Activate a licence",
        access="administrator",
        body=LicenceText,
        response=Licensing,
        errors=(*_ACCESS_ERRORS, *_KEY_ERRORS),
    ),
    Endpoint(
        "POST",
        "/v2/admin/licence/trial",
        activate_trial,
        "Activate the trial licence",
        access="administrator",
        response=Licensing,
        errors=(*_ACCESS_ERRORS, TrialUsedError, TrialUnsupportedError),
    ),
    Endpoint(
        "PUT",
        "/v2/admin/users/{user}/licence",
        activate_personal_key,
        "Activate the licence key of a user",
        access="administrator",
        body=LicenceText,
        errors=(*_ACCESS_ERRORS, *_KEY_ERRORS, NotFoundError, LicenceNotPersonalError, ConflictError),
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/users/{user}/licence",
        delete_personal_key,
        "Delete the licence key of a user, for ever",
        access="administrator",
        errors=(*_ACCESS_ERRORS, NotFoundError),
    ),
)
