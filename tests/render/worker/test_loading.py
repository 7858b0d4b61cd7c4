"""Series of all kinds into memory, from local files and over HTTP."""

import asyncio
import io
from contextlib import asynccontextmanager

import numpy as np
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from webviewer.errors import PeerUnavailableError

pytestmark = pytest.mark.asyncio(loop_scope="module")


def metric(name):
    return REGISTRY.get_sample_value(f"webviewer_render_{name}") or 0.0


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["local", "http"])
async def node(request, tmp_path_factory, start_node):
    async with start_node(tmp_path_factory.mktemp("node"), over_http=request.param == "http") as node:
        yield node


def multi_frame(content, frames, syntax=ExplicitVRLittleEndian, bits=8):
    """Make a multi-frame secondary capture whose frame k is filled with k (bits 8) or has a bar at column k (bits 1)."""
    dataset = dcmread(io.BytesIO(content))
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness", "WindowCenter",
                    "WindowWidth", "WindowCenterWidthExplanation", "RescaleSlope", "RescaleIntercept", "RescaleType"):  # fmt: skip  # noqa: E501
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 7, 9, frames
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    pixels = np.zeros((frames, 7, 9), np.uint8)
    for number in range(frames):
        if bits == 1:
            pixels[number, :, number] = 1
        else:
            pixels[number] = number * 10
    packed = np.packbits(pixels.ravel(), bitorder="little") if bits == 1 else pixels
    content = packed.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


async def values(node, tab, point=(3, 3), frames=5):
    found = []
    for index in range(frames):
        await tab.send(type="query", viewport=0, id=index, point=point, position=index)
        await tab.wait(lambda index=index: any(m["type"] == "answer" and m["id"] == index for m in tab.messages))
        found.append(next(m["value"] for m in tab.messages if m["type"] == "answer" and m["id"] == index))
    return found


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
async def test_every_frame_of_a_multi_frame_object_is_a_slice(node, phantom, tmp_path, syntax):
    content = multi_frame(phantom(f"multi {syntax}").instance(0), 5, syntax)
    series = await node.store([content], tmp_path)
    async with node.tab() as tab:
        opened = await node.open(tab, series)
        assert [piece["frame"] for piece in opened["slices"]] == list(range(5))
        await tab.loaded()
        assert await values(node, tab) == [0, 10, 20, 30, 40]
        header, _ = await tab.final()
    assert opened["position_unit"] == "index"
    assert header.slice_index == 0


async def test_frames_of_one_bit_that_start_within_a_byte_are_read(node, phantom, tmp_path):
    series = await node.store([multi_frame(phantom("bits").instance(0), 5, bits=1)], tmp_path)
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.loaded()
        assert await values(node, tab) == [0, 0, 0, 1, 0]


async def test_slices_come_around_the_position_looked_at(node, phantom, tmp_path):
    series = await node.store(phantom("around", slices=200, rows=128).instances(), tmp_path)
    async with node.tab() as tab:
        opened = await tab.open(
            series, node.pixels_token(series), storage=node.storage_url,
            view={"position": phantom("around", slices=200).origin(150)[2]},
        )  # fmt: skip
        header, _ = await tab.final()
        progress = await tab.loaded()
    assert opened["slices"][150]["position"] == pytest.approx(phantom("around", slices=200).origin(150)[2])
    assert header.slice_index == 150
    assert progress["received"] == 200


async def test_a_thumbnail_reads_one_frame_and_loads_no_series(node, phantom, tmp_path):
    series = await node.store(phantom("thumb").instances(), tmp_path)
    loaded, kept = metric("loaded_frames_total"), len(node.render.context.library)
    content, media_type = await node.port.thumbnail(node.view_token(), node.pixels_token(series), 96, node.storage_url)
    assert media_type == "image/jpeg"
    assert content
    assert metric("loaded_frames_total") == loaded
    assert len(node.render.context.library) == kept


@asynccontextmanager
async def breaking_storage(node, failures):
    """Let the manifest be read, and the storage node fail so many times afterwards."""
    real = node.render.context.storage

    class Broken:
        async def series_manifest(self, token):
            failures.append(token)
            if len(failures) <= 1:
                raise PeerUnavailableError("the storage node does not answer")
            return await real(node.storage_url).series_manifest(token)

    object.__setattr__(node.render.context, "storage", lambda _: Broken())
    try:
        yield
    finally:
        object.__setattr__(node.render.context, "storage", real)


async def test_storage_that_does_not_answer_closes_the_viewport_and_the_next_try_works(node, phantom, tmp_path):
    series = await node.store(phantom("broken").instances(), tmp_path)
    async with breaking_storage(node, []), node.tab() as tab:
        closed = await tab.open(series, node.pixels_token(series), storage=node.storage_url)
        assert (closed["type"], closed["code"]) == ("closed", "peer_unavailable")
        await node.open(tab, series)
        await tab.final()


async def test_two_tabs_far_apart_in_one_series_are_both_served(node, phantom, tmp_path):
    series = await node.store(phantom("apart", slices=120, rows=128).instances(), tmp_path)
    async with node.tab("a") as one, node.tab("b") as two:
        opened = await node.open(one, series)
        await node.open(two, series)
        await two.view(position=opened["slices"][119]["position"])
        first, second = await asyncio.gather(one.final(), two.final())
        await asyncio.gather(one.loaded(), two.loaded())
    assert (first[0].slice_index, second[0].slice_index) == (0, 119)
