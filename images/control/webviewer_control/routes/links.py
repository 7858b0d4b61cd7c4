"""Links to studies: of their makers, and of all for the administrator."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request

from webviewer.domain.study import StudyDetail
from webviewer.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PeerUnavailableError,
)
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import (
    ClockSetBackError,
    CsrfError,
    LicenceExpiredError,
    LicensingOffError,
    LinksUsedUpError,
)
from webviewer_control.routes.context import address, caller, context
from webviewer_control.routes.shared_stores import shared_at
from webviewer_control.services.audit import Viewer
from webviewer_control.services.link_cells import StudyCells
from webviewer_control.services.link_search import LinkEntry, LinkFilter, LinkSort, Whose
from webviewer_control.services.link_secrets import LinkTexts
from webviewer_control.services.links import LinkEnd, Source, Terms, Window

_Text = Annotated[str, Field(max_length=64)]
_List = Annotated[str, Field(max_length=200)]
_ACCESS_ERRORS = (NotAuthenticatedError, CsrfError, ForbiddenError)
_SIGN_ERRORS = (NotFoundError, LinksUsedUpError, LicensingOffError, LicenceExpiredError, ClockSetBackError)
_ALL = Whose(all=True)
MAX_COMMENT = 1000
MAX_OPENS = 1_000_000


class NewLink(BaseModel):
    """Body of a creation."""

    model_config = ConfigDict(extra="forbid")

    study: Annotated[str, Field(max_length=64)]
    series: Annotated[str, Field(max_length=64)] | None = None
    """The one series that the link shows; null = all of the study."""
    window: Window = "image"
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] = ""
    valid_until: AwareDatetime | None = None
    password: Annotated[str, Field(max_length=1024)] | None = None
    """Whoever opens the link is asked for it; null or empty = nobody is."""
    max_opens: Annotated[int, Field(ge=1, le=MAX_OPENS)] | None = None
    sign: bool = False
    """Sign it, if the licence has a signature left."""


class Link(BaseModel):
    """A link, with its study as it was when the link was made."""

    id: str
    name: str
    pid: str
    sex: str
    dob: dt.date | None
    mod: list[str]
    region: str
    date: dt.datetime | None
    acc: str
    desc: str
    user: str
    """Login of who made it; empty = the administrator."""
    source: str
    """Where the study is: empty = in the storage."""
    created: dt.datetime
    comment: str
    valid_until: dt.datetime | None
    opens: int
    max_opens: int | None
    has_password: bool
    signed: bool
    window: Window
    series: str | None
    revoked: bool
    """Its copies are worthless, and nobody has copied it since."""
    ends: LinkEnd
    """Why it opens nothing any more: its time is over, it was opened often enough, the study was deleted, or who made it
    has no access now; empty if it does."""


class LinkQueries(BaseModel):
    """What follows the ``?`` of the three addresses of a link; null = not allowed.

    The whole address is ``base`` (empty: where the page came from) + ``/viewer/`` + ``window`` + ``?`` + the query.
    """

    anonymized_link_query: str | None
    link_query: str | None
    download_link_query: str | None
    window: Window
    base: str


class CreatedLink(BaseModel):
    """A new link with its queries."""

    link: Link
    queries: LinkQueries


class LinkPage(BaseModel):
    """A page of links and the number of all matches."""

    total: int
    offset: int
    links: list[Link]


class LinkOptions(BaseModel):
    """What the licence has for links."""

    signing: bool
    """Links can be signed at all."""
    free_links: int | None
    """How many more; null where none can be."""


class LinkQuery(BaseModel):
    """Which links, in which order. Text is matched as in the study list."""

    model_config = ConfigDict(extra="forbid")

    name: _Text = ""
    pid: _Text = ""
    acc: _Text = ""
    desc: _Text = ""
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    birth_date: dt.date | None = None
    sex: Literal["", "M", "F", "O"] = ""
    modality: _List = ""
    """Comma-separated list; any of them."""
    region: _List = ""
    """Comma-separated list; any of them."""
    created_from: AwareDatetime | None = None
    created_to: AwareDatetime | None = None
    """Not included."""
    user: _Text = ""
    """Login of who made it."""
    sort: LinkSort = "created"
    descending: bool = True
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20

    def filter(self) -> LinkFilter:
        """Return the conditions as the service takes them."""
        return LinkFilter(**self.model_dump(exclude={"sort", "descending", "offset", "limit"}))


async def create_link(request: Request, body: NewLink) -> CreatedLink:
    """Make a link: a user to what he may read, the administrator to a study of a shared store."""
    whose = _own(request)
    source = await _source(request, body.study, body.series)
    terms = Terms(**body.model_dump(exclude={"study", "series"}))
    entry, texts = await context(request).control.links.create(whose.user, source, terms, _viewer(request))
    return CreatedLink(link=_link(request, entry), queries=_texts(request, entry.row.window, texts))


async def list_links(request: Request, query: LinkQuery) -> LinkPage:
    """List the caller's own links."""
    return await _page(request, _own(request), query)


