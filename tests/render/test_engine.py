"""The whole engine: sessions, flow, shared memory, workers that die."""

import asyncio
import contextlib
import os
import signal

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from webviewer import cli
from webviewer.domain.view import Quality
from webviewer.wire.frame import FrameFlag

pytestmark = pytest.mark.asyncio(loop_scope="module")


def metric(name, **labels):
    return REGISTRY.get_sample_value(f"webviewer_render_{name}", labels) or 0.0


async def until(condition, deadline=30.0):
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory, start_node):
    async with start_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture
def library(node):
    """The library, empty again after the test."""
    yield node.render.context.library
    node.render.context.library.close()


async def test_of_200_window_changes_in_2_seconds_while_loading_the_last_is_shown_and_nothing_queues(
    node, library, phantom, tmp_path
):
    series = await node.store(phantom("many", slices=120, rows=256, columns=256).instances(), tmp_path)
    pool = node.render.context.pool
    most_pending = 0
    dropped = metric("dropped_states_total")
    async with node.tab() as tab:
        await node.open(tab, series, (256, 256))
        started = asyncio.get_running_loop().time()
        for step in range(200):
            await tab.view(active=True, window={"center": 40, "width": 100 + step})
            most_pending = max(most_pending, pool.pending)
            await asyncio.sleep(max(0.0, started + 0.01 * (step + 1) - asyncio.get_running_loop().time()))
        moved = len(tab.frames)
        header, _ = await tab.final()
        await tab.loaded()
    assert (header.sequence, header.window_width) == (200, 299)
    assert most_pending <= 1
    assert pool.pending == 0
    # After the last change: the preview that was under way, one of the last state, and the final frame.
    assert len(tab.frames) - moved <= 3
    sequences = [frame.sequence for frame, _ in tab.frames]
    assert sequences == sorted(sequences)
    shown = len({frame.sequence for frame, _ in tab.frames})
    assert metric("dropped_states_total") - dropped >= 200 - shown - 2


async def test_changes_in_one_burst_are_dropped_but_for_the_last(node, library, phantom, tmp_path):
    series = await node.store(phantom("burst").instances(), tmp_path)
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.final()
        before = len(tab.frames)
        for step in range(200):
            await tab.view(active=True, window={"center": 40, "width": 100 + step})
        header, _ = await tab.final()
    assert header.window_width == 299
    # The first one is drawn at once, the last one when that is done, then the final frame.
    assert len(tab.frames) - before <= 4


async def test_without_acknowledgements_at_most_six_frames_are_on_their_way(node, library, phantom, tmp_path):
    series = await node.store(phantom("acks").instances(), tmp_path)
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.final()
        await tab.loaded()
        tab.acknowledges = False
        tab.frames.clear()
        for step in range(40):
            await tab.view(active=True, invert=bool(step % 2), zoom=1 + step / 100)
            await asyncio.sleep(0.005)
        assert 1 <= len(tab.frames) <= 6
        held = len(tab.frames)
        tab.acknowledges = True
        await tab.send(type="ack", viewport=0, serial=tab.frames[-1][0].serial)
        header, _ = await tab.final()
    assert header.sequence == tab.sequence
    assert len(tab.frames) - held <= 2


async def test_a_killed_worker_costs_a_pause_and_no_error(node, library, phantom, tmp_path):
    series = await node.store(phantom("killed").instances(), tmp_path)
    pool = node.render.context.pool
    await until(lambda: pool.spare_pid)
    spare = pool.spare_pid
    restarts = metric("worker_restarts_total")
    async with node.tab() as tab:
        opened = await node.open(tab, series)
        await tab.loaded()
        await tab.final()
        for step in range(60):
            await tab.view(active=True, position=opened["slices"][step % 24]["position"])
            if step == 30:
                os.kill(pool.pids[0], signal.SIGKILL)
            await asyncio.sleep(0.005)
        header, _ = await tab.final()
        assert [m for m in tab.messages if m["type"] in {"error", "closed"}] == []
    assert header.slice_index == 59 % 24
    assert pool.pids == [spare]
    assert metric("worker_restarts_total") == restarts + 1


async def test_a_worker_killed_while_it_loads_is_followed_by_one_that_loads_the_rest(node, library, phantom, tmp_path):
    series = await node.store(phantom("loading", slices=150, rows=400, columns=400).instances(), tmp_path)
    pool = node.render.context.pool
    await until(lambda: pool.spare_pid)
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.wait(lambda: any(m["type"] == "progress" or tab.frames for m in tab.messages))
        os.kill(pool.pids[0], signal.SIGKILL)
        progress = await tab.loaded()
        await tab.final()
        assert [m for m in tab.messages if m["type"] in {"error", "closed"}] == []
    assert progress["received"] == 150


