"""MPR and Volume windows through the whole engine: opening, drawing, loading, budgets, workers that die."""

import asyncio
import io
import os
import signal

import numpy as np
import pydicom
import pytest
import pytest_asyncio
from PIL import Image

from webviewer.domain.view import Quality
from webviewer.wire.frame import FrameFlag
from webviewer_render import devices

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIZE = (128, 96)
AIR, TISSUE = -1000.0, 40.0


def picture(payload):
    return np.asarray(Image.open(io.BytesIO(payload)))


async def until(condition, deadline=30.0):
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory, start_node):
    async with start_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def series(node, phantom, tmp_path_factory):
    return await node.store(phantom("volume").instances(), tmp_path_factory.mktemp("volume"))


@pytest.fixture
def library(node):
    """The library, empty again after the test."""
    yield node.render.context.library
    node.render.context.library.close()


async def test_an_opened_stack_tells_where_its_voxels_lie(node, library, series):
    async with node.tab() as tab:
        opened = await node.open(tab, series)
    volume = opened["volume"]
    assert volume["shape"] == [24, 96, 128]
    assert volume["across"] == pytest.approx([3.4, 0, 0])
    assert volume["places"][-1] == pytest.approx(23 * 20)
    assert opened["volume_problem"] is None
    assert opened["volume_notices"] == []


async def test_the_mpr_window_opens_in_the_middle_of_the_volume(node, library, series):
    async with node.tab() as tab:
        opened = await node.open(tab, series, SIZE, window="mpr", orientation="coronal")
        header, payload = await tab.final()
    view = opened["view"]
    assert (view["kind"], view["row"], view["column"]) == ("mpr", [1, 0, 0], [0, 0, -1])
    assert view["center"] == pytest.approx([0, 0, -80])
    assert header.quality is Quality.LOSSLESS
    assert picture(payload).shape == SIZE[::-1]
    assert picture(payload).max() > 0


async def test_an_axial_plane_through_a_slice_is_the_slice(node, library, series):
    async with node.tab() as tab:
        opened = await node.open(tab, series, SIZE)
        await tab.view(position=opened["slices"][7]["position"], window={"center": 40, "width": 400})
        slice_picture = picture((await tab.final())[1])
        grid = opened["volume"]
        first, last = (
            np.array(opened["slices"][7]["origin"]),
            np.array(grid["across"]) * 127 + np.array(grid["down"]) * 95,
        )
        center = (first + last / 2).tolist()
        await node.open(tab, series, SIZE, viewport=1, window="mpr")
        await tab.view(viewport=1, center=center, extent=96 * 3.4, window={"center": 40, "width": 400})
        plane_picture = picture((await tab.final(viewport=1))[1])
    assert np.array_equal(slice_picture, plane_picture)


async def test_a_moving_plane_gets_previews_and_a_resting_one_a_lossless_frame(node, library, series):
    async with node.tab() as tab:
        await node.open(tab, series, SIZE, window="mpr")
        await tab.final()
        tab.frames.clear()
        for step in range(30):
            await tab.view(active=True, center=[0, 0, -80 + step], slab=5.0)
            await asyncio.sleep(0.005)
        header, _ = await tab.final()
    assert header.sequence == tab.sequence
    sequences = [frame.sequence for frame, _ in tab.frames]
    assert sequences == sorted(sequences)
    assert tab.frames[0][0].quality is Quality.PREVIEW


async def test_a_projection_is_previewed_at_half_size_and_ends_in_a_good_picture(node, library, series):
    async with node.tab() as tab:
        opened = await node.open(tab, series, (800, 640), window="volume")
        assert opened["view"]["kind"] == "volume"
        await tab.wait(lambda: any(frame.quality is Quality.FINAL for frame, _ in tab.frames))
        tab.frames.clear()
        bone = [
            {"value": 150, "opacity": 0, "colour": [0.4, 0.2, 0.2]},
            {"value": 900, "opacity": 0.9, "colour": [1, 0.9, 0.8]},
        ]
        sequence = await tab.view(active=True, mode="composite", transfer=bone, row=[0, 1, 0], column=[0, 0, -1])
        await tab.wait(lambda: any(f.quality is Quality.FINAL and f.sequence == sequence for f, _ in tab.frames))
    preview, final = tab.frames[0], tab.frames[-1]
    assert preview[0].quality is Quality.PREVIEW
    assert preview[0].flags & FrameFlag.REDUCED
    assert (preview[0].width, preview[0].height) == (400, 320)
    assert (final[0].width, final[0].height) == (800, 640)
    assert final[0].flags & FrameFlag.COLOUR
    assert picture(final[1]).max() > 100


