"""Shapes that a page asks about: lengths, angles, values; on slices and planes; and what is refused."""

import io

import numpy as np
import pytest
import pytest_asyncio
from pydicom import dcmread
from pydicom.pixels import apply_color_lut
from pydicom.uid import ComputedRadiographyImageStorage

from webviewer.sample.duplex import DuplexImage
from webviewer.sample.phantom import Ellipsoid
from webviewer.sample.series import PhantomSeries

pytestmark = pytest.mark.asyncio(loop_scope="module")
SPACING = 3.4
STEP = 20.0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory, start_node):
    async with start_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(scope="module")
def objects(phantom):
    return list(phantom("measuring", slices=8).instances())


@pytest.fixture(scope="module")
def values(objects):
    """Modality values by z."""
    found = {}
    for content in objects:
        dataset = dcmread(io.BytesIO(content))
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        found[round(float(dataset.ImagePositionPatient[2]), 3)] = dataset.pixel_array * slope + intercept
    return found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def series(node, objects, tmp_path_factory):
    return await node.store(objects, tmp_path_factory.mktemp("measuring"))


async def ask(tab, kind, viewport=0, number=7, **place):
    before = len(tab.messages)
    place = {"kind": "slice" if "position" in place else "plane"} | place
    await tab.send(type="measure", viewport=viewport, id=number, kind=kind, place=place)
    return await tab.message("measured", "error", after=before)


async def on_third_slice(node, tab, series):
    opened = await node.open(tab, series)
    await tab.loaded()
    return opened["slices"][2]["position"]


def summary(values):
    return {
        "n": values.size,
        "mean": pytest.approx(values.mean()),
        "deviation": pytest.approx(values.std(ddof=1)),
        "low": values.min(),
        "high": values.max(),
    }


async def test_a_length_and_an_angle_on_a_slice_are_in_millimetres_and_degrees(node, series):
    async with node.tab() as tab:
        position = await on_third_slice(node, tab, series)
        length = await ask(tab, "length", position=position, points=[[10, 20], [40, 60]])
        angle = await ask(tab, "angle", position=position, points=[[10, 20], [10, 50], [40, 50]])
    assert length["value"] == pytest.approx(50 * SPACING)
    assert (length["unit"], length["spacing"], length["id"], length["code"]) == ("mm", "pixel", 7, "")
    assert (angle["value"], angle["unit"]) == (pytest.approx(90), "°")


async def test_a_rectangle_and_an_ellipse_on_a_slice_are_of_the_stored_values_inside(node, series, values):
    async with node.tab() as tab:
        position = await on_third_slice(node, tab, series)
        corners = [[30, 20], [90.2, 20], [90.2, 61.4], [30, 61.4]]
        rectangle = await ask(tab, "rectangle", position=position, points=corners)
        ends = [[40, 48], [80, 48], [60, 30], [60, 66]]
        ellipse = await ask(tab, "ellipse", position=position, points=ends)
    stored = values[round(position, 3)]
    assert rectangle["statistics"] == summary(stored[20:62, 30:91]) | {"area": pytest.approx(60.2 * 41.4 * SPACING**2)}
    assert (rectangle["unit"], rectangle["interpolated"], rectangle["value"]) == ("HU", False, None)
    y, x = np.mgrid[: stored.shape[0], : stored.shape[1]]
    inside = stored[((x - 60) / 20) ** 2 + ((y - 48) / 18) ** 2 <= 1 + 1e-9]
    assert ellipse["statistics"] == summary(inside) | {"area": pytest.approx(np.pi * 20 * 18 * SPACING**2)}


async def test_a_turned_rectangle_is_of_the_pixels_inside_its_corners(node, series, values):
    async with node.tab() as tab:
        position = await on_third_slice(node, tab, series)
        corners = [[60, 30], [70, 40], [60, 50], [50, 40]]
        found = await ask(tab, "rectangle", position=position, points=corners)
    stored = values[round(position, 3)]
    y, x = np.mgrid[: stored.shape[0], : stored.shape[1]]
    inside = stored[abs(x - 60) + abs(y - 40) <= 10]
    assert found["statistics"] == summary(inside) | {"area": pytest.approx(200 * SPACING**2)}


