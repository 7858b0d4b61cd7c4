"""Addresses that name user and study instead of a link. Nothing of them is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from webviewer.errors import NotFoundError
from webviewer_control.errors import AmbiguousStudyError, LinkInvalidError
from webviewer_control.services.link_access import LinkAccess
from webviewer_control.services.link_secrets import Mode
from webviewer_control.services.link_sources import StudyName, find_source
from webviewer_control.services.stores import Stores
from webviewer_control.services.users import Users

TypedPolicy = Literal["forbidden", "anonymized", "allowed", "download"]
_MODES: dict[TypedPolicy, Mode] = {"anonymized": "anonymised", "allowed": "full", "download": "download"}


@dataclass(frozen=True, slots=True)
class TypedLink:
    """What an address names."""

    name: StudyName
    user: str
    pacs_server: str


@dataclass(frozen=True, slots=True)
class TypedLinks:
    """Finds what addresses name, as far as the policy of the server goes."""

    users: Users
    policy: TypedPolicy

    async def find(self, wanted: TypedLink, stores: Stores) -> tuple[LinkAccess, Mode]:
        """Return what an address opens. Raises LinkInvalidError, whatever it is that is wrong."""
        mode = _MODES.get(self.policy)
        if mode is None or wanted.pacs_server or not wanted.user:
            raise LinkInvalidError
        user = await self.users.find_login(wanted.user)
        if user is None or not user.active:
            raise LinkInvalidError
        try:
            source = await find_source(stores, user, wanted.name)
        except (NotFoundError, AmbiguousStudyError) as error:
            raise LinkInvalidError from error
        access = LinkAccess(
            study=source.study,
            series=source.series,
            stores=(source.store,),
            storage_node=source.storage_node,
            anonymised=mode == "anonymised",
            download=mode == "download",
        )
        return access, mode