async def test_what_is_seen_is_found_in_the_patient(node, library, series):
    async with node.tab() as tab:
        await node.open(tab, series, SIZE, window="mpr")
        await tab.final()
        await tab.send(type="pick", viewport=0, id=3, at=[10.0, -20.0])
        plane = await tab.message("answer")
        await node.open(tab, series, SIZE, viewport=1, window="volume")
        await tab.wait(lambda: any(frame.viewport == 1 for frame, _ in tab.frames))
        before = len(tab.messages)
        await tab.send(type="pick", viewport=1, id=4, at=[0.0, 0.0])
        projection = await tab.message("answer", after=before)
    assert (plane["id"], plane["unit"]) == (3, "HU")
    assert plane["point"] == pytest.approx([10, -20, -80])
    assert plane["value"] is not None
    assert projection["id"] == 4
    assert projection["point"][0] == pytest.approx(0, abs=3)
    assert projection["point"][2] == pytest.approx(-80, abs=3)


async def test_a_series_that_is_no_volume_says_why(node, library, phantom, tmp_path):
    two = await node.store(phantom("two", slices=2).instances(), tmp_path)
    async with node.tab() as tab:
        opened = await node.open(tab, two)
        refused = await tab.open(two, node.pixels_token(two), SIZE, viewport=1, window="mpr")
    assert opened["volume"] is None
    assert opened["volume_problem"] == {"code": "too-few", "images": 2}
    assert (refused["type"], refused["code"]) == ("closed", "not_a_volume")
    assert refused["values"] == {"cause": "too-few", "images": "2"}


async def test_wrong_directions_and_views_of_other_windows_are_refused(node, library, series):
    async with node.tab() as tab:
        await node.open(tab, series, SIZE, window="mpr")
        await tab.final()
        for patch in (
            {"row": [2, 0, 0]},
            {"row": [0, 1, 0]},
            {"kind": "image"},
            {"slab": -1},
            {"extent": float("inf")},
        ):
            before = len(tab.messages)
            await tab.view(**patch)
            assert (await tab.message("error", after=before))["code"] == "invalid"
        await tab.view(slab=3)
        header, _ = await tab.final()
    assert header.sequence == tab.sequence


async def test_planes_fill_in_while_slices_come_and_end_complete(node, library, phantom, tmp_path):
    many = await node.store(phantom("many", slices=150, rows=256, columns=256).instances(), tmp_path)
    async with node.tab() as tab:
        await node.open(tab, many, (256, 256), window="mpr", orientation="sagittal")
        header, payload = await tab.final()
        await tab.loaded()
    assert not header.flags & FrameFlag.NEIGHBOUR
    partial = [frame for frame, _ in tab.frames[:-1] if frame.flags & FrameFlag.NEIGHBOUR]
    assert all(frame.quality is Quality.PREVIEW for frame in partial)
    # The first one, and one with each report of progress: drawn with every slice they would delay the slices.
    assert len(partial) <= 1 + sum(message["type"] == "progress" for message in tab.messages)
    assert picture(payload).any()


async def test_slices_that_are_left_out_are_not_waited_for(node, library, phantom, tmp_path):
    first, *slices = phantom("damaged-first").instances()
    dataset = pydicom.dcmread(io.BytesIO(first))
    dataset.PhotometricInterpretation = "ODD"  # has no picture
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    series = await node.store([buffer.getvalue(), *slices], tmp_path)
    async with node.tab() as tab:
        opened = await node.open(tab, series, window="mpr")
        await tab.final()
        await tab.loaded()
        told = [message for message in tab.messages if message["type"] == "progress"]
    assert {"code": "left-out", "value": 1.0} in opened["volume_notices"]
    assert (told[-1]["received"], told[-1]["total"]) == (23, 23)