async def test_a_point_is_the_stored_value_and_where_it_lies(node, series, values):
    async with node.tab() as tab:
        position = await on_third_slice(node, tab, series)
        inside = await ask(tab, "point", position=position, points=[[61.3, 39.8]])
        beside = await ask(tab, "point", position=position, points=[[-20, 4]])
    assert (inside["value"], inside["unit"]) == (values[round(position, 3)][40, 61], "HU")
    assert inside["point"][2] == pytest.approx(position)
    assert (beside["value"], beside["code"]) == (None, "")


async def test_a_shape_beside_the_picture_has_an_area_and_no_values(node, series):
    async with node.tab() as tab:
        position = await on_third_slice(node, tab, series)
        corners = [[300, 20], [400, 20], [400, 60], [300, 60]]
        found = await ask(tab, "rectangle", position=position, points=corners)
    area = pytest.approx(100 * 40 * SPACING**2)
    assert found["statistics"] == {"n": 0, "area": area, "mean": None, "deviation": None, "low": None, "high": None}


async def test_a_plane_along_the_slices_measures_what_the_slice_does(node, series, values):
    async with node.tab() as tab:
        opened = await node.open(tab, series, window="mpr")
        await tab.loaded()
        grid, position = opened["volume"], opened["slices"][3]["position"]
        origin, across, down = (np.array(grid[key]) for key in ("origin", "across", "down"))

        def at(column, row):
            point = origin + across * column + down * row
            return [point[0], point[1], position]

        plane = {"row": [1, 0, 0], "column": [0, 1, 0]}
        corners = [at(50, 30), at(70, 30), at(70, 50), at(50, 50)]
        rectangle = await ask(tab, "rectangle", **plane, points=corners)
        point = await ask(tab, "point", **plane, points=[at(61, 40)])
        length = await ask(tab, "length", **plane, points=[at(10, 20), at(40, 60)])
        angle = await ask(tab, "angle", **plane, points=[at(10, 20), at(10, 50), at(40, 50)])
    stored = values[round(position, 3)]
    assert rectangle["statistics"] == summary(stored[30:51, 50:71]) | {"area": pytest.approx(400 * SPACING**2)}
    assert (rectangle["interpolated"], rectangle["spacing"], rectangle["unit"]) == (False, "volume", "HU")
    assert (point["value"], point["interpolated"]) == (pytest.approx(stored[40, 61]), False)
    assert (length["value"], length["unit"]) == (pytest.approx(50 * SPACING), "mm")
    assert angle["value"] == pytest.approx(90)


async def test_a_slab_is_measured_as_it_is_joined_and_says_that_values_lie_between(node, series, values):
    async with node.tab() as tab:
        opened = await node.open(tab, series, window="mpr")
        await tab.loaded()
        grid = opened["volume"]
        origin, across, down = (np.array(grid[key]) for key in ("origin", "across", "down"))
        heights = sorted(values)
        between = (heights[3] + heights[4]) / 2
        point = (origin + across * 61 + down * 40).tolist()[:2]
        plane = {"row": [1, 0, 0], "column": [0, 1, 0]}
        thin = await ask(tab, "point", **plane, points=[[*point, between]])
        thick = await ask(tab, "point", **plane, slab=STEP, blend="minip", points=[[*point, between]])
        oblique = await ask(tab, "point", row=[1, 0, 0], column=[0, 0.6, -0.8], points=[[*point, heights[3]]])
    two = [values[heights[3]][40, 61], values[heights[4]][40, 61]]
    assert (thin["value"], thin["interpolated"]) == (pytest.approx(np.mean(two)), True)
    assert thick["interpolated"] is True
    assert min(two) - 1 <= thick["value"] <= max(two) + 1
    assert oblique["value"] == pytest.approx(two[0])


SLICE = {"kind": "slice", "position": 0, "points": [[1, 1], [2, 2]]}
PLANE = {"kind": "plane", "row": [1, 0, 0], "column": [0, 1, 0], "points": [[0, 0, 0], [9, 0, 0]]}


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("length", SLICE | {"points": [[1, 1]]}),
        ("length", SLICE | {"points": [[1, 1]] * 5000}),
        ("length", SLICE | {"points": [["NaN", 1], [2, 2]]}),
        ("length", SLICE | {"points": [[1e300, 1], [2, 2]]}),
        ("length", SLICE | {"position": 1e300}),
        ("length", SLICE | {"points": [[1, 1, 1], [2, 2, 2]]}),
        ("cobb", SLICE),
        ("length", PLANE | {"row": [0, 0, 0]}),
        ("length", PLANE | {"column": [0.8, 0.6, 0]}),
        ("length", PLANE | {"points": [[0, 0, 0], [9, 0, 1e7]]}),
        ("length", PLANE | {"points": [[0, 0, 0], [9, 0, 5]]}),
        ("length", PLANE | {"slab": 1e6}),
        ("length", PLANE | {"slab": -1}),
        ("length", PLANE | {"blend": "median"}),
        ("length", {"kind": "nowhere", "points": [[1, 1], [2, 2]]}),
    ],
)
async def test_what_cannot_be_measured_is_refused(node, series, kind, place):
    async with node.tab() as tab:
        await node.open(tab, series)
        before = len(tab.messages)
        await tab.send(type="measure", viewport=0, id=1, kind=kind, place=place)
        refused = await tab.message("measured", "error", after=before)
    assert (refused["type"], refused["code"]) == ("error", "invalid")