async def get_link_options(request: Request) -> LinkOptions:
    """Tell what the licence has for links."""
    _own(request)
    free = await context(request).control.licences.free_links()
    return LinkOptions(signing=free is not None, free_links=free)


async def get_link_queries(request: Request) -> LinkQueries:
    """Return the queries of a link, to be copied; the viewing audit is told."""
    return await _queries(request, _own(request))


async def revoke_link(request: Request) -> Link:
    """Make all copies of a link worthless; the next one that is copied works again."""
    return await _revoke(request, _own(request))


async def sign_link(request: Request) -> Link:
    """Sign a link: its openings need no connection of the licence."""
    return await _sign(request, _own(request))


async def delete_link(request: Request) -> None:
    """Revoke a link and forget it."""
    await _delete(request, _own(request))


async def list_all_links(request: Request, query: LinkQuery) -> LinkPage:
    """List the links of all."""
    return await _page(request, _ALL, query)


async def get_any_link_queries(request: Request) -> LinkQueries:
    """Return the queries of anybody's link, to be copied; the viewing audit is told."""
    return await _queries(request, _ALL)


async def revoke_any_link(request: Request) -> Link:
    """Make all copies of anybody's link worthless."""
    return await _revoke(request, _ALL)


async def sign_any_link(request: Request) -> Link:
    """Sign anybody's link."""
    return await _sign(request, _ALL)


async def delete_any_link(request: Request) -> None:
    """Revoke anybody's link and forget it."""
    await _delete(request, _ALL)


def _own(request: Request) -> Whose:
    """Return whose links the caller's are. Raises ForbiddenError for the opening of a link: it has none."""
    session = caller(request)
    if session.kind == "link":
        text = "a link opening has no links"
        raise ForbiddenError(text)
    return Whose(session.user if session.kind == "user" else None)


def _viewer(request: Request) -> Viewer:
    return Viewer.of(caller(request), address(request))


async def _source(request: Request, study: str, series: str | None) -> Source:
    """Find what is to be shared among what the caller may read. Raises NotFoundError."""
    gateway, session = context(request).gateway, caller(request)
    if session.kind == "administrator":
        node, detail = await shared_at(gateway, session, lambda node, token: node.port.get_study(token, study))
    else:
        node = await gateway.stores.node(session)
        detail = await node.port.get_study(await gateway.stores.read_grant(session), study)
    _check_series(detail, series)
    own = detail.study.store == "user"
    [store] = gateway.stores.own(session) if own else (await gateway.stores.shared(node),)
    return Source(node.key, store, study, series, StudyCells.of(detail.study))


def _check_series(detail: StudyDetail, series: str | None) -> None:
    if series is not None and all(found.id != series for found in detail.series):
        text = "no such series in this study"
        raise NotFoundError(text)


async def _page(request: Request, whose: Whose, query: LinkQuery) -> LinkPage:
    total, entries = await context(request).control.links.page(
        whose, query.filter(), query.sort, query.offset, query.limit, descending=query.descending
    )
    return LinkPage(total=total, offset=query.offset, links=[_link(request, entry) for entry in entries])


async def _queries(request: Request, whose: Whose) -> LinkQueries:
    window, texts = await context(request).control.links.copy(request.path_params["link"], whose, _viewer(request))
    return _texts(request, window, texts)


