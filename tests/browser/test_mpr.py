"""The MPR window in a real browser: linked planes of the phantom under the reader's hand."""

from __future__ import annotations

import io
import re

import pydicom
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from pydicom.uid import generate_uid

FIRST_SLICE = "-160.0"
MILLIMETRES = 8.0
MIDDLE = [0.0, 0.0, -80.0]


def pane(page: Page, name: str) -> Locator:
    return page.locator(f"[data-pane={name}]")


def settled(pane_: Locator) -> Locator:
    expect(pane_.locator("[data-quality=lossless]")).to_be_visible(timeout=20_000)
    return pane_


def open_mpr(page: Page, study: str, series: int = 1) -> Locator:
    """Open a series in the MPR window by its address."""
    page.goto(f"/viewer/mpr?s={study}&series={series}")
    for name in ("coronal", "sagittal", "axial"):
        settled(pane(page, name))
    return pane(page, "axial")


def point(pane_: Locator) -> list[float]:
    return [float(part) for part in (pane_.get_attribute("data-point") or "").split()]


def box(pane_: Locator) -> dict[str, float]:
    found = pane_.bounding_box()
    assert found is not None
    return dict(found)


def middle(pane_: Locator, dx: float = 0, dy: float = 0) -> tuple[float, float]:
    at = box(pane_)
    return at["x"] + at["width"] / 2 + dx, at["y"] + at["height"] / 2 + dy


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], button: str = "left") -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(*end, steps=8)
    page.mouse.up(button=button)


def line_of(pane_: Locator, plane: str) -> Locator:
    return pane_.locator(f".plane-line.{plane}")


def line(pane_: Locator, plane: str) -> str:
    """Outline of the line of another plane, as it is drawn."""
    return line_of(pane_, plane).get_attribute("d") or ""


@pytest.fixture
def axial(page, site) -> Locator:
    return open_mpr(page, site.study)


@pytest.mark.contract("R04")
def test_the_address_leads_to_three_planes_and_the_model(page, axial):
    expect(page.get_by_test_id("volume-grid")).to_have_attribute("data-layout", "2x2")
    assert point(axial)[:2] == [0.0, 0.0]
    for name, letters in (("axial", "APRL"), ("coronal", "HFRL"), ("sagittal", "HFAP")):
        expect(pane(page, name).locator(".letter")).to_have_text(list(letters))
    assert re.fullmatch(r"CT, series 1, Axial, A -?\d+\.\d mm", axial.get_attribute("aria-label") or "")
    expect(pane(page, "model").locator("[data-quality]")).to_be_visible(timeout=20_000)
    expect(pane(page, "model").get_by_test_id("cube")).to_be_visible()


def test_the_address_leads_to_the_middle_also_when_the_code_of_volumes_comes_after_the_first_slice(page, site):
    """No place was chosen in the stack behind the volume, so none is carried over."""

    def come_late(route: Route) -> None:
        settled(page.get_by_test_id("viewport").first)
        route.continue_()

    page.route("**/assets/windowSwitch-*.js", come_late)
    axial = open_mpr(page, site.study)
    assert point(axial) == MIDDLE


def test_the_slice_and_the_window_are_carried_there_and_back(page, site, phantom):
    page.goto(f"/viewer/image?s={site.study}&series=1&slice=11")
    image = page.get_by_test_id("viewport").first
    settled(image)
    expect(image).to_have_attribute("data-slice", "11")
    page.keyboard.press("2")
    page.keyboard.press("Shift+KeyM")
    axial = settled(pane(page, "axial"))
    expect(page).to_have_url(re.compile("/viewer/mpr"))
    start = point(axial)[2]
    expect(axial.get_by_text(re.compile(r"W 1500\s+C -600\s+Lung"))).to_be_visible()
    page.mouse.move(*middle(axial, 90, 60))
    for _ in range(3):
        page.mouse.wheel(0, 120)
    moved = start + 3 * phantom.spacing  # a notch is the smallest distance of voxels
    expect(axial).to_have_attribute("data-point", re.compile(f" {moved:.1f}$"))
    page.keyboard.press("4")
    page.keyboard.press("Shift+KeyI")
    expect(page).to_have_url(re.compile("/viewer/image"))
    image = page.get_by_test_id("viewport").first
    expect(image).to_have_attribute("data-slice", str(11 + round((moved - start) / MILLIMETRES)))
    expect(image.get_by_text(re.compile(r"W 1800\s+C 400\s+Bone"))).to_be_visible()
    assert page.get_by_test_id("grid").get_attribute("data-layout") == "1x1"


