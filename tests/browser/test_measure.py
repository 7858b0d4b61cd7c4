"""Measurements in a real browser: lengths, angles, areas and values of the phantom, whose truth is known."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Locator, Page, expect

from webviewer.sample.series import PhantomSeries

PHANTOM = PhantomSeries(rows=128, columns=128, slices=40, spacing=3.4, step=8.0, name="browser")
"""As the site shows it."""
SIDE = 128
SLICE = 20
Point = tuple[float, float]


class Slice:
    """A viewport of the Image window, by (column, row) of its slice."""

    def __init__(self, page: Page, viewport: Locator) -> None:
        self.page = page
        self.viewport = viewport
        box = viewport.bounding_box()
        assert box is not None
        self.pixel = min(box["width"], box["height"]) / SIDE
        self._middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def at(self, column: float, row: float) -> Point:
        x, y = self._middle
        half = (SIDE - 1) / 2
        return x + (column - half) * self.pixel, y + (row - half) * self.pixel

    def drag(self, start: Point, end: Point) -> None:
        drag(self.page, self.at(*start), self.at(*end))

    def click(self, *points: Point) -> None:
        for point in points:
            self.page.mouse.move(*self.at(*point))
            self.page.mouse.click(*self.at(*point))
        painted(self.page)

    @property
    def texts(self) -> Locator:
        return texts(self.viewport)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """What is stored of the slice, in HU."""
        index = int(self.viewport.get_attribute("data-slice") or 0) - 1
        return PHANTOM.stored_values(index).astype(float) - 1024


def drag(page: Page, start: Point, end: Point) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()
    painted(page)


def painted(page: Page) -> None:
    """Wait until what the hand has done is on the screen: from then on a shape says whether its value is of its place."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def texts(viewport: Locator) -> Locator:
    """Texts of the shapes that a viewport shows, when the values are there."""
    return viewport.locator("[data-testid=shape][data-waiting=false] text:visible")


def shapes(viewport: Locator) -> Locator:
    return viewport.get_by_test_id("shape")


def settled(viewport: Locator) -> Locator:
    expect(viewport.locator("[data-quality=lossless]").first).to_be_visible(timeout=30_000)
    return viewport


def open_slice(page: Page, study: str, number: int = SLICE) -> Slice:
    page.goto(f"/viewer/image?s={study}&series=1&slice={number}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-slice", str(number))
    return Slice(page, settled(viewport))


def open_planes(page: Page) -> dict[str, Locator]:
    """Go from the slice into the MPR window."""
    page.keyboard.press("Shift+KeyM")
    return {name: settled(page.locator(f"[data-pane={name}]")) for name in ("axial", "coronal", "sagittal")}


def middle(pane: Locator, dx: float = 0, dy: float = 0) -> Point:
    box = pane.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy


def millimetres(text: str | None) -> float:
    found = re.fullmatch(r"(\d+\.\d) mm", text or "")
    assert found is not None, text
    return float(found[1])


@pytest.fixture
def ct(page, site) -> Slice:
    return open_slice(page, site.study)


@pytest.mark.contract("R04")
@pytest.mark.parametrize("direction", [(1, 0), (0, 1)])
def test_a_length_along_an_axis_is_right_within_half_a_voxel(page, ct, direction):
    across, down = direction
    page.keyboard.press("l")
    ct.drag((30, 40), (30 + 60 * across, 40 + 60 * down))
    expect(ct.texts).to_have_text([re.compile(r"^\d+\.\d mm$")])
    assert millimetres(ct.texts.text_content()) == pytest.approx(60 * PHANTOM.spacing, abs=PHANTOM.spacing / 2)