async def _revoke(request: Request, whose: Whose) -> Link:
    links = context(request).control.links
    return _link(request, await links.revoke(request.path_params["link"], whose, _viewer(request)))


async def _sign(request: Request, whose: Whose) -> Link:
    links = context(request).control.links
    return _link(request, await links.sign(request.path_params["link"], whose, _viewer(request)))


async def _delete(request: Request, whose: Whose) -> None:
    await context(request).control.links.delete(request.path_params["link"], whose, _viewer(request))


def _link(request: Request, entry: LinkEntry) -> Link:
    row = entry.row
    return Link(
        id=row.id,
        name=row.name,
        pid=row.pid,
        sex=row.sex,
        dob=row.dob,
        mod=row.mod,
        region=row.region,
        date=row.date,
        acc=row.acc,
        desc=row.desc,
        user=entry.user.login if entry.user else "",
        source="",
        created=row.created,
        comment=row.comment,
        valid_until=row.valid_until,
        opens=row.opens,
        max_opens=row.max_opens,
        has_password=row.password is not None,
        signed=entry.signed,
        window=row.window,
        series=row.series,
        revoked=not row.copied,
        ends=context(request).control.links.ends(entry),
    )


def _texts(request: Request, window: Window, texts: LinkTexts) -> LinkQueries:
    return LinkQueries(
        anonymized_link_query=texts.anonymised,
        link_query=texts.full,
        download_link_query=texts.download,
        window=window,
        base=context(request).control.settings.server_url.rstrip("/"),
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v2/links",
        create_link,
        "Make a link to a study",
        access="account",
        body=NewLink,
        response=CreatedLink,
        status=201,
        errors=(*_ACCESS_ERRORS, NotFoundError, PeerUnavailableError),
    ),
    Endpoint(
        "GET",
        "/v2/links",
        list_links,
        "List the own links",
        access="account",
        query=LinkQuery,
        response=LinkPage,
        errors=(NotAuthenticatedError, InvalidRequestError),
    ),
    Endpoint(
        "GET",
        "/v2/links/options",
        get_link_options,
        "What the licence has for links",
        access="account",
        response=LinkOptions,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint(
        "GET",
        "/v2/links/{link}/queries",
        get_link_queries,
        "Copy an own link",
        access="account",
        response=LinkQueries,
        errors=(NotAuthenticatedError, NotFoundError),
    ),
    Endpoint(
        "POST",
        "/v2/links/{link}/revoke",
        revoke_link,
        "Make the copies of an own link worthless",
        access="account",
        response=Link,
        errors=(*_ACCESS_ERRORS, NotFoundError),
    ),
    Endpoint(
        "POST",
        "/v2/links/{link}/sign",
        sign_link,
        "Sign an own link",
        access="account",
        response=Link,
        errors=(*_ACCESS_ERRORS, *_SIGN_ERRORS),
    ),
    Endpoint(
        "DELETE",
        "/v2/links/{link}",
        delete_link,
        "Delete an own link",
        access="account",
        errors=(*_ACCESS_ERRORS, NotFoundError),
    ),
    Endpoint(
        "GET",
        "/v2/admin/links",
        list_all_links,
        "List all links",
        access="administrator",
        query=LinkQuery,
        response=LinkPage,
        errors=(NotAuthenticatedError, InvalidRequestError),
    ),
    Endpoint(
        "GET",
        "/v2/admin/links/{link}/queries",
        get_any_link_queries,
        "Copy anybody's link",
        access="administrator",
        response=LinkQueries,
        errors=(NotAuthenticatedError, NotFoundError),
    ),
    Endpoint(
        "POST",
        "/v2/admin/links/{link}/revoke",
        revoke_any_link,
        "Make the copies of anybody's link worthless",
        access="administrator",
        response=Link,
        errors=(*_ACCESS_ERRORS, NotFoundError),
    ),
    Endpoint(
        "POST",
        "/v2/admin/links/{link}/sign",
        sign_any_link,
        "Sign anybody's link",
        access="administrator",
        response=Link,
        errors=(*_ACCESS_ERRORS, *_SIGN_ERRORS),
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/links/{link}",
        delete_any_link,
        "Delete anybody's link",
        access="administrator",
        errors=(*_ACCESS_ERRORS, NotFoundError),
    ),
)