def test_dragging_the_centre_moves_the_other_planes(page, axial):
    before = point(axial)
    coronal_before = line(pane(page, "sagittal"), "coronal")
    drag(page, middle(axial), middle(axial, 40, 24))
    expect(axial).not_to_have_attribute("data-point", " ".join(f"{part:.1f}" for part in before))
    after = point(axial)
    scale = (after[0] - before[0]) / 40
    assert scale > 0
    assert after[1] - before[1] == pytest.approx(24 * scale, abs=0.2)
    assert after[2] == before[2]
    expect(line_of(pane(page, "sagittal"), "coronal")).not_to_have_attribute("d", coronal_before)
    settled(pane(page, "sagittal"))


def test_a_line_moves_its_plane_only_across(page, axial):
    drag(page, middle(axial, 60, 0), middle(axial, 90, -30))
    expect(axial).not_to_have_attribute("data-point", re.compile("^0.0 0.0 "))
    x, y, _ = point(axial)
    assert x == 0
    assert y < 0


def test_a_round_handle_turns_both_lines_and_undo_brings_them_back(page, axial):
    at = box(axial)
    reach = at["width"] / 3
    straight = line(axial, "coronal")
    handle = middle(axial, reach, 0)
    page.mouse.move(*handle)
    assert axial.evaluate("host => host.style.cursor") == "grab"
    page.mouse.down()
    page.mouse.move(handle[0], handle[1] + reach * 0.36, steps=8)
    expect(axial.get_by_text(re.compile(r"^\d+\.\d°$"))).to_be_visible()
    page.mouse.up()
    expect(line_of(axial, "coronal")).not_to_have_attribute("d", straight)
    assert line(axial, "sagittal").count("M") == 2
    expect(pane(page, "coronal").locator(".letter").nth(3)).to_have_text("LP")
    page.keyboard.press("Control+KeyZ")
    expect(pane(page, "coronal").locator(".letter").nth(3)).to_have_text("L")
    expect(line_of(axial, "coronal")).to_have_attribute("d", straight)
    page.keyboard.press("Control+Shift+KeyZ")
    expect(pane(page, "coronal").locator(".letter").nth(3)).to_have_text("LP")
    page.keyboard.press("Shift+KeyX")
    expect(pane(page, "coronal").locator(".letter").nth(3)).to_have_text("L")


def test_escape_puts_a_turned_line_back(page, axial):
    straight = line(axial, "coronal")
    handle = middle(axial, box(axial)["width"] / 3, 0)
    page.mouse.move(*handle)
    page.mouse.down()
    page.mouse.move(handle[0], handle[1] + 60, steps=4)
    expect(line_of(axial, "coronal")).not_to_have_attribute("d", straight)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(line_of(axial, "coronal")).to_have_attribute("d", straight)


def test_slabs_have_a_mode_a_thickness_and_a_badge(page, axial):
    page.mouse.click(*middle(axial, 100, 90))
    page.keyboard.press("Shift+KeyS")
    expect(page.get_by_test_id("slab")).to_have_text(["MIP 10 mm"] * 3)
    page.keyboard.press("BracketRight")
    expect(page.get_by_test_id("slab").first).to_have_text("MIP 11 mm")
    assert pane(page, "coronal").locator(".plane-slab.axial").get_attribute("d") != ""
    page.keyboard.down("Alt")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Alt")
    expect(page.get_by_test_id("slab").first).to_have_text("MIP 12 mm")
    page.get_by_role("button", name="Slab mode").click()
    page.get_by_role("menuitemradio", name="Average").click()
    expect(page.get_by_test_id("slab").first).to_have_text("Average 12 mm")
    page.keyboard.down("Shift")
    drag(page, middle(axial, 100, 60), middle(axial, 100, 100), button="middle")
    page.keyboard.up("Shift")
    expect(page.get_by_test_id("slab").first).to_have_text("Average 2 mm")
    settled(axial)