def test_a_length_of_two_clicks_follows_the_pointer_and_escape_drops_it(page, ct):
    page.keyboard.press("l")
    ct.click((30, 40))
    page.mouse.move(*ct.at(50, 40))
    expect(ct.texts).to_have_text([re.compile(r"^6[78]\.\d mm$")])
    page.mouse.move(*ct.at(70, 40))
    expect(ct.texts).to_have_text([re.compile(r"^13[56]\.\d mm$")])
    page.keyboard.press("Escape")
    expect(shapes(ct.viewport)).to_have_count(0)
    ct.click((30, 40), (70, 60))
    page.mouse.move(*ct.at(20, 100))
    expect(ct.texts).to_have_text([re.compile(r"^15[12]\.\d mm$")])
    page.keyboard.press("Escape")
    expect(shapes(ct.viewport)).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text=re.compile(r"Length, 15[12]\.\d mm"))).to_have_count(1)


def test_with_shift_a_length_is_level_and_a_box_is_a_square(page, ct):
    page.keyboard.press("l")
    page.mouse.move(*ct.at(30, 40))
    page.mouse.down()
    page.keyboard.down("Shift")
    page.mouse.move(*ct.at(60, 44), steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    d = shapes(ct.viewport).locator("path").nth(2).get_attribute("d") or ""
    (_, top), (_, bottom) = (pair.split() for pair in d.removeprefix("M").split("L"))
    assert top == bottom
    page.keyboard.press("q")
    page.mouse.move(*ct.at(70.5, 60.5))
    page.mouse.down()
    page.keyboard.down("Shift")
    page.mouse.move(*ct.at(80.5, 90.5), steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(ct.texts.filter(has_text="n 900")).to_have_count(1)


def test_an_angle_is_of_three_clicks(page, ct):
    page.keyboard.press("a")
    ct.click((40, 40), (40, 70), (80, 70))
    expect(ct.texts).to_have_text([re.compile(r"^(90\.\d|89\.[89])°$")])


def test_a_rectangle_has_exactly_the_statistics_of_the_stored_values(page, ct):
    page.keyboard.press("q")
    ct.drag((70.5, 60.5), (95.5, 80.5))
    inside = ct.values[61:81, 71:96]
    expect(ct.texts).to_have_text([
        re.compile(r"^5.\d\d\d mm²  n 500$"),
        f"Mean {inside.mean():.0f} ± {inside.std(ddof=1):.1f} HU",
        f"Min {inside.min():.0f}  Max {inside.max():.0f}",
    ])  # fmt: skip


def test_an_ellipse_has_the_mean_of_the_tissue_inside(page, ct):
    page.keyboard.press("e")
    ct.drag((50.5, 70.5), (66.5, 84.5))
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = ct.values[((x - 58.5) / 8) ** 2 + ((y - 77.5) / 7) ** 2 <= 1]
    expect(ct.texts).to_have_count(3)
    found = [re.sub(r"\s", "", text) for text in ct.texts.all_text_contents()]
    size = re.fullmatch(r"(\d+)mm²n(\d+)", found[0])
    mean = re.fullmatch(r"Mean(-?\d+)±(\d+\.\d)HU", found[1])
    assert size is not None
    assert mean is not None
    assert float(size[1]) == pytest.approx(np.pi * 8 * 7 * PHANTOM.spacing**2, rel=0.02)
    assert int(size[2]) == pytest.approx(inside.size, abs=4)
    assert float(mean[1]) == pytest.approx(inside.mean(), abs=4)


def test_a_click_of_the_probe_leaves_the_exact_value(page, ct):
    for column, row in ((63, 75), (45, 65), (63, 98)):
        page.keyboard.down("Alt")
        ct.click((column, row))
        page.keyboard.up("Alt")
        value = f"{ct.values[row, column]:.0f} HU"
        written = value if len(value) < len("-1000 HU") else f"-1\u202f{value[2:]}"
        expect(ct.texts.filter(has_text=re.compile(f"^{re.escape(written)}$"))).not_to_have_count(0)
    expect(shapes(ct.viewport)).to_have_count(3)
    x, y, z = (PHANTOM.origin(SLICE - 1)[axis] + PHANTOM.spacing * step for axis, step in ((0, 63), (1, 98), (2, 0)))
    expect(ct.texts.filter(has_text=re.compile(rf"^x {x:.0f}  y {y:.0f}  z {z:.0f} mm$"))).to_have_count(1)


def test_a_shape_stays_on_its_slice_and_a_step_back_goes_there(page, ct):
    page.keyboard.press("l")
    ct.drag((30, 40), (90, 40))
    expect(ct.texts).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(ct.viewport).to_have_attribute("data-slice", str(SLICE + 1))
    expect(ct.texts).to_have_count(0)
    page.keyboard.press("Control+KeyZ")
    expect(ct.viewport).to_have_attribute("data-slice", str(SLICE))
    expect(shapes(ct.viewport)).to_have_count(0)
    page.keyboard.press("Control+Shift+KeyZ")
    expect(ct.texts).to_have_text([re.compile("mm$")])


def test_handles_lines_and_texts_can_be_dragged_and_every_drag_undone(page, ct):
    page.keyboard.press("l")
    ct.drag((30, 40), (60, 40))
    page.keyboard.press("Escape")
    expect(ct.texts).to_have_text([re.compile(r"^10[12]\.\d mm$")])
    ct.drag((60, 40), (90, 40))
    expect(ct.texts).to_have_text([re.compile(r"^20[345]\.\d mm$")])
    shape = shapes(ct.viewport)
    line = shape.locator("path").nth(2)
    before = line.get_attribute("d") or ""
    ct.drag((75, 40), (75, 60))
    expect(line).not_to_have_attribute("d", before)
    expect(ct.texts).to_have_text([re.compile(r"^20[345]\.\d mm$")])
    text = ct.texts.first.bounding_box()
    assert text is not None
    page.mouse.move(text["x"] + 10, text["y"] + 8)
    expect(ct.viewport).to_have_attribute("title", re.compile("^Spacing: Pixel Spacing"))
    drag(page, (text["x"] + 10, text["y"] + 8), (text["x"] - 90, text["y"] + 120))
    expect(shape.locator("path").nth(1)).to_have_attribute("d", re.compile("^M"))
    for pattern in ("mm$", r"^20[345]\.\d mm$", r"^10[12]\.\d mm$"):
        page.keyboard.press("Control+KeyZ")
        expect(ct.texts).to_have_text([re.compile(pattern)])
    expect(line).not_to_have_attribute("d", before)
    page.keyboard.press("Control+KeyZ")
    expect(shape).to_have_count(0)


def test_the_keyboard_goes_through_shapes_moves_handles_and_deletes(page, ct):
    page.keyboard.press("l")
    ct.drag((30, 40), (60, 40))
    ct.drag((30, 90), (60, 90))
    page.keyboard.press("Escape")
    expect(ct.texts).to_have_count(2)
    first = shapes(ct.viewport).first
    start = millimetres(ct.texts.first.text_content())
    page.keyboard.press("Tab")
    expect(first).to_have_attribute("data-selected", "true")
    page.keyboard.press("ArrowLeft")
    expect(ct.texts.first).to_have_text(f"{start + PHANTOM.spacing:.1f} mm")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowRight")
    expect(ct.texts.first).to_have_text(f"{start + 11 * PHANTOM.spacing:.1f} mm")
    expect(ct.viewport).to_have_attribute("data-slice", str(SLICE))
    page.keyboard.press("Tab")
    expect(shapes(ct.viewport).nth(1)).to_have_attribute("data-selected", "true")
    page.keyboard.press("Delete")
    expect(shapes(ct.viewport)).to_have_count(1)
    page.keyboard.press("Control+KeyZ")
    expect(shapes(ct.viewport)).to_have_count(2)
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(ct.viewport.locator("[data-selected=true]")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(ct.viewport).to_have_attribute("data-slice", str(SLICE + 1))


def test_after_the_last_shape_the_focus_moves_on(page, ct):
    page.keyboard.press("l")
    ct.drag((30, 40), (60, 40))
    page.keyboard.press("Tab")
    expect(ct.viewport).to_be_focused()
    page.keyboard.press("Tab")
    expect(ct.viewport).not_to_be_focused()


def test_shapes_are_hidden_with_a_sign_and_cleared_as_one_step(page, ct):
    page.keyboard.press("l")
    for row in range(20, 53, 3):
        ct.drag((30, row), (60, row))
        expect(ct.texts).to_have_count((row - 17) // 3)
    page.keyboard.press("Shift+KeyO")
    expect(shapes(ct.viewport)).to_have_count(0)
    expect(ct.viewport.get_by_test_id("shapes-hidden")).to_be_visible()
    expect(ct.viewport.get_by_text("Not saved")).to_be_visible()
    page.keyboard.press("Shift+KeyO")
    expect(shapes(ct.viewport)).to_have_count(11)
    page.keyboard.press("Shift+Delete")
    expect(page.get_by_text("Delete 11 measurements?")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).last.click()
    expect(shapes(ct.viewport)).to_have_count(0)
    ct.viewport.focus()
    page.keyboard.press("Control+KeyZ")
    expect(shapes(ct.viewport)).to_have_count(11)


def test_the_toolbar_keeps_the_tool_used_last_beside_the_list_of_all(page, ct):
    bar = page.get_by_test_id("toolbar")
    expect(bar.locator("[data-tool='m.length']")).to_have_attribute("aria-pressed", "false")
    bar.get_by_role("button", name="Measurements").click()
    page.get_by_role("menuitemradio", name="Ellipse ROI").click()
    expect(bar.locator("[data-tool='m.ellipse']")).to_have_attribute("aria-pressed", "true")
    expect(bar.locator("[data-tool='m.length']")).to_have_count(0)
    ct.drag((50.5, 70.5), (66.5, 84.5))
    expect(ct.texts).to_have_count(3)


def test_a_double_click_with_a_tool_does_not_change_the_layout(page, ct):
    page.keyboard.press("Shift+Digit2")
    expect(page.get_by_test_id("viewport")).to_have_count(2)
    settled(page.get_by_test_id("viewport").first)
    page.keyboard.press("a")
    page.mouse.dblclick(*middle(page.get_by_test_id("viewport").first))
    expect(page.get_by_test_id("viewport")).to_have_count(2)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.mouse.dblclick(*middle(page.get_by_test_id("viewport").first))
    expect(page.get_by_test_id("viewport")).to_have_count(1)


def test_planes_show_what_lies_in_them_and_dots_where_it_comes_through(page, ct):
    page.keyboard.press("q")
    ct.drag((70.5, 60.5), (95.5, 80.5))
    expect(ct.texts).to_have_count(3)
    written = ct.texts.all_text_contents()
    panes = open_planes(page)
    expect(texts(panes["axial"])).to_have_text(written)
    through = shapes(panes["coronal"]).locator("path").nth(2)
    expect(through).to_have_attribute("d", re.compile("^M.*a3 3.*a3 3"))
    expect(texts(panes["coronal"])).to_have_count(0)


def test_lengths_and_areas_of_planes_are_those_of_the_volume(page, ct):
    panes = open_planes(page)
    axial, coronal = panes["axial"], panes["coronal"]
    bar = "pane => 100 / pane.querySelector('.bar').getBBox().height"
    scale, height = axial.evaluate(bar), coronal.evaluate(bar)
    page.keyboard.press("l")
    drag(page, middle(axial, -60, -90), middle(axial, 40, -90))
    drag(page, middle(coronal, -60, -90), middle(coronal, -60, -10))
    expect(texts(axial)).to_have_count(1)
    expect(texts(coronal)).to_have_count(1)
    assert millimetres(texts(axial).text_content()) == pytest.approx(100 * scale, abs=PHANTOM.spacing / 2)
    assert millimetres(texts(coronal).text_content()) == pytest.approx(80 * height, abs=PHANTOM.step / 2)
    page.keyboard.press("e")
    drag(page, middle(axial, -20, 10), middle(axial, 20, 40))
    expect(texts(axial).filter(has_text=re.compile(r"^Mean -?\d+ ± \d+\.\d HU$"))).to_have_count(1)
    page.keyboard.press("Shift+KeyI")
    image = settled(page.get_by_test_id("viewport").first)
    expect(image).to_have_attribute("data-slice", str(SLICE))
    expect(texts(image)).to_have_count(4)


def test_values_between_voxels_carry_an_asterisk_and_slabs_their_name(page, ct):
    panes = open_planes(page)
    axial = panes["axial"]
    box = axial.bounding_box()
    assert box is not None
    reach = box["width"] / 3
    drag(page, middle(axial, reach, 0), middle(axial, reach, reach * 0.36))
    coronal = panes["coronal"]
    page.keyboard.press("e")
    drag(page, middle(coronal, -40, -60), middle(coronal, -10, -30))
    expect(texts(coronal).filter(has_text=re.compile(r"HU\*$"))).to_have_count(1)
    page.mouse.move(*middle(axial, -70, -100))
    page.mouse.click(*middle(axial, -70, -100), button="middle")
    page.keyboard.press("BracketRight")
    expect(page.get_by_test_id("slab").first).to_have_text("MIP 1 mm")
    page.keyboard.press("l")
    drag(page, middle(axial, -60, -90), middle(axial, 40, -90))
    expect(texts(axial).filter(has_text=re.compile(r"^\d+\.\d mm MIP$"))).to_have_count(1)


def test_steps_of_planes_and_shapes_are_one_list(page, ct):
    panes = open_planes(page)
    axial = panes["axial"]
    box = axial.bounding_box()
    assert box is not None
    reach = box["width"] / 3
    line = axial.locator(".plane-line.coronal")
    straight = line.get_attribute("d") or ""
    drag(page, middle(axial, reach, 0), middle(axial, reach, reach * 0.36))
    expect(line).not_to_have_attribute("d", straight)
    page.keyboard.press("l")
    drag(page, middle(axial, -60, -90), middle(axial, 40, -90))
    expect(texts(axial)).to_have_count(1)
    page.keyboard.press("Control+KeyZ")
    expect(shapes(axial)).to_have_count(0)
    expect(line).not_to_have_attribute("d", straight)
    page.keyboard.press("Control+KeyZ")
    expect(line).to_have_attribute("d", straight)


def test_a_copy_goes_to_the_same_place_of_another_series(page, site, ct):
    page.keyboard.press("Shift+Digit2")
    both = page.get_by_test_id("viewport")
    for each in both.all():
        settled(each)
    axial, sagittal = Slice(page, both.first), both.nth(1)
    line = ((66.44, 40), (66.44, 80))
    page.keyboard.press("l")
    axial.drag(*line)
    expect(axial.texts).to_have_count(1)
    written = axial.texts.text_content()
    page.keyboard.press("Tab")
    page.keyboard.press("Control+KeyC")
    page.keyboard.press("Quote")
    page.keyboard.press("Control+KeyV")
    expect(sagittal).to_have_attribute("data-slice", "6")
    expect(texts(sagittal)).to_have_text([written or ""])
    page.keyboard.press("Control+KeyZ")
    expect(shapes(sagittal)).to_have_count(0)
    expect(shapes(axial.viewport)).to_have_count(1)


def test_the_panel_lists_all_leads_to_each_and_hides_renames_and_deletes(page, ct):
    page.keyboard.press("l")
    ct.drag((30, 40), (90, 40))
    expect(ct.texts).to_have_count(1)
    page.keyboard.press("q")
    ct.drag((70.5, 60.5), (95.5, 80.5))
    expect(ct.texts).to_have_count(4)
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+KeyN")
    panel = page.get_by_test_id("measure-panel")
    rows = panel.get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Length")
    expect(rows.first).to_contain_text(re.compile(r"20[345]\.\d mm"))
    expect(rows.first).to_contain_text(f"Im {SLICE}/40")
    expect(rows.last).to_contain_text("Rectangle ROI")
    rows.first.get_by_role("button", name="Hide").click()
    expect(ct.texts).to_have_count(3)
    expect(ct.viewport.get_by_test_id("shapes-hidden")).to_be_visible()
    ct.viewport.focus()
    page.keyboard.press("End")
    expect(ct.viewport).to_have_attribute("data-slice", "40")
    rows.first.get_by_role("button").first.click()
    expect(ct.viewport).to_have_attribute("data-slice", str(SLICE))
    expect(ct.viewport.locator("[data-selected=true]")).to_have_attribute("data-kind", "length")
    expect(ct.viewport.get_by_test_id("shapes-hidden")).to_be_hidden()
    page.keyboard.press("F2")
    page.keyboard.type("Node")
    page.keyboard.press("Enter")
    expect(ct.texts.filter(has_text=re.compile(r"^Node 20[345]\.\d mm$"))).to_have_count(1)
    rows.last.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    expect(shapes(ct.viewport)).to_have_count(1)
    ct.viewport.focus()
    page.keyboard.press("Control+KeyZ")
    expect(rows).to_have_count(2)


def test_keys_go_from_mark_to_mark(page, ct):
    for number in (SLICE, SLICE + 5):
        expect(ct.viewport).to_have_attribute("data-slice", str(number))
        page.keyboard.press("l")
        ct.drag((30, 40), (90, 40))
        expect(ct.texts).to_have_count(1)
        for _ in range(5):
            page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    expect(ct.viewport).to_have_attribute("data-slice", "1")
    for key, number in (("Right", SLICE), ("Right", SLICE + 5), ("Right", SLICE + 5), ("Left", SLICE), ("Left", SLICE)):
        page.keyboard.press(f"Shift+Arrow{key}")
        expect(ct.viewport).to_have_attribute("data-slice", str(number))


def test_the_list_enlarges_what_is_too_small_to_be_seen(page, ct):
    page.keyboard.press("l")
    ct.drag((60, 60), (64, 60))
    expect(ct.texts).to_have_text([re.compile(r"^1[34]\.\d mm$")])
    page.keyboard.press("Shift+KeyN")
    rows = page.get_by_test_id("measure-panel").get_by_role("listitem")
    rows.first.get_by_role("button").first.click()
    expect(ct.viewport.get_by_text(re.compile(r"^\d\s?\d\d\d %"))).to_be_visible()
    expect(ct.texts).to_have_text([re.compile(r"^1[34]\.\d mm$")])


def test_numbers_and_names_are_russian(new_context, site):
    page = new_context(locale="ru-RU").new_page()
    ct = open_slice(page, site.study)
    page.get_by_test_id("toolbar").get_by_role("button", name="Линейка").click()
    ct.drag((20, 20), (110, 20))
    expect(ct.texts).to_have_text([re.compile(r"^30[567],\d мм$")])
    page.keyboard.press("q")
    ct.drag((70.5, 60.5), (95.5, 80.5))
    inside = ct.values[61:81, 71:96]
    deviation = f"{inside.std(ddof=1):.1f}".replace(".", ",")
    expect(ct.texts.filter(has_text="Среднее")).to_have_text(f"Среднее {inside.mean():.0f} ± {deviation} HU")
    size = ct.texts.filter(has_text="мм²").text_content() or ""
    assert re.fullmatch("5\u202f\\d{3} мм²  n 500", size)


def test_a_key_that_comes_before_the_code_loses_nothing(page, ct):
    """The first drag begins at once after the first use of a tool."""
    page.route("**/measuring-*.js", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.keyboard.press("l")
    ct.drag((30, 40), (90, 40))
    expect(ct.texts).to_have_text([re.compile(r"^20[345]\.\d mm$")])