async def test_a_worker_killed_during_a_drag_costs_a_pause_and_no_error(node, library, series):
    pool = node.render.context.pool
    await until(lambda: pool.spare_pid)
    async with node.tab() as tab:
        await node.open(tab, series, SIZE, window="volume")
        await tab.wait(lambda: any(frame.quality is Quality.FINAL for frame, _ in tab.frames))
        for step in range(60):
            angle = step * 0.05
            row = [float(np.cos(angle)), float(np.sin(angle)), 0.0]
            await tab.view(active=True, row=row)
            if step == 30:
                os.kill(pool.pids[0], signal.SIGKILL)
            await asyncio.sleep(0.005)
        await tab.wait(lambda: any(f.quality is Quality.FINAL and f.sequence == tab.sequence for f, _ in tab.frames))
        assert [m for m in tab.messages if m["type"] in {"error", "closed"}] == []


async def test_a_volume_over_the_budget_is_reduced_and_says_so(phantom, tmp_path, start_node):
    slice_bytes = 2 * 128 * 128
    async with start_node(tmp_path / "node", volume_budget_bytes=24 * slice_bytes) as node:
        series = await node.store(phantom("large", rows=128, columns=128, slices=40).instances(), tmp_path)
        async with node.tab() as tab:
            opened = await node.open(tab, series, SIZE, window="mpr", orientation="coronal")
            _, payload = await tab.final()
            assert opened["volume"]["shape"] == [40, 64, 64]
            assert opened["volume_notices"] == [{"code": "reduced", "value": 2}]
            assert picture(payload).any()
            assert node.render.context.library.resident_bytes <= 24 * slice_bytes


async def test_a_volume_beyond_all_reduction_is_refused_with_a_reason(phantom, tmp_path, start_node):
    async with start_node(tmp_path / "node", volume_budget_bytes=4096) as node:
        series = await node.store(phantom("huge").instances(), tmp_path)
        async with node.tab() as tab:
            refused = await tab.open(series, node.pixels_token(series), SIZE, window="volume")
    assert (refused["type"], refused["code"]) == ("closed", "too_large")
    assert "stack" in refused["message"]


async def test_the_same_plane_is_served_from_the_cache_the_second_time(node, library, series):
    async with node.tab() as tab:
        await node.open(tab, series, SIZE, window="mpr")
        _, first = await tab.final()
        await tab.view(slab=7)
        await tab.final()
        await tab.view(slab=0)
        _, again = await tab.final()
    assert first == again


@pytest.mark.parametrize("death", [signal.SIGSEGV, signal.SIGKILL])
async def test_opengl_that_crashes_during_a_drag_costs_a_pause_and_nobody_else_anything(
    phantom, tmp_path, start_node, death
):
    device = next((device for device in devices.find() if device.backend == "vtk"), None)
    if device is None:
        pytest.skip("VTK is not installed")
    async with start_node(tmp_path / "node", device=device.index, render_workers=2) as node:
        mine, others = [await node.store(phantom(name).instances(), tmp_path) for name in ("mine", "others")]
        pool = node.render.context.pool
        await until(lambda: pool.spare_pid)
        async with node.tab("me") as tab, node.tab("other") as other:
            for each, series in ((tab, mine), (other, others)):
                await node.open(each, series, SIZE, window="volume")
                await each.wait(lambda each=each: any(frame.quality is Quality.FINAL for frame, _ in each.frames))
            victim, bystander = pool.pids
            for step in range(40):
                row = [float(np.cos(step * 0.05)), float(np.sin(step * 0.05)), 0.0]
                await tab.view(active=True, row=row)
                await other.view(active=True, row=row)
                if step == 20:
                    await until(lambda: pool.lanes[0].worker is None or pool.lanes[0].worker.jobs)
                    os.kill(victim, death)
                await asyncio.sleep(0.005)
            for each in (tab, other):
                await each.wait(
                    lambda each=each: any(
                        f.quality is Quality.FINAL and f.sequence == each.sequence for f, _ in each.frames
                    )
                )
                assert [m for m in each.messages if m["type"] in {"error", "closed"}] == []
            assert victim not in pool.pids
            assert pool.pids[1] == bystander
