"""Lengths and angles on the surface of a model: a ball of known place and size."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from webviewer.sample.phantom import Ellipsoid
from webviewer.sample.series import PhantomSeries

RADIUS = 50.0
VOXEL = 2.5
BALL = PhantomSeries(
    rows=64, columns=64, slices=64, spacing=VOXEL, step=VOXEL, center=(0, 0, 0), noise=0, name="ball",
    bodies=(Ellipsoid((0, 0, 0), (RADIUS, RADIUS, RADIUS), 1500),),
)  # fmt: skip


@dataclass
class Model:
    """The model as it is seen from the front, by millimetres to the patient's left and to the head."""

    page: Page
    pane: Locator
    scale: float

    def at(self, left: float, up: float) -> tuple[float, float]:
        box = self.pane.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2 + left * self.scale, box["y"] + box["height"] / 2 - up * self.scale

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=5)
        self.page.mouse.up()

    def draw_length(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw and wait until it is said aloud: then it is one of the list, with its value."""
        self.page.keyboard.press("l")
        self.drag(start, end)
        expect(self.page.get_by_role("status").filter(has_text=re.compile(r"^Length, \d"))).to_have_count(1)

    def click(self, left: float, up: float) -> None:
        self.page.mouse.move(*self.at(left, up))
        self.page.mouse.click(*self.at(left, up))

    @property
    def texts(self) -> Locator:
        return texts(self.pane)


def texts(pane: Locator) -> Locator:
    return pane.locator("[data-testid=shape][data-waiting=false] text:visible")


def on_ball(left: float, up: float) -> tuple[float, float, float]:
    """Return where a ray from the front meets the ball."""
    return left, -math.sqrt(RADIUS**2 - left**2 - up**2), up


def expect_millimetres(found: Locator, value: float) -> None:
    """Wait for a text within a voxel of the truth."""
    tenths = range(math.ceil((value - VOXEL) * 10), math.floor((value + VOXEL) * 10) + 1)
    near = "|".join(rf"{tenth // 10}\.{tenth % 10}" for tenth in tenths)
    expect(found).to_have_text([re.compile(rf"^({near}) mm$")])


@pytest.fixture(scope="session")
def ball(people) -> str:
    login = people.add(notice__diagnosis=True)
    people.store(login, list(BALL.instances()))
    return str(login)


@pytest.fixture
def model(new_page, ball) -> Model:
    page = new_page(ball)
    study = page.context.request.get("/v2/studies").json()["studies"][0]["id"]
    page.goto(f"/viewer/3d?s={study}&series=1")
    pane = page.locator("[data-pane=model]")
    expect(pane).to_have_attribute("data-settled", "true", timeout=60_000)
    length = pane.evaluate("pane => pane.querySelector('.bar').getBBox().height")
    text = pane.evaluate("pane => pane.querySelector('.bar').parentElement.querySelector('text').textContent")
    value, unit = text.split()
    return Model(page, pane, length / (float(value) * (10 if unit == "cm" else 1)))


@pytest.mark.contract("R04")
def test_a_length_on_a_ball_is_the_true_distance_within_a_voxel(model):
    start, end = (-25.0, 10.0), (30.0, -15.0)
    model.draw_length(start, end)
    expect_millimetres(model.texts, math.dist(on_ball(*start), on_ball(*end)))


def test_a_length_by_clicks_reaches_in_depth(model):
    """One end in the middle, one near the rim: most of the distance is along the look."""
    start, end = (0.0, 0.0), (0.0, 44.0)
    model.page.keyboard.press("l")
    model.click(*start)
    expect(model.pane.get_by_test_id("shape")).to_have_count(1)
    model.click(*end)
    expect_millimetres(model.texts, math.dist(on_ball(*start), on_ball(*end)))
    expect(model.page.get_by_role("status").filter(has_text=re.compile(r"^Length, \d"))).to_have_count(1)


def test_an_angle_is_of_three_points_of_the_surface(model):
    arms = [on_ball(*at) for at in ((-30.0, 0.0), (0.0, 0.0), (0.0, 30.0))]
    one, vertex, other = arms
    legs = [[a - b for a, b in zip(arm, vertex, strict=True)] for arm in (one, other)]
    cosine = sum(a * b for a, b in zip(*legs, strict=True)) / math.prod(math.hypot(*leg) for leg in legs)
    model.page.keyboard.press("a")
    for left, up in ((-30.0, 0.0), (0.0, 0.0), (0.0, 30.0)):
        model.click(left, up)
    expect(model.texts).to_have_text([re.compile(r"^\d+\.\d°$")])
    found = float((model.texts.text_content() or "").rstrip("°"))
    assert found == pytest.approx(math.degrees(math.acos(cosine)), abs=4)


def test_where_nothing_is_seen_the_reader_is_told_and_nothing_is_drawn(model):
    model.page.keyboard.press("l")
    model.drag((0.0, 70.0), (0.0, 0.0))
    expect(model.page.get_by_text("Nothing can be seen here")).to_be_visible()
    expect(model.pane.get_by_test_id("shape")).to_have_count(0)


def test_a_length_is_dotted_from_behind_and_goes_with_undo(model):
    model.draw_length((-20.0, 0.0), (20.0, 0.0))
    shape = model.pane.get_by_test_id("shape")
    expect(model.texts).to_have_count(1)
    expect(shape).to_have_attribute("data-dotted", "false")
    model.page.get_by_role("button", name="View P").click()
    expect(shape).to_have_attribute("data-dotted", "true")
    model.page.get_by_role("button", name="View A").click()
    expect(shape).to_have_attribute("data-dotted", "false")
    model.page.keyboard.press("Control+KeyZ")
    expect(shape).to_have_count(0)
    model.page.keyboard.press("Control+Shift+KeyZ")
    expect(shape).to_have_count(1)
    model.page.keyboard.press("Tab")
    model.page.keyboard.press("Delete")
    expect(shape).to_have_count(0)


def test_a_handle_goes_along_the_surface_by_hand_and_by_keys(model):
    model.draw_length((-20.0, 0.0), (20.0, 0.0))
    expect_millimetres(model.texts, 40)
    model.page.keyboard.press("Escape")
    model.page.keyboard.press("Escape")
    model.drag((20.0, 0.0), (35.0, 20.0))
    expect_millimetres(model.texts, math.dist(on_ball(-20, 0), on_ball(35, 20)))
    before = model.texts.text_content() or ""
    model.page.keyboard.press("Shift+ArrowLeft")
    expect(model.texts).not_to_have_text(before)
    model.page.keyboard.press("Control+KeyZ")
    expect(model.texts).to_have_text(before)


def test_planes_show_a_length_of_the_surface_where_they_pierce_it(model):
    model.draw_length((-25.0, -20.0), (25.0, 20.0))
    expect(model.texts).to_have_count(1)
    model.page.keyboard.press("Shift+KeyM")
    axial = model.page.locator("[data-pane=axial]")
    expect(axial.locator("[data-quality=lossless]").first).to_be_visible(timeout=30_000)
    pierced = axial.get_by_test_id("shape").locator("path").nth(2)
    expect(pierced).to_have_attribute("d", re.compile(r"a3 3"))
    expect(texts(axial)).to_have_count(0)


def test_what_lies_on_a_plane_is_a_line_in_the_model(model):
    page = model.page
    page.keyboard.press("Shift+KeyM")
    axial = page.locator("[data-pane=axial]")
    expect(axial.locator("[data-quality=lossless]").first).to_be_visible(timeout=30_000)
    box = axial.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("q")
    page.mouse.move(middle[0] - 40, middle[1] - 60)
    page.mouse.down()
    page.mouse.move(middle[0] + 30, middle[1] - 20, steps=4)
    page.mouse.up()
    expect(texts(axial)).to_have_count(3)
    in_model = page.locator("[data-pane=model]").get_by_test_id("shape")
    expect(in_model.locator("path").nth(2)).to_have_attribute("d", re.compile(r"^M.*L.*L.*L"))
    expect(in_model.locator("text:visible")).to_have_count(0)


def test_a_label_is_typed_at_its_place_and_can_be_undone(model):
    page = model.page
    model.draw_length((-20.0, 0.0), (20.0, 0.0))
    expect(model.texts).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("F2")
    field = page.get_by_role("textbox", name="Label of the measurement")
    expect(field).to_be_focused()
    page.keyboard.type("Lesion l")
    page.keyboard.press("Enter")
    expect(field).to_have_count(0)
    expect(model.texts).to_have_text([re.compile(r"^Lesion l \d\d\.\d mm$")])
    page.keyboard.press("F2")
    page.keyboard.type("no")
    page.keyboard.press("Escape")
    expect(model.texts).to_have_text([re.compile(r"^Lesion l \d\d\.\d mm$")])
    page.keyboard.press("Control+KeyZ")
    expect(model.texts).to_have_text([re.compile(r"^\d\d\.\d mm$")])


def test_the_toolbar_offers_what_can_be_measured_on_a_model(model):
    bar = model.page.get_by_test_id("toolbar")
    bar.get_by_role("button", name="Measurements").click()
    names = model.page.get_by_role("menuitemradio")
    expect(names.filter(has_text=re.compile("Length|Angle"))).to_have_count(2)
    expect(names.filter(has_text="ROI")).to_have_count(0)


def test_settings_give_centimetres_and_tools_for_one_use(new_page, people):
    login = people.add(notice__diagnosis=True, viewer__units="cm", viewer__measuring="once")
    people.store(login, list(BALL.instances()))
    page = new_page(login)
    study = page.context.request.get("/v2/studies").json()["studies"][0]["id"]
    page.goto(f"/viewer/image?s={study}&series=1&slice=32")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport.locator("[data-quality=lossless]").first).to_be_visible(timeout=30_000)
    box = viewport.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("l")
    page.mouse.move(middle[0] - 100, middle[1])
    page.mouse.down()
    page.mouse.move(middle[0] + 100, middle[1], steps=4)
    page.mouse.up()
    expect(texts(viewport)).to_have_text([re.compile(r"^\d\.\d\d cm$")])
    tool = page.get_by_test_id("toolbar").locator("[data-tool='m.length']")
    expect(tool).to_have_attribute("aria-pressed", "false")