def test_layouts_are_planes_and_the_model(page, axial):
    page.mouse.click(*middle(axial, 100, 90))
    for key, shown in (("1", ["axial"]), ("3", ["axial", "coronal", "sagittal"]), ("2", ["axial", "coronal"])):
        page.keyboard.press(f"Shift+Digit{key}")
        expect(page.get_by_test_id("viewport")).to_have_count(len(shown))
        assert [each.get_attribute("data-pane") for each in page.get_by_test_id("viewport").all()] == shown
    page.keyboard.press("Shift+Digit4")
    page.mouse.dblclick(*middle(pane(page, "sagittal"), 80, 60))
    expect(page.get_by_test_id("viewport")).to_have_count(1)
    settled(pane(page, "sagittal"))


def test_only_what_changes_is_asked_of_the_server(page, site):
    page.add_init_script(
        """const send = WebSocket.prototype.send; window.sent = [];
        WebSocket.prototype.send = function (data) { window.sent.push(data); return send.call(this, data); };"""
    )
    axial = open_mpr(page, site.study)
    settled(axial)
    page.evaluate("window.sent = []")
    page.mouse.move(*middle(axial, 100, 90))
    page.mouse.wheel(0, 120)
    expect(axial).not_to_have_attribute("data-point", re.compile(f" {FIRST_SLICE}$"))
    settled(axial)
    views = page.evaluate("window.sent.map(JSON.parse).filter(({type}) => type === 'view')")
    assert len({view["viewport"] for view in views}) == 1
    assert all(set(view["patch"]) <= {"center"} for view in views)


def test_a_series_of_two_images_says_why_it_is_no_volume(new_context, pair):
    reasons = {
        "en-US": ("MPR reconstruction", "A volume needs at least 3 parallel images"),
        "ru-RU": ("МПР-реконструкция", "Для объёма нужно не меньше 3 параллельных снимков"),
    }
    for locale, (name, reason) in reasons.items():
        page = new_context(locale=locale).new_page()
        page.goto(f"/viewer/image?s={pair}")
        settled(page.get_by_test_id("viewport").first)
        button = page.get_by_role("button", name=name)
        expect(button).to_have_attribute("aria-disabled", "true")
        button.hover()
        expect(page.locator("#tool-tip")).to_contain_text(reason)
        page.keyboard.press("Shift+KeyM")
        expect(page.get_by_test_id("volume-grid")).to_have_count(0)
        page.goto(f"/viewer/mpr?s={pair}&series=1")
        expect(pane(page, "axial").get_by_role("alert")).to_contain_text(reason)


def test_the_address_of_a_study_opens_its_volume_and_not_its_scout(new_page, people, make_study):
    files = make_study("Scout^First", 5)
    scout = pydicom.dcmread(io.BytesIO(files[0]))
    scout.SeriesInstanceUID = generate_uid()
    scout.SOPInstanceUID = scout.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    scout.SeriesNumber = 0
    buffer = io.BytesIO()
    scout.save_as(buffer)
    login = people.add(notice__diagnosis=True)
    people.store(login, [buffer.getvalue(), *files[1:]])
    page = new_page(login, "/")
    study = page.request.get("/v2/studies").json()["studies"][0]["id"]
    page.goto(f"/viewer/mpr?s={study}")
    settled(pane(page, "coronal"))
    expect(page.get_by_test_id("series").and_(page.locator(".active"))).to_contain_text("CT4")


def test_texts_are_russian(new_context, site):
    page = new_context(locale="ru-RU").new_page()
    axial = open_mpr(page, site.study)
    for name, text in (("axial", "Аксиальная"), ("coronal", "Корональная"), ("sagittal", "Сагиттальная")):
        expect(pane(page, name).get_by_text(text)).to_be_visible()
    page.mouse.click(*middle(axial, 100, 90))
    page.get_by_role("button", name="Режим слоя").click()
    expect(page.get_by_role("menuitemradio")).to_contain_text(["Выкл.", "MIP", "MinIP", "Среднее", "Сумма"])
