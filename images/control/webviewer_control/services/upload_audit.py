"""Tells the viewing audit what was uploaded: one entry per study and session, when no more images of it come."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from webviewer.domain.identity import Action
from webviewer.domain.study import StudySummary, UploadState
from webviewer.errors import NotFoundError, WebViewerError
from webviewer_control.services.audit import Audit, Viewer
from webviewer_control.services.rounds import repeat
from webviewer_control.services.sessions import Session
from webviewer_control.services.stores import Stores
from webviewer_control.store.finish import finish

QUIET_SECONDS = 5.0
"""A folder comes as thousands of files: an entry is written when nothing has come for so long."""
_ROUND_SECONDS = 1.0
_PATIENCE_SECONDS = 3600.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sender:
    """What a session has uploaded and nobody was told of."""

    session: Session
    viewer: Viewer
    processing: dict[str, float] = field(default_factory=dict)
    """Digests of files that storage has not finished, and since when."""
    images: Counter[str] = field(default_factory=Counter)
    """Stored images by study."""
    changed: float = 0.0


class UploadAudit:
    """Looks at the states of uploads as they pass, and asks for those that the browser does not ask for any more."""

    def __init__(self, audit: Audit, stores: Stores, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._stores = stores
        self._clock = clock
        self._senders: dict[str, _Sender] = {}

    def sent(self, session: Session, address: str, state: UploadState) -> None:
        """A part came, and this is how the upload is now."""
        if state.state == "receiving":
            return
        sender = self._senders.setdefault(session.id, _Sender(session, Viewer.of(session, address)))
        sender.processing.setdefault(state.digest, self._clock())
        self.asked(session, state)

    def asked(self, session: Session, state: UploadState) -> None:
        """The browser has asked how an upload is."""
        sender = self._senders.get(session.id)
        if sender is None or state.state not in {"done", "failed"} or state.digest not in sender.processing:
            return
        del sender.processing[state.digest]
        sender.images.update(
            outcome.study for outcome in state.outcomes if outcome.status == "stored" and outcome.study
        )
        sender.changed = self._clock()

    async def watch_for_ever(self) -> None:
        """Write entries, until cancelled; then those that are left."""
        try:
            await repeat(self.look, _ROUND_SECONDS, "uploads not looked at")
        finally:
            await finish(self.look(last=True))

    async def look(self, *, last: bool = False) -> None:
        """Do one round. ``last``: write what is known so far, without storage, which stops too."""
        for sender in list(self._senders.values()):
            if not last:
                await self._ask(sender)
            quiet = not sender.processing and self._clock() - sender.changed >= QUIET_SECONDS
            if not quiet and not last:
                continue
            del self._senders[sender.session.id]
            for study, images in sender.images.items():
                await self._note(sender, study, images, None if last else await self._find(sender, study))

    async def _ask(self, sender: _Sender) -> None:
        """Ask storage for what the browser has not asked for lately; it may be gone."""
        now = self._clock()
        for digest, since in list(sender.processing.items()):
            if now - since < QUIET_SECONDS:
                continue  # the browser asks
            try:
                node = await self._stores.node(sender.session)
                state = await node.port.get_upload(self._stores.own_grant(sender.session, Action.WRITE), digest)
            except NotFoundError:
                del sender.processing[digest]
            except WebViewerError as error:
                _log.warning("upload not known", cause=error.code)
                if now - since > _PATIENCE_SECONDS:
                    del sender.processing[digest]
            else:
                self.asked(sender.session, state)

    async def _find(self, sender: _Sender, study: str) -> StudySummary | None:
        try:
            node = await self._stores.node(sender.session)
            return (await self._stores.look(node, self._stores.own(sender.session)[0], study)).study
        except WebViewerError as error:
            _log.warning("study of an upload not known", cause=error.code)
            return None

    async def _note(self, sender: _Sender, study: str, images: int, found: StudySummary | None) -> None:
        details: dict[str, str | int | bool] = {"images": images} | ({} if found else {"study": study})
        try:
            await self._audit.note("uploaded", sender.viewer, found, details)
        except WebViewerError as error:
            _log.error("upload not in the viewing audit", session=sender.session.id, cause=error.code)