async def test_numbers_that_are_no_json_and_messages_that_are_too_long_are_refused(node, series):
    async with node.tab() as tab:
        await node.open(tab, series)
        place = '{"kind":"slice","position":0,"points":[[NaN,0]]}'
        not_json = f'{{"type":"measure","viewport":0,"id":1,"kind":"point","place":{place}}}'
        too_long = f'{{"type":"measure","points":[{"[0,0]," * 20_000}[0,0]]}}'
        for text, code in ((not_json, "invalid"), (too_long, "too_large")):
            before = len(tab.messages)
            await tab.link.send(text)
            refused = await tab.message("measured", "error", after=before)
            assert (refused["type"], refused["code"]) == ("error", code)


async def test_a_viewport_that_is_not_open_measures_nothing(node):
    async with node.tab() as tab:
        refused = await ask(tab, "length", viewport=3, position=0, points=[[1, 1], [2, 2]])
    assert (refused["type"], refused["code"]) == ("error", "not_open")


async def test_a_plane_of_a_series_that_is_no_volume_is_refused(node, phantom, tmp_path):
    two = await node.store(list(phantom("pair", slices=2).instances()), tmp_path)
    async with node.tab() as tab:
        await node.open(tab, two)
        refused = await ask(tab, "length", row=[1, 0, 0], column=[0, 1, 0], points=[[0, 0, 0], [9, 0, 0]])
    assert (refused["type"], refused["code"]) == ("error", "invalid")


async def test_an_area_of_any_size_is_cut_to_the_volume(node, series):
    async with node.tab() as tab:
        await node.open(tab, series, window="mpr")
        await tab.loaded()
        corners = [[-9e5, -9e5, -100], [9e5, -9e5, -100], [9e5, 9e5, -100], [-9e5, 9e5, -100]]
        found = await ask(tab, "rectangle", row=[1, 0, 0], column=[0, 1, 0], points=corners)
    assert 0 < found["statistics"]["n"] <= 128 * 96


async def test_too_many_shapes_at_once_are_told_to_ask_again(node, series):
    async with node.tab() as tab:
        position = await on_third_slice(node, tab, series)
        place = {"kind": "slice", "position": position, "points": [[0, 0], [127, 0], [127, 95], [0, 95]]}
        for number in range(40):
            await tab.send(type="measure", viewport=0, id=number, kind="rectangle", place=place)
        await tab.wait(lambda: sum(m["type"] == "measured" for m in tab.messages) == 40)
        answers = [message for message in tab.messages if message["type"] == "measured"]
        later = await ask(tab, "rectangle", position=position, points=place["points"])
    assert sorted(answer["id"] for answer in answers) == list(range(40))
    assert {answer["code"] for answer in answers} == {"", "busy"}
    assert all((answer["statistics"] is None) == (answer["code"] == "busy") for answer in answers)
    assert later["statistics"]["n"] == 128 * 96


async def test_a_picture_without_a_spacing_is_measured_in_pixels(node, objects, tmp_path):
    dataset = dcmread(io.BytesIO(objects[3]))
    for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
        delattr(dataset, keyword)
    dataset.SeriesInstanceUID += ".1"
    dataset.SOPInstanceUID += ".1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    plain = await node.store([buffer.getvalue()], tmp_path)
    async with node.tab() as tab:
        opened = await node.open(tab, plain)
        await tab.loaded()
        position = opened["slices"][0]["position"]
        length = await ask(tab, "length", position=position, points=[[10, 20], [40, 60]])
        corners = [[10, 20], [20, 20], [20, 30], [10, 30]]
        rectangle = await ask(tab, "rectangle", position=position, points=corners)
    assert (length["value"], length["unit"], length["spacing"]) == (50, "px", "none")
    assert (rectangle["statistics"]["area"], rectangle["statistics"]["n"]) == (None, 121)


