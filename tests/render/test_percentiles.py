"""Percentiles asked for by a viewport: slices, regions, series, and what is refused."""

import io

import numpy as np
import pytest
import pytest_asyncio
from pydicom import dcmread

pytestmark = pytest.mark.asyncio(loop_scope="module")
PERCENTS = [0, 2, 50, 98, 100]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory, start_node):
    async with start_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(scope="module")
def objects(phantom):
    return list(phantom("percentiles", slices=6).instances())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def series(node, objects, tmp_path_factory):
    return await node.store(objects, tmp_path_factory.mktemp("percentiles"))


def modality(content):
    dataset = dcmread(io.BytesIO(content))
    return dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)


def above_otsu(values):
    """What is left above Otsu's threshold, found from the histogram of whole numbers."""
    steps = (values - values.min()).astype(int)
    counts = np.bincount(steps)
    below, sums = np.cumsum(counts)[:-1], np.cumsum(counts * np.arange(counts.size))[:-1]
    above, rest = steps.size - below, steps.sum() - sums
    between = below * above * (sums / below - rest / above) ** 2
    return values[steps > between.argmax()]


async def ask(tab, viewport=0, **what):
    before = len(tab.messages)
    await tab.send(type="percentiles", viewport=viewport, id=5, **({"percents": PERCENTS} | what))
    return await tab.message("percentile-values", "error", after=before)


async def test_percentiles_of_the_slice_and_of_a_region_are_those_of_the_stored_values(node, series, objects):
    async with node.tab() as tab:
        opened = await node.open(tab, series)
        await tab.loaded()
        place = opened["slices"][2]["position"]
        whole = await ask(tab, of="slice", position=place)
        region = await ask(tab, of="region", position=place, corners=[[90.2, 20], [30, 61.4]])
        beside = await ask(tab, of="region", position=place, corners=[[300, 20], [400, 60]])
    by_position = {
        round(float(dcmread(io.BytesIO(content)).ImagePositionPatient[2]), 3): modality(content) for content in objects
    }
    values = by_position[round(place, 3)]
    assert whole["values"] == pytest.approx(np.percentile(values, PERCENTS))
    assert (whole["id"], whole["unit"], whole["share"]) == (5, "HU", 1)
    assert region["values"] == pytest.approx(np.percentile(values[20:62, 30:91], PERCENTS))
    assert beside["values"] is None


async def test_percentiles_of_the_series_are_those_of_all_slices(node, series, objects):
    values = np.concatenate([modality(content).ravel() for content in objects])
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.loaded()
        whole = await ask(tab, of="series")
        body = await ask(tab, of="series", non_air=True, percents=[1, 99])
    assert whole["values"] == pytest.approx(np.percentile(values, PERCENTS))
    assert whole["share"] == 1
    assert body["values"] == pytest.approx(np.percentile(above_otsu(values), [1, 99]))
    assert body["values"][0] > -500


async def test_a_region_of_a_plane_is_measured_where_the_plane_is_shown(node, series):
    async with node.tab() as tab:
        opened = await node.open(tab, series, window="mpr")
        await tab.loaded()
        grid = opened["volume"]
        origin, across, down = (np.array(grid[key]) for key in ("origin", "across", "down"))
        place = opened["slices"][3]["position"]
        center = origin + across * 60 + down * 40
        center[2] = place
        await tab.view(center=center.tolist(), row=[1, 0, 0], column=[0, 1, 0])
        found = await ask(tab, of="region", corners=[[-34, -34], [34, 34]])
        await node.open(tab, series, viewport=1)
        await tab.loaded(viewport=1)
        corners = [[50, 30], [70, 50]]
        same = await ask(tab, viewport=1, of="region", position=place, corners=corners)
        refused = await ask(tab, of="slice")
    assert found["values"] == pytest.approx(same["values"])
    assert found["share"] == 1
    assert (refused["type"], refused["code"]) == ("error", "invalid")


@pytest.mark.parametrize(
    "what",
    [
        {"of": "region"},
        {"of": "slice", "corners": [[0, 0], [1, 1]]},
        {"of": "slice", "percents": []},
        {"of": "slice", "percents": [50] * 17},
        {"of": "slice", "percents": [101]},
        {"of": "slice", "percents": ["NaN"]},
        {"of": "slice", "position": 1e300},
        {"of": "region", "corners": [[0, 0], [1e300, 1]]},
        {"of": "patient"},
    ],
)
async def test_what_cannot_be_asked_is_refused(node, series, what):
    async with node.tab() as tab:
        await node.open(tab, series)
        refused = await ask(tab, **what)
    assert (refused["type"], refused["code"]) == ("error", "invalid")


async def test_too_many_questions_at_once_are_answered_with_nothing(node, series):
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.loaded()
        for number in range(40):
            await tab.send(type="percentiles", viewport=0, id=number, of="series", percents=[50])
        await tab.wait(lambda: sum(m["type"] == "percentile-values" for m in tab.messages) == 40)
        answers = [message for message in tab.messages if message["type"] == "percentile-values"]
        later = await ask(tab, of="series")
    assert sorted(answer["id"] for answer in answers) == list(range(40))
    assert any(answer["values"] is not None for answer in answers)
    assert any(answer["values"] is None for answer in answers)
    assert later["values"] is not None


@pytest.mark.real_data
async def test_a_real_mr_is_ranked_without_its_air(node, real_data, tmp_path):
    files = sorted((real_data / "datalad_fmri").glob("MR.*"))[:40]
    contents = [path.read_bytes() for path in files]
    series = await node.store(contents, tmp_path)
    async with node.tab() as tab:
        await node.open(tab, series)
        await tab.loaded()
        found = await ask(tab, of="series", non_air=True, percents=[1, 50, 99])
        everything = await ask(tab, of="series", percents=[1, 50, 99])
    values = np.concatenate([dcmread(io.BytesIO(content)).pixel_array.ravel() for content in contents])
    body = above_otsu(values)
    assert everything["values"] == pytest.approx(np.percentile(values, [1, 50, 99]))
    assert found["values"] == pytest.approx(np.percentile(body, [1, 50, 99]))
    assert found["values"][1] > 2 * everything["values"][1]


@pytest.mark.real_data
async def test_a_real_pet_is_opened_read_and_ranked_in_uptake_values(node, real_data, tmp_path):
    content = (real_data / "tcia_pt" / "pt_029.dcm").read_bytes()
    series = await node.store([content], tmp_path)
    async with node.tab() as tab:
        opened = await node.open(tab, series)
        await tab.loaded()
        ranked = await ask(tab, of="series", percents=[100])
        await tab.send(type="query", viewport=0, id=1, point=[80, 70], position=opened["slices"][0]["position"])
        point = await tab.message("answer")
    dataset = dcmread(io.BytesIO(content))
    factor = 9.12329 * 69_734.4 / (178_340_011.59668 * 0.5 ** (3976.921 / 6586.2))
    assert {opened["unit"], ranked["unit"], point["unit"]} == {"SUVbw g/ml"}
    assert ranked["values"] == pytest.approx([int(dataset.pixel_array.max()) * factor])
    assert point["value"] == pytest.approx(int(dataset.pixel_array[70, 80]) * factor)
    assert opened["windows"][0]["width"] == pytest.approx(54_281 * factor / 9.12329)
