"""Names burnt into pixels: an anonymised session never sees them, others see every pixel as it was stored."""

import io
import json

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from pydicom import dcmread
from pydicom.uid import SecondaryCaptureImageStorage, UltrasoundImageStorage

from webviewer.errors import UnsupportedImageError
from webviewer.sample.duplex import COLUMNS, ROWS, SPECTRUM, TISSUE, DuplexImage
from webviewer.testing.render_tab import Tab

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.contract("R09")]
NAME = np.s_[2:14, 60:200]
"""Where a name is burnt into the made picture: above its regions."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(tmp_path_factory, start_node):
    async with start_node(tmp_path_factory.mktemp("node")) as node:
        yield node


def burnt(content, **attributes):
    """Write a bright name above the regions of a picture."""
    dataset = dcmread(io.BytesIO(content))
    pixels = dataset.pixel_array.copy()
    pixels[NAME] = 250
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def beside(boxes, shape):
    outside = np.ones(shape, bool)
    for left, top, right, bottom in boxes:
        outside[top : bottom + 1, left : right + 1] = False
    return outside


class Sight:
    """What a session gets of a series: the whole picture at its own size."""

    def __init__(self, node, series, *, anonymised):
        self.node, self.series = node, series
        self.flags = {"anonymised": anonymised}

    async def picture(self, size=(COLUMNS, ROWS)):
        port, token = self.node.port, self.node.view_token(f"see-{self.flags}", **self.flags)
        async with port.connect(token) as link:
            tab = Tab(link)
            try:
                opened = await tab.open(
                    self.series, self.node.pixels_token(self.series, **self.flags), size, storage=self.node.storage_url
                )
                if opened["type"] == "closed":
                    return opened, None, []
                _, payload = await tab.final()
                values = []
                for point in ((100.0, 8.0), (300.0, 150.0)):
                    before = len(tab.messages)
                    await tab.send(
                        type="query", viewport=0, id=1, point=point, position=opened["slices"][0]["position"]
                    )
                    values.append((await tab.message("answer", after=before))["value"])
                texts = json.dumps(tab.messages)
                return opened | {"texts": texts}, np.asarray(Image.open(io.BytesIO(payload)).convert("L")), values
            finally:
                await tab.stop()

    async def thumbnail(self):
        token = self.node.view_token(f"see-{self.flags}", **self.flags)
        pixels = self.node.pixels_token(self.series, **self.flags)
        content, _ = await self.node.port.thumbnail(token, pixels, 512, self.node.storage_url)
        return content


@pytest.mark.parametrize("stated", [{}, {"BurnedInAnnotation": "YES"}])
async def test_beside_the_regions_of_ultrasound_everything_is_black(node, tmp_path, stated):
    content = burnt(DuplexImage(name=f"mask{len(stated)}").instance(), **stated)
    series = await node.store([content], tmp_path)
    stored = dcmread(io.BytesIO(content)).pixel_array
    opened, whole, (name, tissue) = await Sight(node, series, anonymised=False).picture()
    assert (opened["masked"], name, tissue) == (False, 250, stored[150, 300])
    assert (whole[NAME] > 240).all()
    opened, shown, (name, tissue) = await Sight(node, series, anonymised=True).picture()
    assert (opened["masked"], name, tissue) == (True, 0, stored[150, 300])
    outside = beside((TISSUE.box, SPECTRUM.box), shown.shape)
    assert (shown[outside] == 0).all()
    assert (shown[~outside] == whole[~outside]).all()
    for secret in ("Duplex", "SAMPLE", "2026", "Vessel", str(dcmread(io.BytesIO(content)).StudyInstanceUID)):
        assert secret not in opened["texts"]


async def test_thumbnails_are_masked_and_never_mixed_up_between_sessions(node, tmp_path):
    series = await node.store([burnt(DuplexImage(name="thumbnails").instance())], tmp_path)
    full, hidden = (Sight(node, series, anonymised=anonymised) for anonymised in (False, True))
    for _ in range(2):  # the second time from the cache
        pictures = [
            np.asarray(Image.open(io.BytesIO(await sight.thumbnail())).convert("L")) for sight in (full, hidden)
        ]
        scale = pictures[0].shape[1] / COLUMNS
        places = np.s_[int(4 * scale) : int(12 * scale), int(70 * scale) : int(190 * scale)]
        assert pictures[0][places].mean() > 200
        assert pictures[1][places].max() < 24
        inside = np.s_[int(40 * scale) : int(260 * scale), int(60 * scale) : int(580 * scale)]
        assert abs(pictures[0][inside].astype(int) - pictures[1][inside]).mean() < 2


async def test_a_picture_whose_names_may_be_anywhere_is_not_shown(node, tmp_path):
    capture = burnt(DuplexImage(name="capture", regions=()).instance(), SOPClassUID=SecondaryCaptureImageStorage)
    series = await node.store([capture], tmp_path)
    closed, picture, _ = await Sight(node, series, anonymised=True).picture()
    assert (closed["type"], picture) == ("closed", None)
    assert "ask for a link that is not anonymised" in closed["message"]
    with pytest.raises(UnsupportedImageError, match="names burnt into the picture"):
        await Sight(node, series, anonymised=True).thumbnail()
    opened, whole, _ = await Sight(node, series, anonymised=False).picture()
    assert (opened["type"], (whole[NAME] > 240).all()) == ("opened", True)


async def test_a_picture_that_says_it_names_nobody_is_shown_as_it_is(node, tmp_path):
    content = burnt(DuplexImage(name="harmless", attributes={"BurnedInAnnotation": "NO"}).instance())
    series = await node.store([content], tmp_path)
    opened, shown, _ = await Sight(node, series, anonymised=True).picture()
    _, whole, _ = await Sight(node, series, anonymised=False).picture()
    assert (opened["masked"], (shown == whole).all()) == (False, True)


async def test_planes_and_projections_of_a_masked_volume_hold_no_name(node, tmp_path, phantom):
    """Slices of an ultrasound volume with one region, and a name beside it in every slice."""
    contents = []
    box = (20, 30, 107, 85)
    for content in phantom("echoes", slices=12).instances():
        dataset = dcmread(io.BytesIO(content))
        region = DuplexImage(regions=(TISSUE,)).regions[0]
        item = region.item()
        item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = box
        dataset.SequenceOfUltrasoundRegions = [item]
        dataset.SOPClassUID, dataset.Modality = UltrasoundImageStorage, "US"
        pixels = dataset.pixel_array.copy()
        pixels[2:10, 10:60] = pixels.max() + 500
        dataset.PixelData = pixels.tobytes()
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        contents.append(buffer.getvalue())
    series = await node.store(contents, tmp_path)
    highest = {}
    for anonymised in (False, True):
        token = node.view_token(f"volume{anonymised}", anonymised=anonymised)
        async with node.port.connect(token) as link:
            tab = Tab(link)
            pixels = node.pixels_token(series, anonymised=anonymised)
            opened = await tab.open(series, pixels, (96, 96), window="mpr", storage=node.storage_url)
            assert (opened["type"], opened["masked"]) == ("opened", anonymised)
            await tab.loaded()
            await tab.send(type="percentiles", viewport=0, id=3, of="series", percents=[100.0])
            highest[anonymised] = (await tab.message("percentile-values"))["values"][0]
            await tab.stop()
    inside = max(
        int(dcmread(io.BytesIO(c)).pixel_array[box[1] : box[3] + 1, box[0] : box[2] + 1].max()) for c in contents
    )
    slope, intercept = (
        float(getattr(dcmread(io.BytesIO(contents[0])), f"Rescale{name}")) for name in ("Slope", "Intercept")
    )
    assert highest[True] <= inside * slope + intercept < highest[False]


@pytest.mark.real_data
async def test_real_ultrasound_keeps_its_regions_and_nothing_else(node, tmp_path, real_data):
    content = (real_data / "pydicom-data" / "gdcm-US-ALOKA-16.dcm").read_bytes()
    series = await node.store([content], tmp_path)
    manifest = await node.storage.port.series_manifest(node.pixels_token(series, anonymised=True))
    boxes = manifest.instances[0].image.visible
    assert boxes
    dataset = dcmread(io.BytesIO(content))
    size = (int(dataset.Columns), int(dataset.Rows))
    (_, whole, _), (_, shown, _) = [
        await Sight(node, series, anonymised=anonymised).picture(size) for anonymised in (False, True)
    ]
    outside = beside(boxes, whole.shape)
    assert (shown[~outside] == whole[~outside]).all()
    assert shown[outside].max() <= whole.min()
    assert whole[outside].max() > 100  # there was something to hide


@pytest.mark.real_data
@pytest.mark.parametrize("file", ["examples_palette.dcm", "examples_ybr_color.dcm"])
async def test_real_ultrasound_whose_regions_are_of_another_picture_is_not_shown(node, tmp_path, real_data, file):
    """Both were made smaller after their regions had been written."""
    series = await node.store([(real_data / "pydicom" / file).read_bytes()], tmp_path)
    closed, _, _ = await Sight(node, series, anonymised=True).picture()
    assert "names burnt into the picture" in closed["message"]