@pytest.mark.real_data
async def test_a_real_radiograph_says_that_its_millimetres_are_the_detector_s(node, real_data, tmp_path):
    content = (real_data / "highdicom" / "dx_image.dcm").read_bytes()
    series = await node.store([content], tmp_path)
    dataset = dcmread(io.BytesIO(content))
    async with node.tab() as tab:
        opened = await node.open(tab, series)
        await tab.loaded()
        position = opened["slices"][0]["position"]
        length = await ask(tab, "length", position=position, points=[[10, 20], [40, 20]])
        corners = [[100, 60], [150, 60], [150, 120], [100, 120]]
        rectangle = await ask(tab, "rectangle", position=position, points=corners)
    assert (length["value"], length["unit"]) == (pytest.approx(30 * dataset.PixelSpacing[1]), "mm")
    assert length["spacing"] == opened["geometry"]["spacing_source"] == "imager"
    stored = dataset.pixel_array[60:121, 100:151].astype(float)
    assert rectangle["statistics"]["n"] == stored.size
    assert rectangle["statistics"]["mean"] == pytest.approx(stored.mean())


# ---------------------------------------------------------------- ultrasound regions


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def duplex(node, tmp_path_factory):
    """Tissue of 0.25 mm a pixel above, a spectrum of 5 ms and 1.25 cm/s a pixel below."""
    return await node.store([DuplexImage().instance()], tmp_path_factory.mktemp("duplex"))


async def on_duplex(node, tab, duplex, *questions):
    opened = await node.open(tab, duplex)
    await tab.loaded()
    position = opened["slices"][0]["position"]
    return opened, [await ask(tab, kind, position=position, points=points) for kind, points in questions]


async def test_a_line_over_tissue_is_in_millimetres_and_over_a_spectrum_in_its_own_units(node, duplex):
    async with node.tab() as tab:
        opened, (tissue, spectrum, across, beside) = await on_duplex(
            node, tab, duplex,
            ("length", [[100, 60], [130, 100]]), ("length", [[100, 340], [190, 372]]),
            ("length", [[100, 100], [100, 400]]), ("length", [[5, 100], [5, 140]]),
        )  # fmt: skip
    assert (tissue["value"], tissue["unit"], tissue["spacing"]) == (pytest.approx(12.5), "mm", "ultrasound")
    assert tissue["axes"] == []
    assert (spectrum["value"], spectrum["unit"], spectrum["spacing"]) == (None, "", "ultrasound")
    assert spectrum["axes"] == [
        {"axis": "x", "value": pytest.approx(0.45), "unit": "s"},
        {"axis": "y", "value": pytest.approx(40), "unit": "cm/s"},
    ]
    assert (across["value"], across["unit"], across["spacing"], across["axes"]) == (300, "px", "regions", [])
    assert (beside["value"], beside["unit"], beside["spacing"]) == (40, "px", "regions")
    assert (opened["geometry"]["spacing"], opened["geometry"]["spacing_source"]) == (None, "ultrasound")


async def test_an_area_has_square_millimetres_only_in_tissue(node, duplex):
    def box(left, top, right, bottom):
        return [[left, top], [right, top], [right, bottom], [left, bottom]]

    def axes(left, top, right, bottom):
        x, y = (left + right) / 2, (top + bottom) / 2
        return [[left, y], [right, y], [x, top], [x, bottom]]

    async with node.tab() as tab:
        _, found = await on_duplex(
            node, tab, duplex,
            ("rectangle", box(100, 60, 140, 100)), ("ellipse", axes(100, 60, 140, 100)),
            ("rectangle", box(100, 340, 140, 380)), ("ellipse", axes(100, 340, 140, 380)),
            ("rectangle", box(100, 200, 140, 380)),
        )  # fmt: skip
    areas = [each["statistics"]["area"] for each in found]
    assert areas == [pytest.approx(100), pytest.approx(25 * np.pi), None, None, None]
    assert [each["spacing"] for each in found] == ["ultrasound"] * 4 + ["regions"]
    assert all(each["statistics"]["n"] > 1000 and each["statistics"]["mean"] > 0 for each in found)


