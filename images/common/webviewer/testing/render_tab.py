"""A browser tab for tests: what the page does with a link to a render node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from webviewer.domain.view import Quality
from webviewer.ports.render import RenderLink
from webviewer.wire.frame import HEADER_LENGTH, FrameFlag, FrameHeader

DEADLINE_SECONDS = 60.0


class Tab:
    """Reads a link in the background, acknowledges frames unless told not to, and keeps everything it received."""

    def __init__(self, link: RenderLink) -> None:
        self.link = link
        self.acknowledges = True
        self.frames: list[tuple[FrameHeader, bytes]] = []
        self.messages: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        self.sequence = 0
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def send(self, **message: object) -> None:
        """Send a message."""
        await self.link.send(json.dumps(message))

    async def open(  # noqa: PLR0913 - the fields of the message
        self,
        series: str,
        token: str,
        size: tuple[int, int] = (64, 64),
        *,
        viewport: int = 0,
        storage: str | None = None,
        window: str = "image",
        orientation: str = "axial",
        view: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Open a viewport and return ``opened``."""
        before = len(self.messages)
        await self.send(
            type="open",
            viewport=viewport,
            series=series,
            size=size,
            window=window,
            orientation=orientation,
            view=view,
            pixels={"token": token, "storage": storage},
        )
        return await self.message("opened", "closed", after=before)

    async def view(
        self, *, viewport: int = 0, active: bool = False, size: tuple[int, int] | None = None, **patch: object
    ) -> int:
        """Send a change and return its sequence."""
        self.sequence += 1
        await self.send(type="view", viewport=viewport, sequence=self.sequence, patch=patch, active=active, size=size)
        return self.sequence

    async def wait(self, condition: Callable[[], object], deadline: float = DEADLINE_SECONDS) -> None:
        """Wait until ``condition`` holds; looks whenever something was received. Raises what ended the link."""
        async with self._news, asyncio.timeout(deadline):
            while not condition():
                if self.error is not None:
                    raise self.error
                await self._news.wait()

    async def message(self, *kinds: str, after: int = 0) -> dict[str, Any]:
        """Return the first message of one of the kinds from index ``after`` on."""

        def find() -> dict[str, Any] | None:
            return next((item for item in self.messages[after:] if item["type"] in kinds), None)

        await self.wait(find)
        found = find()
        return found if found is not None else {}

    async def final(self, viewport: int = 0) -> tuple[FrameHeader, bytes]:
        """Return the lossless frame of the newest state, header and encoded picture."""

        def find() -> tuple[FrameHeader, bytes] | None:
            for header, payload in reversed(self.frames):
                if header.viewport == viewport:
                    good = header.quality is Quality.LOSSLESS and not header.flags & FrameFlag.NEIGHBOUR
                    return (header, payload) if good and header.sequence >= self.sequence else None
            return None

        await self.wait(find)
        found = find()
        if found is None:
            text = "the frame has gone"
            raise AssertionError(text)
        return found

    async def loaded(self, viewport: int = 0) -> dict[str, Any]:
        """Wait until the whole series is there; return the last progress."""

        def find() -> dict[str, Any] | None:
            progress = [m for m in self.messages if m["type"] == "progress" and m["viewport"] == viewport]
            return progress[-1] if progress and progress[-1]["received"] == progress[-1]["total"] else None

        await self.wait(find)
        return find() or {}

    async def _read(self) -> None:
        try:
            while True:
                received = await self.link.receive()
                if isinstance(received, bytes):
                    header = FrameHeader.unpack(received)
                    self.frames.append((header, received[HEADER_LENGTH:]))
                    if self.acknowledges:
                        await self.send(type="ack", viewport=header.viewport, serial=header.serial)
                else:
                    self.messages.append(json.loads(received))
                await self._notify()
        except Exception as error:  # noqa: BLE001 - shown to whoever waits
            self.error = error
            await self._notify()

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()