async def test_a_picture_that_kills_two_workers_is_refused_and_the_next_one_is_drawn(
    node, library, phantom, tmp_path, monkeypatch
):
    series = await node.store(phantom("deadly").instances(), tmp_path)
    pool = node.render.context.pool
    await until(lambda: pool.spare_pid)
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.loaded()
        await tab.final()
        worker_send = type(pool.lanes[0].worker).send

        def deadly(worker, message, payload=b""):
            if getattr(message, "op", "") == "render" and message.view.zoom == 6.66:
                worker.kill()
            worker_send(worker, message, payload)

        monkeypatch.setattr(type(pool.lanes[0].worker), "send", deadly)
        await tab.view(zoom=6.66)
        error = await tab.message("error")
        await tab.view(zoom=2)
        header, _ = await tab.final()
    assert (error["code"], error["viewport"]) == ("unsupported_image", 0)
    assert header.sequence == 2


async def test_two_sessions_share_the_memory_of_a_series(node, library, phantom, tmp_path):
    series = await node.store(phantom("shared").instances(), tmp_path)
    loaded = metric("loaded_frames_total")
    async with node.tab("one") as first, node.tab("two") as second:
        await node.open(first, series)
        await first.loaded()
        await node.open(second, series)
        await second.loaded()
        one, two = await first.final(), await second.final()
    assert one[1] == two[1]
    assert metric("loaded_frames_total") - loaded == 24
    assert len(library) == 1


async def test_a_series_stays_for_the_next_viewport_and_finals_come_from_the_cache(node, library, phantom, tmp_path):
    series = await node.store(phantom("again").instances(), tmp_path)
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.loaded()
        _, first = await tab.final()
    loaded, hits = metric("loaded_frames_total"), metric("frame_cache_hits_total")
    async with node.tab("another") as tab:
        await node.open(tab, series)
        await tab.loaded()
        _, second = await tab.final()
    assert first == second
    assert metric("loaded_frames_total") == loaded
    assert metric("frame_cache_hits_total") == hits + 1


async def test_a_damaged_slice_says_why_and_the_others_are_shown(node, library, phantom, tmp_path):
    contents = list(phantom("damaged").instances())
    # Says it is JPEG-LS, and is not.
    from io import BytesIO

    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLSLossless

    dataset = dcmread(BytesIO(contents[5]))
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xf7nonsense"])
    buffer = BytesIO()
    dataset.save_as(buffer)
    contents[5] = buffer.getvalue()
    series = await node.store(contents, tmp_path)
    async with node.tab() as tab:
        opened = await node.open(tab, series)
        await tab.final()
        await tab.wait(lambda: any(m["type"] == "progress" and m["received"] == 23 for m in tab.messages))
        await tab.view(position=opened["slices"][5]["position"])
        error = await tab.message("error")
        await tab.view(position=opened["slices"][6]["position"])
        header, _ = await tab.final()
    assert error["code"] == "damaged"
    assert error["viewport"] == 0
    assert header.slice_index == 6


async def test_an_abrupt_end_of_many_links_leaks_nothing(node, library, phantom, tmp_path):
    series = await node.store(phantom("abrupt").instances(), tmp_path)
    links = metric("links")
    viewports = metric("viewports")

    async def use(number):
        async with node.tab(f"abrupt {number % 4}") as tab:
            await node.open(tab, series)
            await tab.view(active=True, zoom=2)
            await asyncio.sleep(number / 1000)
            raise ConnectionResetError

    results = await asyncio.gather(*(use(number) for number in range(24)), return_exceptions=True)
    assert all(isinstance(result, ConnectionResetError) for result in results)
    assert metric("links") == links
    assert metric("viewports") == viewports
    (only,) = library._series.values()
    assert only.references == 0
    assert not only.watchers
    await until(lambda: not only.pins)
    assert node.render.context.pool.pending == 0


async def test_a_large_viewport_gets_reduced_previews_and_a_full_final_frame(node, library, phantom, tmp_path):
    series = await node.store(phantom("large").instances(), tmp_path)
    async with node.tab() as tab:
        await node.open(tab, series, (2400, 1800))
        await tab.final()
        tab.frames.clear()
        await tab.view(active=True, invert=True)
        final, _ = await tab.final()
    preview = tab.frames[0][0]
    assert preview.quality is Quality.PREVIEW
    assert preview.flags & FrameFlag.REDUCED
    assert preview.width * preview.height <= 1_510_000
    assert (final.width, final.height) == (2400, 1800)
    assert not final.flags & FrameFlag.REDUCED