async def test_angles_are_of_tissue_and_points_of_a_spectrum_have_a_velocity(node, duplex):
    async with node.tab() as tab:
        _, (tissue, spectrum, above, below) = await on_duplex(
            node, tab, duplex,
            ("angle", [[100, 60], [100, 100], [140, 100]]), ("angle", [[100, 340], [100, 380], [140, 380]]),
            ("point", [[200, 100]]), ("point", [[200, 416]]),
        )  # fmt: skip
    assert tissue["value"] == pytest.approx(90)
    assert spectrum["value"] is None
    assert above["axes"] == []
    assert below["axes"] == [{"axis": "y", "value": pytest.approx(-20), "unit": "cm/s"}]
    assert below["value"] is not None


@pytest.mark.real_data
async def test_a_real_ultrasound_image_is_measured_within_its_regions(node, real_data, tmp_path):
    """Two halves of tissue with one scale, and the bar of grey values, which has none."""
    content = (real_data / "pydicom-data" / "gdcm-US-ALOKA-16.dcm").read_bytes()
    series = await node.store([content], tmp_path)
    item = dcmread(io.BytesIO(content)).SequenceOfUltrasoundRegions[0]
    async with node.tab() as tab:
        opened, (inside, both, beside, partly) = await on_duplex(
            node, tab, series,
            ("length", [[100, 200], [130, 240]]), ("length", [[100, 200], [400, 200]]),
            ("length", [[100, 430], [140, 430]]), ("rectangle", [[100, 380], [140, 380], [140, 440], [100, 440]]),
        )  # fmt: skip
    across, down = item.PhysicalDeltaX * 10, item.PhysicalDeltaY * 10
    assert inside["value"] == pytest.approx(np.hypot(30 * across, 40 * down))
    assert both["value"] == pytest.approx(300 * across)
    assert (inside["unit"], inside["spacing"], both["unit"]) == ("mm", "ultrasound", "mm")
    assert (beside["value"], beside["unit"], beside["spacing"]) == (40, "px", "regions")
    assert partly["statistics"]["area"] is None
    assert opened["geometry"]["spacing"] == pytest.approx([down, across])


@pytest.mark.real_data
async def test_a_real_picture_that_was_cut_is_measured_in_pixels_and_by_luminance(node, real_data, tmp_path):
    """Its regions reach beyond the last row."""
    content = (real_data / "pydicom" / "examples_palette.dcm").read_bytes()
    dataset = dcmread(io.BytesIO(content))
    series = await node.store([content], tmp_path)
    async with node.tab() as tab:
        opened, (length, point, rectangle) = await on_duplex(
            node, tab, series,
            ("length", [[130, 120], [160, 160]]), ("point", [[300, 200]]),
            ("rectangle", [[300, 200], [330, 200], [330, 230], [300, 230]]),
        )  # fmt: skip
    assert (length["value"], length["unit"], length["spacing"]) == (50, "px", "none")
    assert (opened["geometry"]["spacing"], opened["geometry"]["spacing_source"]) == (None, "none")
    colours = apply_color_lut(dataset.pixel_array, dataset)[200:231, 300:331] / 257
    assert point["value"] == pytest.approx(colours[0, 0], abs=1)
    assert rectangle["statistics"]["mean"] == pytest.approx((colours @ [0.299, 0.587, 0.114]).mean(), abs=1)
    assert rectangle["statistics"]["area"] is None


@pytest.mark.real_data
async def test_a_real_picture_that_was_made_smaller_is_measured_in_pixels(node, real_data, tmp_path):
    """Its regions are those of a picture of twice the size."""
    content = (real_data / "pydicom" / "examples_ybr_color.dcm").read_bytes()
    series = await node.store([content], tmp_path)
    async with node.tab() as tab:
        _, (length,) = await on_duplex(node, tab, series, ("length", [[130, 120], [160, 160]]))
    assert (length["value"], length["unit"], length["spacing"]) == (50, "px", "none")


# ---------------------------------------------------------------- projections


