"""Windows that go by the picture, in a real browser: regions, the automatic window, presets of MR."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

SLICE = 20
HOUNSFIELD = -1024
NUMBERS = re.compile(r"W ([\d.\u2212-]+)\s+C ([\d.\u2212-]+)")


def open_slice(page: Page, study: str, number: int = SLICE + 1) -> Locator:
    page.goto(f"/viewer/image?s={study}&series=1&slice={number}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport.locator("[data-quality=lossless]")).to_be_visible(timeout=30_000)
    return viewport


def shown_window(viewport: Locator, other_than: tuple[float, float] | None = None) -> tuple[float, float]:
    """Return width and centre once they are no longer what they were."""
    line = viewport.locator("svg.overlay text").filter(has_text=NUMBERS).first
    if other_than is not None:
        width, center = (re.escape(f"{part:g}").replace(r"\-", "[\u2212-]") for part in other_than)
        expect(line).not_to_have_text(re.compile(rf"W {width}\s+C {center}\b"))
    found = NUMBERS.search(line.text_content() or "")
    assert found is not None
    width, center = (float(part.replace("\u2212", "-")) for part in found.groups())
    return width, center


def spread(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Width and centre from one percentile to another."""
    ends = np.percentile(values, [low, high])
    return float(ends[1] - ends[0]), float(ends.mean())


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def test_a_region_drawn_over_the_picture_spans_the_greys_once(page, site, phantom):
    viewport = open_slice(page, site.study)
    before = shown_window(viewport)
    box = viewport.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("Shift+W")
    drag(page, (x - 80, y - 60), (x + 40, y + 20))
    width, center = after = shown_window(viewport, before)
    scale = min(box["width"] / phantom.columns, box["height"] / phantom.rows)
    columns, rows = (
        slice(int(np.ceil(63.5 + low / scale)), int(np.floor(63.5 + high / scale)) + 1)
        for low, high in ((-80, 40), (-60, 20))
    )
    values = phantom.stored_values(SLICE)[rows, columns].astype(float) + HOUNSFIELD
    assert (width, center) == pytest.approx(spread(values, 2, 98), abs=4)
    drag(page, (x, y), (x + 64, y))
    wider = shown_window(viewport, after)
    assert wider[0] > width
    assert wider[1] == center


def test_a_dropped_region_changes_nothing(page, site):
    viewport = open_slice(page, site.study)
    before = shown_window(viewport)
    x, y = 700, 400
    page.keyboard.press("Shift+W")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 60, steps=4)
    expect(viewport.locator(".region")).to_be_visible()
    page.keyboard.press("Escape")
    expect(viewport.locator(".region")).to_be_hidden()
    page.mouse.up()
    assert shown_window(viewport) == before


def test_the_automatic_window_goes_from_the_windows_of_the_file_to_percentiles(page, site, phantom):
    viewport = open_slice(page, site.study)
    overlay = viewport.locator("svg.overlay")
    page.keyboard.press("0")
    expect(overlay).to_contain_text("LUNG")
    lung = shown_window(viewport)
    page.keyboard.press("0")
    values = phantom.stored_values(SLICE).astype(float) + HOUNSFIELD
    assert shown_window(viewport, lung) == pytest.approx(spread(values, 1, 99), abs=1)
    page.keyboard.press("0")
    expect(overlay).to_contain_text("SOFT TISSUE")


def test_presets_of_mr_go_by_the_values_that_are_not_air(page, magnetic):
    viewport = open_slice(page, magnetic, 2)
    before = shown_window(viewport)
    overlay = viewport.locator("svg.overlay")
    page.keyboard.press("2")
    expect(overlay).to_contain_text("Standard")
    standard = shown_window(viewport, before)
    # Air of the phantom is far below all else.
    assert standard[1] - standard[0] / 2 > -900
    page.keyboard.press("6")
    expect(overlay).to_contain_text("Vessels")
    vessels = shown_window(viewport, standard)
    assert vessels[1] - vessels[0] / 2 > standard[1] - standard[0] / 2
    page.keyboard.press("1")
    expect(overlay).to_contain_text("SOFT TISSUE")


def test_a_region_drawn_on_a_plane_sets_the_window_of_all_planes(page, site):
    page.goto(f"/viewer/mpr?s={site.study}&series=1")
    panes = [page.locator(f"[data-pane={name}]") for name in ("axial", "coronal", "sagittal")]
    for pane in panes:
        expect(pane.locator("[data-quality=lossless]")).to_be_visible(timeout=20_000)
    axial, coronal, _ = panes
    before = shown_window(axial)
    box = axial.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x + 90, y + 90)
    page.keyboard.press("Shift+W")
    drag(page, (x + 30, y + 20), (x + 70, y + 60))
    after = shown_window(axial, before)
    # All of it is tissue of the phantom, far from air.
    assert after[1] - after[0] / 2 > -900
    assert after[0] < before[0] * 4
    assert shown_window(coronal, before) == after
