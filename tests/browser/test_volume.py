"""The Volume window in a real browser: camera, presets, crop and scissors on the phantom."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect


def settled(model: Locator) -> Locator:
    expect(model).to_have_attribute("data-settled", "true", timeout=30_000)
    return model


def bright(model: Locator) -> float:
    """Area of the picture that is not background, in squares of its height: what a line above takes away only scales it."""
    pixels = np.asarray(Image.open(io.BytesIO(settled(model).screenshot())).convert("L"))
    return float((pixels > 40).sum() / pixels.shape[0] ** 2)


def middle(model: Locator, dx: float = 0, dy: float = 0) -> tuple[float, float]:
    box = model.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy


def angles(model: Locator, text: str) -> None:
    expect(model.get_by_text(re.compile(text))).to_be_visible()


@pytest.fixture
def model(page, site) -> Locator:
    page.goto(f"/viewer/3d?s={site.study}&series=1")
    return settled(page.locator("[data-pane=model]"))


@pytest.mark.contract("R04")
def test_the_address_leads_to_the_model_with_the_first_preset(page, model):
    expect(page.get_by_test_id("volume-grid")).to_have_attribute("data-layout", "1x1")
    expect(model.get_by_text("Bones")).to_be_visible()
    angles(model, r"LAO 0°\s+CRA 0°")
    expect(model.locator(".letter")).to_have_text(["H", "F", "R", "L"])


def test_a_drag_turns_the_model_with_the_hand(page, model):
    width = model.bounding_box()["width"]
    page.mouse.move(*middle(model))
    page.mouse.down()
    page.mouse.move(*middle(model, width / 6, 0), steps=8)
    page.mouse.up()
    angles(model, r"RAO 30°\s+CRA 0°")
    settled(model)
    page.keyboard.press("ArrowLeft")
    angles(model, r"RAO 25°")
    page.keyboard.press("Shift+KeyX")
    angles(model, r"LAO 0°\s+CRA 0°")


def test_presets_have_keys(page, model):
    bones = bright(model)
    page.keyboard.press("4")
    expect(model.get_by_text("Skin")).to_be_visible()
    assert bright(model) > 1.5 * bones
    page.keyboard.press("9")
    expect(model.get_by_text(re.compile(r"W 800\s+C 200"))).to_be_visible()
    settled(model)


def test_the_cube_and_the_buttons_look_from_there(page, model):
    cube = model.get_by_test_id("cube")
    page.get_by_role("button", name="View L").click()
    angles(model, r"LAO 90°\s+CRA 0°")
    expect(cube.locator("text")).to_have_text(["L"])
    cube.click(position={"x": 32, "y": 16})
    angles(model, r"LAO 90°\s+CRA 45°")
    expect(cube.locator("text")).to_have_count(2)
    page.keyboard.press("Shift+KeyX")
    angles(model, r"LAO 0°\s+CRA 0°")
    cube.click(position={"x": 48, "y": 16})
    angles(model, r"LAO 45°\s+CRA 35°")
    settled(model)


def test_scissors_cut_and_undo_brings_back(page, model):
    page.keyboard.press("4")
    expect(model.get_by_text("Skin")).to_be_visible()
    whole = bright(model)
    page.keyboard.press("KeyJ")
    page.mouse.move(*middle(model, -200, -60))
    page.mouse.down()
    for dx, dy in ((-200, 60), (200, 60), (200, -60), (-195, -60)):
        page.mouse.move(*middle(model, dx, dy), steps=5)
    assert model.locator(".lasso").get_attribute("d") != ""
    page.mouse.up()
    expect(model.locator(".lasso")).to_have_attribute("d", "")
    expect(page.get_by_role("button", name="Undo")).to_have_attribute("aria-disabled", "false")
    cut = bright(model)
    assert cut < 0.8 * whole
    page.keyboard.press("Control+KeyZ")
    expect(page.get_by_role("button", name="Undo")).to_have_attribute("aria-disabled", "true")
    assert bright(model) == pytest.approx(whole, rel=0.1)
    page.keyboard.press("Control+KeyY")
    expect(page.get_by_role("button", name="Undo")).to_have_attribute("aria-disabled", "false")
    assert bright(model) == pytest.approx(cut, rel=0.1)


def test_scissors_take_a_polygon_of_clicks(page, model):
    page.keyboard.press("4")
    expect(model.get_by_text("Skin")).to_be_visible()
    whole = bright(model)
    page.keyboard.press("Shift+KeyJ")
    for dx, dy in ((-60, -60), (60, -60), (60, 60), (-60, 60)):
        page.mouse.click(*middle(model, dx, dy))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_have_attribute("aria-disabled", "false")
    assert bright(model) < 0.5 * whole


def test_the_crop_box_is_dragged_and_typed(page, model):
    page.keyboard.press("4")
    expect(model.get_by_text("Skin")).to_be_visible()
    whole = bright(model)
    page.keyboard.press("Shift+KeyC")
    handle = model.locator(".plane-handle.axial")
    expect(handle).to_be_visible()
    top = handle.evaluate("element => element.getBoundingClientRect().top") + 5
    page.mouse.move(middle(model)[0], top)
    page.mouse.down()
    page.mouse.move(middle(model)[0], top + 120, steps=6)
    page.mouse.up()
    cropped = bright(model)
    assert cropped < whole
    page.get_by_test_id("panel-toggle").click()
    page.get_by_role("tab", name="3D").click()
    high = page.get_by_label("z to")
    assert float(high.input_value()) < 300
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(high).to_have_value("316")
    page.get_by_label("x to").fill("218")
    page.get_by_label("x to").press("Enter")
    expect(page.get_by_label("x to")).to_have_value("218")


def test_the_transfer_function_is_edited_by_its_points(page, model):
    page.get_by_test_id("panel-toggle").click()
    page.get_by_role("tab", name="3D").click()
    points = page.get_by_test_id("transfer-point")
    expect(points).to_have_count(5)
    points.nth(1).focus()
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    expect(points.nth(1)).to_have_attribute("aria-valuetext", re.compile("25 %$"))
    page.keyboard.press("Delete")
    expect(points).to_have_count(4)
    expect(model.get_by_text("Volume")).to_be_visible()
    settled(model)


def test_a_press_on_the_surface_takes_the_crosshair_there(page, model):
    page.keyboard.press("4")
    expect(model.get_by_text("Skin")).to_be_visible()
    settled(model)
    before = model.get_attribute("data-point") or ""
    page.keyboard.down("Control")
    page.mouse.click(*middle(model, 20, 30))
    page.keyboard.up("Control")
    expect(model).not_to_have_attribute("data-point", before)
    assert model.locator("path.cross").get_attribute("d") != ""


def test_panel_and_presets_are_russian(new_context, site):
    page = new_context(locale="ru-RU").new_page()
    page.goto(f"/viewer/3d?s={site.study}&series=1")
    model = settled(page.locator("[data-pane=model]"))
    expect(model.get_by_text("Кости")).to_be_visible()
    page.get_by_test_id("panel-toggle").click()
    page.get_by_role("tab", name="3D").click()
    panel = page.get_by_test_id("volume-panel")
    for text in ("Мышцы и органы", "Передаточная функция", "Рамка отсечения", "Вырезов нет"):
        expect(panel.get_by_text(text)).to_be_visible()
