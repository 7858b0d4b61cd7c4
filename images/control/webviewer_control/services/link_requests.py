"""Links that other programs ask for: as far as their key allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webviewer.errors import InvalidRequestError, NotFoundError
from webviewer_control.errors import InactiveUserError, KeyRestrictedError
from webviewer_control.services.api_keys import ApiKey
from webviewer_control.services.audit import Viewer
from webviewer_control.services.link_cells import StudyCells
from webviewer_control.services.link_secrets import LinkTexts
from webviewer_control.services.link_sources import StudyName, find_source
from webviewer_control.services.links import Links, Source, Terms
from webviewer_control.services.sessions import ADMINISTRATOR
from webviewer_control.services.stores import Stores
from webviewer_control.services.users import Users
from webviewer_control.store.models import UserRow


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What a program asks for. ``cells`` is what it says of the study, for the table only."""

    name: StudyName
    user: str
    pacs_server: str
    cells: dict[str, object]
    comment: str
    sign: bool


@dataclass(frozen=True, slots=True)
class Granted:
    """A link with what the key lets out; null = not allowed."""

    anonymised: str
    full: str | None
    download: str | None
    signed: bool


@dataclass(frozen=True, slots=True)
class LinkRequests:
    """Answers ``POST /api/link``."""

    users: Users
    links: Links

    async def answer(self, key: ApiKey, wanted: LinkRequest, address: str, stores: Stores) -> Granted:
        """Make a link.

        Raises KeyRestrictedError and InactiveUserError, NotFoundError for an unknown user, PACS server or study,
        AmbiguousStudyError, and InvalidRequestError where nobody's storage is named.
        """
        allowed = key.request
        if not allowed.enabled:
            text = "this key may not make links: the administrator can switch the request on"
            raise KeyRestrictedError(text)
        if key.user is not None and not key.user.active:
            raise InactiveUserError
        if wanted.user and key.user is not None and wanted.user.lower() != key.user.login_key:
            text = "params.user: this key is for links of its own user only"
            raise KeyRestrictedError(text)
        if wanted.pacs_server:
            servers = allowed.user_pacs_servers if wanted.user else allowed.global_pacs_servers
            self._refuse_pacs(wanted.pacs_server, servers, on=allowed.user_pacs if wanted.user else allowed.global_pacs)
        if not allowed.user_storage:
            text = "this key may not make links to the storage of a user"
            raise KeyRestrictedError(text)
        source = await find_source(stores, await self._user(key, wanted.user), wanted.name)
        terms = Terms(comment=wanted.comment, sign=wanted.sign and allowed.signing)
        entry, texts = await self.links.create(
            key.row.user_id, _shown(source, wanted.cells), terms, _viewer(key, address), {"key": key.row.id}
        )
        return self._granted(key, texts, signed=entry.signed)

    def _granted(self, key: ApiKey, texts: LinkTexts, *, signed: bool) -> Granted:
        allowed = key.request
        full = texts.full if allowed.deanonymisation else None
        # Its text holds the second secret, too.
        download = texts.download if allowed.deanonymisation and allowed.download else None
        return Granted(texts.anonymised, full, download, signed)

    def _refuse_pacs(self, server: str, servers: Sequence[str], *, on: bool) -> None:
        if not on or server not in servers:
            text = "this key may not make links by way of this PACS server"
            raise KeyRestrictedError(text)
        text = "no such PACS server"
        raise NotFoundError(text)

    async def _user(self, key: ApiKey, login: str) -> UserRow:
        if key.user is not None:
            return key.user
        if not login:
            text = "params.user: whose storage has the study"
            raise InvalidRequestError(text)
        user = await self.users.find_login(login)
        if user is None:
            text = "no such user"
            raise NotFoundError(text)
        if not user.active:
            raise InactiveUserError
        return user


def _shown(source: Source, said: dict[str, object]) -> Source:
    """Show what the program says of the study; what it leaves out is as the storage has it."""
    known = source.cells
    cells = StudyCells(**{name: said.get(name, getattr(known, name)) for name in StudyCells.__dataclass_fields__})  # type: ignore[arg-type]  # the route has checked their types
    return Source(source.storage_node, source.store, source.study, source.series, cells)


def _viewer(key: ApiKey, address: str) -> Viewer:
    kind, login = ("user", key.user.login) if key.user else ("administrator", ADMINISTRATOR)
    return Viewer(login, kind, "", address, key.row.user_id)
