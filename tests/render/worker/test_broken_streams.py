"""Streams from the storage node that break."""

import pytest

from webviewer.roles import Peers
from webviewer_storage.role import ROLE as STORAGE


class Breaking:
    """The storage node's application, whose streams of frames break after so many bytes, so many times."""

    def __init__(self, app, times, after):
        self.app, self.times, self.after = app, times, after
        self.streams = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != "/v1/frames":
            await self.app(scope, receive, send)
            return
        self.streams += 1
        left = self.after if self.streams <= self.times else None

        async def counting(message):
            nonlocal left
            if left is not None and message["type"] == "http.response.body":
                if left <= 0:
                    raise ConnectionResetError
                message = {**message, "body": message.get("body", b"")[:left]}
                left -= len(message["body"])
            await send(message)

        try:
            await self.app(scope, receive, counting)
        except ConnectionResetError:
            raise
        except BaseException:
            if left is None:
                raise
            raise ConnectionResetError from None


@pytest.mark.parametrize("after", [0, 50_000, 300_000])
async def test_a_stream_that_breaks_is_taken_up_again(tmp_path, phantom, start_node, serve_app, after):
    async with start_node(tmp_path, over_http=True) as node:
        series = await node.store(phantom("breaking", slices=40).instances(), tmp_path)
        breaking = Breaking(STORAGE.create_app(node.storage, Peers()), times=2, after=after)
        async with serve_app(breaking) as node.storage_url, node.tab() as tab:
            await node.open(tab, series)
            await tab.loaded()
            header, _ = await tab.final()
    assert header.slice_index == 0
    assert breaking.streams >= 3
    assert [m for m in tab.messages if m["type"] == "error"] == []


async def test_storage_that_stays_away_is_told_and_a_new_opening_tries_again(
    tmp_path, phantom, start_node, serve_app, monkeypatch
):
    from webviewer_render.decoded import series as module

    monkeypatch.setattr(module, "_RETRY_SECONDS", (0.01, 0.02))
    async with start_node(tmp_path, over_http=True) as node:
        series = await node.store(phantom("away", slices=10).instances(), tmp_path)
        breaking = Breaking(STORAGE.create_app(node.storage, Peers()), times=10**6, after=0)
        async with serve_app(breaking) as node.storage_url, node.tab() as tab:
            await node.open(tab, series)
            error = await tab.message("error")
            assert (error["code"], error["viewport"]) == ("peer_unavailable", 0)
            breaking.times = 0
            await node.open(tab, series, viewport=1)
            await tab.loaded(viewport=1)
            await tab.final(viewport=1)