@pytest.mark.parametrize(
    ("attributes", "millimetres", "source"),
    [
        ({"ImagerPixelSpacing": [0.3, 0.3]}, 15, "imager"),
        ({"ImagerPixelSpacing": [0.3, 0.3], "EstimatedRadiographicMagnificationFactor": 1.5}, 10, "magnified"),
        ({"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"}, 10, "fiducial"),
        ({"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "GEOMETRY"}, 10, "geometry"),
        ({"PixelSpacing": [0.2, 0.2]}, 10, "unstated"),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, 10, "film"),
    ],
)
async def test_a_projection_says_where_its_millimetres_are(node, tmp_path, attributes, millimetres, source):
    changes = {"SOPClassUID": ComputedRadiographyImageStorage, "Modality": "CR"} | attributes
    image = DuplexImage(name=source, regions=(), attributes=changes)
    series = await node.store([image.instance()], tmp_path)
    async with node.tab() as tab:
        opened, (length, box) = await on_duplex(
            node, tab, series,
            ("length", [[100, 60], [130, 100]]), ("rectangle", [[100, 60], [150, 60], [150, 110], [100, 110]]),
        )  # fmt: skip
    assert (length["value"], length["unit"], length["spacing"]) == (pytest.approx(millimetres), "mm", source)
    assert (box["statistics"]["area"], box["spacing"]) == (pytest.approx(millimetres**2), source)
    assert opened["geometry"]["spacing_source"] == source


@pytest.mark.real_data
@pytest.mark.parametrize(
    "case",
    [
        ("fo-dicom/CR-ModalitySequenceLUT.dcm", 0.15, "imager"),
        ("pydicom/SC_ybr_full_422_uncompressed.dcm", 1.0, "pixel"),
        ("pydicom-data/RG3_J2KR.dcm", None, "none"),
    ],
)
async def test_real_projections_and_captures_say_what_they_know(node, real_data, tmp_path, case):
    name, spacing, source = case
    series = await node.store([(real_data / name).read_bytes()], tmp_path)
    async with node.tab() as tab:
        _, (length,) = await on_duplex(node, tab, series, ("length", [[10, 20], [40, 60]]))
    wanted = (pytest.approx(50 * spacing), "mm") if spacing else (50, "px")
    assert (length["value"], length["unit"]) == wanted
    assert length["spacing"] == source


# ---------------------------------------------------------------- on the surface of a model

RADIUS = 60.0
VOXEL = 3.0
MODEL_SIZE = (200, 200)
BONES = [{"value": v, "opacity": o, "colour": [1, 1, 1]} for v, o in ((150, 0), (250, 0.15), (450, 0.55), (900, 0.85))]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ball(node, tmp_path_factory):
    bodies = (Ellipsoid((0, 0, 0), (RADIUS, RADIUS, RADIUS), 1500),)
    series = PhantomSeries(
        rows=56, columns=56, slices=56, spacing=VOXEL, step=VOXEL, center=(0, 0, 0), noise=0, name="ball", bodies=bodies
    )
    return await node.store(list(series.instances()), tmp_path_factory.mktemp("ball"))


async def picked(tab, at):
    before = len(tab.messages)
    await tab.send(type="pick", viewport=0, id=5, at=at)
    answer = await tab.message("answer", after=before)
    return answer["point"] and np.array(answer["point"])


@pytest.mark.parametrize(
    ("row", "column"),
    [([1, 0, 0], [0, 0, -1]), ([0, 1, 0], [0, 0, -1]), ([0.6, 0.8, 0], [0, 0, -1]), ([0.8, 0, -0.6], [0, 1, 0])],
)
async def test_points_picked_on_a_ball_are_as_far_apart_as_they_are(node, ball, row, column):
    """From any side: the surface is within a voxel of the truth, and so is the distance of two of its points."""
    across, down = np.array(row), np.array(column)
    look = np.cross(across, down)

    def truth(x, y):
        return x * across + y * down - np.sqrt(RADIUS**2 - x**2 - y**2) * look

    ends = [(-30.0, 12.0), (41.0, -20.0)]
    async with node.tab() as tab:
        view = {"kind": "volume", "row": row, "column": column, "center": [0, 0, 0], "extent": 200.0}
        view["transfer"] = BONES
        await node.open(tab, ball, MODEL_SIZE, window="volume", view=view)
        await tab.wait(lambda: bool(tab.frames))
        points = [await picked(tab, end) for end in ends]
        nothing = await picked(tab, (0.0, 75.0))
        plane_row = (points[1] - points[0]) / np.linalg.norm(points[1] - points[0])
        plane_column = np.cross(plane_row, across)
        plane_column /= np.linalg.norm(plane_column)
        found = await ask(
            tab, "length", row=plane_row.tolist(), column=plane_column.tolist(), points=[p.tolist() for p in points]
        )
    assert nothing is None
    for point, end in zip(points, ends, strict=True):
        assert np.linalg.norm(point - truth(*end)) < VOXEL
    wanted = np.linalg.norm(truth(*ends[1]) - truth(*ends[0]))
    assert (found["value"], found["unit"], found["spacing"]) == (pytest.approx(wanted, abs=VOXEL), "mm", "volume")
