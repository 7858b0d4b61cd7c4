"""Conformance of :class:`webviewer.ports.render.RenderPort`.

Subclass :class:`RenderPortConformance` as ``Test…`` and give the fixture ``subject``, a :class:`Subject`. All tests of a
class run in one event loop, so that ``subject`` may live as long as the class.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from webviewer.domain.view import Quality
from webviewer.errors import DrainingError, ForbiddenError, NodeFullError, NotAuthenticatedError, UnsupportedImageError
from webviewer.ports.render import RenderPort
from webviewer.testing.render_tab import Tab
from webviewer.wire.frame import FrameFlag
from webviewer.wire.messages import MAX_MESSAGE_BYTES

_OK = {"width": 64, "height": 48}
_PNG = b"\x89PNG"
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Subject:
    """A node under test.

    ``series`` has at least 8 slices of 96 x 128 CT pixels; ``no_images`` is a series without pictures. ``slots`` is how many
    sessions the node takes. ``wrong_token`` is a token for ``view`` that the node must not accept, ``powerless_token`` one
    that lacks ``view``; ``operate_token`` allows to drain the node.
    """

    port: RenderPort
    series: str
    no_images: str
    slots: int
    storage: str | None
    view_token: Callable[[str], str]
    pixels_token: Callable[[str], str]
    wrong_token: str
    powerless_token: str
    operate_token: str

    @asynccontextmanager
    async def tab(self, session: str = "session") -> AsyncIterator[Tab]:
        """Connect as a browser tab would."""
        async with self.port.connect(self.view_token(session)) as link:
            tab = Tab(link)
            try:
                yield tab
            finally:
                await tab.stop()

    async def open(self, tab: Tab, size: tuple[int, int] = (64, 48), viewport: int = 0) -> list[float]:
        """Open the series and return the positions of its slices."""
        token = self.pixels_token(self.series)
        opened = await tab.open(self.series, token, size, viewport=viewport, storage=self.storage)
        assert opened["type"] == "opened", opened
        return [piece["position"] for piece in opened["slices"]]


class RenderPortConformance:
    """What control relies on."""

    async def test_a_ping_returns_when_the_node_can_draw(self, subject: Subject) -> None:
        await subject.port.ping()

    async def test_an_opened_viewport_shows_the_first_slice_lossless(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            await subject.open(tab)
            header, payload = await tab.final()
        assert (header.width, header.height, header.slice_index) == (_OK["width"], _OK["height"], 0)
        assert header.payload_length == len(payload)
        assert payload.startswith(_PNG)

    async def test_a_moving_hand_gets_previews_and_a_resting_one_the_final_frame(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            await subject.open(tab)
            await tab.final()
            tab.frames.clear()
            sequence = await tab.view(active=True, window={"center": 50, "width": 100})
            header, _ = await tab.final()
        assert header.sequence == sequence
        assert (header.window_center, header.window_width) == (50, 100)
        assert tab.frames[0][0].quality is Quality.PREVIEW
        assert tab.frames[0][1].startswith(_JPEG)

    async def test_serials_rise_by_one_and_sequences_never_go_back(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            positions = await subject.open(tab)
            for step in range(60):
                await tab.view(active=True, position=positions[step % len(positions)])
            await tab.view(position=positions[3])
            header, _ = await tab.final()
        serials = [frame.serial for frame, _ in tab.frames]
        sequences = [frame.sequence for frame, _ in tab.frames]
        assert header.slice_index == 3
        assert serials == list(range(serials[0], serials[0] + len(serials)))
        assert sequences == sorted(sequences)

    async def test_progress_tells_when_all_slices_have_arrived(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            positions = await subject.open(tab)
            progress = await tab.loaded()
        assert progress["ranges"] == [[0, len(positions)]]

    async def test_a_query_is_answered_with_value_unit_and_place(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            positions = await subject.open(tab)
            await tab.loaded()
            await tab.send(type="query", viewport=0, id=7, point=[0, 0], position=positions[0])
            inside = await tab.message("answer")
            await tab.send(type="query", viewport=0, id=8, point=[-20, 0], position=positions[0])
            outside = await tab.message("answer", after=len(tab.messages))
        assert (inside["id"], inside["value"], inside["unit"]) == (7, -1000, "HU")
        assert inside["point"] is not None
        assert (outside["id"], outside["value"]) == (8, None)

    async def test_percentiles_are_answered_with_a_value_each(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            await subject.open(tab)
            await tab.loaded()
            await tab.send(type="percentiles", viewport=0, id=7, of="series", percents=[0, 50, 100])
            found = await tab.message("percentile-values")
        low, middle, high = found["values"]
        assert (found["id"], found["unit"], found["share"], low) == (7, "HU", 1, -1000)
        assert low <= middle <= high
        assert high > 0

    async def test_two_viewports_of_a_tab_are_independent(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            await subject.open(tab)
            await subject.open(tab, size=(32, 24), viewport=9)
            await tab.final(viewport=0)
            header, _ = await tab.final(viewport=9)
            await tab.send(type="close", viewport=0)
            await tab.view(viewport=9, invert=True)
            after, _ = await tab.final(viewport=9)
        assert (header.width, header.height) == (32, 24)
        assert after.serial > header.serial

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            "[]",
            "{}",
            '{"type": "view"}',
            '{"type": "bogus", "viewport": 0}',
            '{"type": "view", "viewport": 44, "sequence": 1}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"zoom": NaN}}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"position": NaN}}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"position": 1e300}}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"window": {"center": 1, "width": 0}}}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"window": {"center": Infinity, "width": 5}}}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"unknown": 1}}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"interpolation": "magic"}}',
            '{"type": "view", "viewport": 0, "sequence": 1, "size": [1, 100000]}',
            '{"type": "query", "viewport": 0, "id": 1, "point": [NaN, 0], "position": 0}',
            '{"type": "percentiles", "viewport": 0, "id": 1, "of": "region", "percents": [50]}',
            '{"type": "ack", "viewport": 0, "serial": 4000000}',
            '{"type": "view", "viewport": 0, "sequence": 1, "patch": {"x": ' + "[" * 5000 + "]" * 5000 + "}}",
            '{"type": "hello", "version": 1}' + " " * MAX_MESSAGE_BYTES,
        ],
    )
    async def test_a_wrong_message_is_answered_by_an_error_and_changes_nothing(
        self, subject: Subject, text: str
    ) -> None:
        async with subject.tab() as tab:
            await subject.open(tab)
            before, picture = await tab.final()
            await tab.link.send(text)
            error = await tab.message("error")
            await tab.view()
            after, same = await tab.final()
        assert error["code"] in {"invalid", "not_open", "too_large"}
        assert error["message"]
        assert after.sequence > before.sequence
        assert picture == same

    async def test_views_that_come_before_the_viewport_is_opened_are_merged(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            pixels = {"token": subject.pixels_token(subject.series), "storage": subject.storage}
            await tab.send(type="open", viewport=0, series=subject.series, size=[64, 48], pixels=pixels)
            await tab.view(zoom=2)
            await tab.view(invert=True)
            opened = await tab.message("opened")
            header, _ = await tab.final()
        assert (opened["view"]["zoom"], opened["view"]["invert"]) == (2, True)
        assert header.sequence == tab.sequence

    async def test_a_viewport_opens_in_the_state_it_is_given(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            positions = await subject.open(tab)
            await tab.view(position=positions[5], window={"center": 10, "width": 500}, zoom=1.5, rotation=20)
            first, picture = await tab.final()
            view = {"position": positions[5], "window": {"center": 10, "width": 500}, "zoom": 1.5, "rotation": 20}
        async with subject.tab("another") as tab:
            token = subject.pixels_token(subject.series)
            await tab.open(subject.series, token, (64, 48), storage=subject.storage, view=view)
            second, same = await tab.final()
        assert (second.slice_index, picture) == (first.slice_index, same)

    async def test_pixels_of_another_series_are_refused(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            token = subject.pixels_token(subject.no_images)
            closed = await tab.open(subject.series, token, storage=subject.storage)
            assert (closed["type"], closed["code"]) == ("closed", "forbidden")
            opened = await tab.open(subject.series, subject.pixels_token(subject.series), storage=subject.storage)
            assert opened["type"] == "opened"

    async def test_a_wrong_pixels_token_closes_the_viewport_with_the_reason(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            closed = await tab.open(subject.series, "nonsense", storage=subject.storage)
        assert (closed["type"], closed["code"]) == ("closed", "not_authenticated")

    async def test_a_series_without_pictures_says_why(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            token = subject.pixels_token(subject.no_images)
            closed = await tab.open(subject.no_images, token, storage=subject.storage)
        assert (closed["type"], closed["code"]) == ("closed", "unsupported_image")
        assert closed["message"]

    async def test_a_thumbnail_shows_the_middle_frame(self, subject: Subject) -> None:
        view, pixels = subject.view_token("session"), subject.pixels_token(subject.series)
        content, media_type = await subject.port.thumbnail(view, pixels, 64, subject.storage)
        again, _ = await subject.port.thumbnail(view, pixels, 64, subject.storage)
        assert media_type == "image/jpeg"
        assert content.startswith(_JPEG)
        assert content == again

    async def test_a_thumbnail_of_what_is_no_image_is_refused_with_the_reason(self, subject: Subject) -> None:
        with pytest.raises(UnsupportedImageError) as refused:
            await subject.port.thumbnail(
                subject.view_token("session"), subject.pixels_token(subject.no_images), 64, subject.storage
            )
        assert refused.value.message

    async def test_tokens_are_checked(self, subject: Subject) -> None:
        pixels = subject.pixels_token(subject.series)
        for token, expected in (
            ("", NotAuthenticatedError),
            ("nonsense", NotAuthenticatedError),
            (subject.wrong_token, NotAuthenticatedError),
            (subject.powerless_token, ForbiddenError),
        ):
            with pytest.raises(expected):
                await subject.port.thumbnail(token, pixels, 64, subject.storage)
            with pytest.raises(expected):
                async with subject.port.connect(token):
                    pass
        with pytest.raises(NotAuthenticatedError):
            await subject.port.thumbnail(subject.view_token("session"), "nonsense", 64, subject.storage)

    async def test_sessions_beyond_the_slots_are_refused_and_tabs_of_one_session_share_one(
        self, subject: Subject
    ) -> None:
        tokens = [subject.view_token(f"slot {number}") for number in range(subject.slots + 1)]
        refused = 0
        for token in tokens:
            try:
                async with subject.port.connect(token):
                    pass
            except NodeFullError:
                refused += 1
        assert refused >= 1
        async with subject.tab() as first, subject.tab() as second:
            await subject.open(first)
            await subject.open(second)
            await first.final()
            await second.final()

    async def test_a_node_says_how_many_sessions_it_holds(self, subject: Subject) -> None:
        before = await subject.port.load(subject.operate_token)
        assert (before.slots, before.draining) == (subject.slots, False)
        async with subject.tab() as tab:
            await subject.open(tab)
            during = await subject.port.load(subject.operate_token)
        assert 1 <= during.used <= subject.slots

    async def test_a_node_says_which_series_it_holds(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            await subject.open(tab)
            assert subject.series in await subject.port.held_series(subject.operate_token)
        with pytest.raises(ForbiddenError):
            await subject.port.held_series(subject.powerless_token)

    async def test_a_node_says_what_it_draws_on(self, subject: Subject) -> None:
        assert await subject.port.device(subject.operate_token)
        with pytest.raises(ForbiddenError):
            await subject.port.device(subject.powerless_token)

    async def test_a_draining_node_serves_its_sessions_and_refuses_new_ones(self, subject: Subject) -> None:
        async with subject.tab() as tab:
            await subject.open(tab)
            await tab.final()
            await subject.port.set_draining(subject.operate_token, draining=True, move=False)
            try:
                assert (await subject.port.load(subject.operate_token)).draining
                with pytest.raises(DrainingError):
                    async with subject.port.connect(subject.view_token("a newcomer")):
                        pass
                tab.frames.clear()
                await tab.view(window={"center": 45, "width": 300})
                await tab.final()
                async with subject.tab() as second:
                    await subject.open(second)
            finally:
                await subject.port.set_draining(subject.operate_token, draining=False, move=False)
        assert not (await subject.port.load(subject.operate_token)).draining

    async def test_only_who_may_operate_a_node_learns_its_load_and_drains_it(self, subject: Subject) -> None:
        for token, expected in (
            ("", NotAuthenticatedError),
            (subject.wrong_token, NotAuthenticatedError),
            (subject.view_token("session"), ForbiddenError),
        ):
            with pytest.raises(expected):
                await subject.port.load(token)
            with pytest.raises(expected):
                await subject.port.set_draining(token, draining=True, move=True)

    async def test_the_end_of_a_link_leaves_the_node_at_work(self, subject: Subject) -> None:
        for _ in range(3):
            async with subject.tab() as tab:
                await tab.send(
                    type="open",
                    viewport=0,
                    series=subject.series,
                    size=[64, 48],
                    pixels={"token": subject.pixels_token(subject.series), "storage": subject.storage},
                )
        async with subject.tab() as tab:
            await subject.open(tab)
            assert not (await tab.final())[0].flags & FrameFlag.NEIGHBOUR