async def test_draining_ends_all_links_with_the_code_for_moving(tmp_path, phantom, start_node):
    from webviewer.errors import DrainingError
    from webviewer.ports.render import LinkClosedError

    async with start_node(tmp_path) as node:
        series = await node.store(phantom("drain").instances(), tmp_path)
        async with node.tab() as tab:
            await node.open(tab, series)
            await tab.final()
            node.port.drain()
            await until(lambda: tab.error)
            assert isinstance(tab.error, LinkClosedError)
            assert tab.error.close_code == 4001
            with pytest.raises(LinkClosedError):
                await tab.view(zoom=2)
        with pytest.raises(DrainingError):
            async with node.tab():
                pass
        with pytest.raises(DrainingError):
            await node.port.ping()


async def test_a_series_beyond_the_budget_is_shown_in_pieces(tmp_path, phantom, start_node):
    slices, side = 60, 128
    budget = 20 * side * side * 2
    async with start_node(tmp_path, volume_budget_bytes=budget) as node:
        series = await node.store(phantom("budget", slices=slices, rows=side, columns=side).instances(), tmp_path)
        library = node.render.context.library
        async with node.tab() as tab:
            opened = await node.open(tab, series)
            for index in [0, 59, 30, 31, 35, 45, 12, *range(12, 60, 3)]:
                await tab.view(position=opened["slices"][index]["position"])
                header, _ = await tab.final()
                assert header.slice_index == index
                assert library.resident_bytes <= budget
            (only,) = library._series.values()
            used = os.fstat(only.arena.descriptor).st_blocks * 512
            assert used <= budget + 64 * 1024
        other = await node.store(phantom("other", slices=10, rows=side, columns=side).instances(), tmp_path)
        async with node.tab() as tab:
            await node.open(tab, other)
            await tab.loaded()
        assert library.resident_bytes <= budget


@pytest.mark.contract("D12")
@pytest.mark.parametrize("option", ["--no-volume-cache", "--no-cache", ""])
async def test_an_image_that_is_opened_again_is_decoded_again_where_caches_are_off(
    tmp_path, phantom, start_node, option
):
    options = vars(cli._parser().parse_args(["render", *([option] if option else [])]))
    del options["run"], options["command"]
    settings = cli._settings(options)
    caches = {"no_image_cache": settings.no_image_cache, "no_volume_cache": settings.no_volume_cache}
    async with start_node(tmp_path, **caches) as node:
        series = await node.store(phantom("nothing").instances(), tmp_path)
        hits = metric("series_hits_total")
        for _ in range(2):
            async with node.tab() as tab:
                await node.open(tab, series)
                await tab.final()
                await tab.loaded()
            await until(lambda: option == "" or len(node.render.context.library) == 0)
        assert metric("series_hits_total") - hits == (0 if option else 1)
        assert bool(node.render.context.frames.bytes) == (option in {"", "--no-volume-cache"})


@pytest.mark.contract("D10")
async def test_a_narrow_line_gets_smaller_previews_and_a_lossless_end(tmp_path, phantom, start_node):
    rate = 200_000
    async with start_node(tmp_path, render_bandwidth=rate) as node:
        series = await node.store(phantom("narrow", rows=256, columns=256).instances(), tmp_path)
        async with node.tab() as tab:
            opened = await node.open(tab, series, (512, 512))
            await tab.final()
            await tab.loaded()
            before, started = len(tab.frames), asyncio.get_running_loop().time()
            for step in range(100):
                await tab.view(active=True, position=opened["slices"][step % 24]["position"])
                await asyncio.sleep(0.01)
            elapsed = asyncio.get_running_loop().time() - started
            sent = sum(len(payload) for _, payload in tab.frames[before:])
            header, _ = await tab.final()
    assert sent <= rate * (elapsed + 0.5) + 60_000
    assert any(frame.flags & FrameFlag.REDUCED for frame, _ in tab.frames[before:])
    assert header.quality is Quality.LOSSLESS


async def test_pictures_are_the_same_bytes_whoever_draws_them(tmp_path, phantom, start_node):
    pictures = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with start_node(folder) as node:
            series = await node.store(phantom("same").instances(), folder)
            async with node.tab() as tab:
                opened = await node.open(tab, series, (301, 257))
                await tab.view(
                    position=opened["slices"][11]["position"], rotation=33, zoom=1.7, window={"center": 30, "width": 77}
                )
                pictures.append((await tab.final())[1])
    assert pictures[0] == pictures[1]


async def test_no_process_is_left_when_the_node_stops(tmp_path, start_node):
    async with start_node(tmp_path) as node:
        pool = node.render.context.pool
        await until(lambda: pool.spare_pid)
        pids = [*pool.pids, pool.spare_pid]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            pytest.fail(f"{pid} still runs")
