"""What a length is given in: by ultrasound regions, at a detector, on a film; said beside the value and in the tooltip."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import ComputedRadiographyImageStorage

from webviewer.sample.duplex import COLUMNS, ROWS, DuplexImage

Point = tuple[float, float]


class Picture:
    """A viewport that shows the made picture, by its columns and rows."""

    def __init__(self, page: Page, study: str) -> None:
        self.page = page
        page.goto(f"/viewer/image?s={study}&series=1&slice=1")
        self.viewport = page.get_by_test_id("viewport").first
        expect(self.viewport.locator("[data-quality=lossless]").first).to_be_visible(timeout=30_000)
        box = self.viewport.bounding_box()
        assert box is not None
        self._scale = min(box["width"] / COLUMNS, box["height"] / ROWS)
        self._middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def at(self, column: float, row: float) -> Point:
        x, y = self._middle
        return x + (column - (COLUMNS - 1) / 2) * self._scale, y + (row - (ROWS - 1) / 2) * self._scale

    def drag(self, tool: str, start: Point, end: Point) -> None:
        self.page.keyboard.press(tool)
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=6)
        self.page.mouse.up()

    @property
    def texts(self):
        return self.viewport.locator("[data-testid=shape][data-waiting=false] text:visible")

    def expect_tooltip(self, start: str) -> None:
        """Look at what is said of the last text's spacing."""
        box = self.texts.last.bounding_box()
        assert box is not None
        self.page.keyboard.press("Escape")
        self.page.mouse.move(box["x"] + 8, box["y"] + 6)
        expect(self.viewport).to_have_attribute("title", re.compile(f"^{re.escape(start)}"))


@pytest.fixture(scope="session")
def stored(people) -> Callable[[DuplexImage], str]:
    """Return a function that stores a picture for a user of its own, and returns his login."""

    def store(image: DuplexImage) -> str:
        login = people.add(notice__diagnosis=True)
        people.store(login, [image.instance()])
        return login

    return store


def opened(new_page, login: str, **options: object) -> Picture:
    page = new_page(login, **options)
    answer = page.context.request.get("/v2/studies")
    study = answer.json()["studies"][0]["id"]
    return Picture(page, study)


@pytest.fixture(scope="session")
def duplex(stored) -> str:
    return stored(DuplexImage(name="browser"))


def test_a_line_over_a_spectrum_is_a_time_and_a_velocity_never_millimetres(new_page, duplex):
    picture = opened(new_page, duplex)
    picture.drag("l", (100, 60), (180, 60))
    expect(picture.texts).to_have_text([re.compile(r"^(19\.[89]|20\.[0-2]) mm$")])
    picture.expect_tooltip("Spacing: ultrasound region")
    picture.drag("l", (100, 330), (190, 370))
    expect(picture.texts).to_have_count(3)
    expect(picture.texts.nth(1)).to_have_text(re.compile(r"^Δt 4[45]\d ms$"))
    expect(picture.texts.nth(2)).to_have_text(re.compile(r"^Δv (49|50)\.\d cm/s$"))
    picture.expect_tooltip("Spacing: ultrasound region")
    picture.drag("l", (300, 100), (300, 380))
    expect(picture.texts.last).to_have_text(re.compile(r"^(279|280|281) px$"))
    picture.expect_tooltip("Pixels: the points are not in one ultrasound region")


def test_an_area_has_square_millimetres_in_tissue_only(new_page, duplex):
    picture = opened(new_page, duplex)
    picture.drag("q", (100.5, 60.5), (180.5, 100.5))
    expect(picture.texts.first).to_have_text(re.compile(r"^(19\d|20\d) mm²  n 3\s?200$"))
    picture.drag("q", (400.5, 330.5), (440.5, 370.5))
    expect(picture.texts.filter(has_text="n 1")).to_have_text([re.compile(r"^n 1\s?600$")])


def test_the_units_of_a_spectrum_are_russian(new_page, duplex):
    picture = opened(new_page, duplex, locale="ru-RU")
    picture.drag("l", (100, 330), (190, 370))
    expect(picture.texts).to_have_text([re.compile(r"^Δt 4[45]\d мс$"), re.compile(r"^Δv (49|50),\d см/с$")])  # noqa: RUF001


@pytest.mark.parametrize(
    ("attributes", "text", "tooltip"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.2]}, r"≈ (19\.[89]|20\.[0-2]) mm \(detector\)", "Spacing: at the detector, magn"),
        (
            {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25},
            r"≈ (15\.[89]|16\.[01]) mm \(estimated\)",
            "Spacing: at the detector, divided by the magnification",
        ),
        ({"PixelSpacing": [0.2, 0.2]}, r"≈ (19\.[89]|20\.[0-2]) mm \(detector\?\)", "Spacing: the file does not say"),
        (
            {"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "GEOMETRY"},
            r"(19\.[89]|20\.[0-2]) mm",
            "Spacing: calibrated by the geometry",
        ),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, r"≈ (19\.[89]|20\.[0-2]) mm \(film\)", "Spacing: on the scanned film"),
        ({}, r"(99|100|101) px", "Spacing: unknown"),
    ],
)  # fmt: skip
def test_a_radiograph_says_where_its_millimetres_are(new_page, stored, attributes, text, tooltip):
    changes = {"SOPClassUID": ComputedRadiographyImageStorage, "Modality": "CR"} | attributes
    picture = opened(new_page, stored(DuplexImage(name=f"radiograph {attributes}", regions=(), attributes=changes)))
    picture.drag("l", (100, 60), (200, 60))
    expect(picture.texts).to_have_text([re.compile(f"^{text}$")])
    picture.expect_tooltip(tooltip)
