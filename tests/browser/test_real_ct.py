"""A head CT of 140 JPEG-LS slices comes in by every way and is read.

With WEBVIEWER_SCREENSHOTS=<folder> the tests write the pictures of the README there.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.real_data

IMAGES = 140
ARRIVAL_MS = 60_000
SCREENSHOTS = os.environ.get("WEBVIEWER_SCREENSHOTS", "")
LARGEST_BYTES = 300_000
COLOURS = 192


@pytest.fixture(scope="session")
def folder(real_data) -> Path:
    found = real_data / "dcm_qa_ct_head1mm_jls"
    assert len(list(found.glob("*.dcm"))) == IMAGES
    return found


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Return a function that keeps a picture of the page, where pictures are wanted."""

    def take(page: Page, name: str) -> None:
        if not SCREENSHOTS:
            return
        page.mouse.move(0, 0)
        expect(page.locator(".v-tooltip .v-overlay__content:visible")).to_have_count(0)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        place = Path(SCREENSHOTS) / f"{name}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(place, optimize=True)
        assert place.stat().st_size < LARGEST_BYTES

    return take


@pytest.fixture
def scanner(site, folder, require_program) -> Callable[[str], None]:
    """Return a function that sends the slices to an AE title as a scanner does."""

    def send(title: str) -> None:
        command = [
            require_program("storescu"), "--propose-jls-lossless", "--call", title, "--scan-directories",
            "127.0.0.1", str(site.dicom_port), str(folder),
        ]  # fmt: skip
        subprocess.run(command, check=True, timeout=ARRIVAL_MS / 1000)

    return send


@pytest.fixture
def more_studies(people, real_data) -> Callable[[str], None]:
    """Return a function that fills a storage with what a picture of the list needs."""

    def store(login: str) -> None:
        names = ["datalad_fmri", "tcia_pt", "dcm_qa_agfa", "dcm_qa_ct_ge_tilt3", "dcm_qa_decubitus_t1", "dcm_qa_enh"]
        files = [path for name in names for path in sorted((real_data / name).iterdir())[:24] if path.is_file()]
        people.store(login, [path.read_bytes() for path in files])

    return store


@pytest.fixture
def packed(folder, tmp_path) -> Path:
    """The slices in a ZIP."""
    place = tmp_path / "head.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for path in sorted(folder.glob("*.dcm")):
            archive.write(path, f"HEAD/{path.name}")
    return place


def study(page: Page) -> Locator:
    return page.locator("tbody tr[data-id]").filter(has_text="HEAD")


def drawer(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Upload")


def check_the_list(page: Page) -> None:
    """One study of 140 images, with a thumbnail of its series."""
    expect(study(page)).to_have_count(1)
    expect(study(page).locator("td.numeric")).to_have_text(["1", str(IMAGES)])
    study(page).click()
    expect(page.get_by_text(f"{IMAGES} images")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.drawer img')?.naturalWidth > 0")


def open_it(page: Page) -> Locator:
    study(page).dblclick()
    expect(page.locator("[data-quality=lossless]").first).to_be_visible(timeout=ARRIVAL_MS)
    return page.get_by_test_id("viewport").first


def go_to(page: Page, viewport: Locator, slice_number: int) -> None:
    viewport.focus()
    page.keyboard.press("Control+KeyG")
    page.get_by_label(re.compile("Slice 1")).first.fill(str(slice_number))
    page.keyboard.press("Enter")
    expect(viewport).to_have_attribute("data-slice", str(slice_number))


@pytest.mark.contract("R02", "R04", "A04")
def test_sent_by_a_scanner_it_is_listed_opened_and_scrolled_to_its_end(new_page, people, scanner, shoot):
    login = people.add("radiologist", ae_title="HEADCT", notice__diagnosis=True)
    scanner("HEADCT")
    page = new_page(login, "/")
    check_the_list(page)
    viewport = open_it(page)
    expect(viewport.get_by_text(f"Im 1/{IMAGES}")).to_be_visible()
    viewport.hover()
    for _ in range(IMAGES):
        page.mouse.wheel(0, 120)
    expect(viewport).to_have_attribute("data-slice", str(IMAGES))
    expect(viewport.locator("[data-quality=lossless]")).to_be_visible()
    go_to(page, viewport, 66)
    page.keyboard.press("Shift+Digit2")
    panes = page.get_by_test_id("viewport")
    page.get_by_test_id("series").first.drag_to(panes.nth(1))
    expect(panes.nth(1).locator("[data-quality=lossless]")).to_be_visible()
    go_to(page, panes.nth(1), 66)
    page.keyboard.press("Digit4")
    expect(panes.nth(1).get_by_text(re.compile(r"W 1800\s+C 400"))).to_be_visible()
    page.mouse.move(0, 0)
    for index in range(2):
        expect(panes.nth(index).locator("[data-quality=lossless]")).to_be_visible()
    shoot(page, "viewer")


@pytest.mark.contract("R02")
def test_its_folder_uploaded_by_the_page_is_the_same_study(new_page, people, folder, shoot):
    login = people.add("anna", notice__diagnosis=True)
    page = new_page(login, "/")
    page.get_by_test_id("upload-folder").set_input_files(folder)
    expect(drawer(page).get_by_text(re.compile(r"^(2\d|[3-9]\d|1\d\d) of 140 files"))).to_be_visible(timeout=ARRIVAL_MS)
    shoot(page, "upload")
    expect(drawer(page).get_by_text("Done", exact=True)).to_be_visible(timeout=ARRIVAL_MS)
    expect(drawer(page).get_by_text(f"New: {IMAGES} images")).to_be_visible()
    drawer(page).get_by_role("button", name="Close").click()
    check_the_list(page)
    viewport = open_it(page)
    expect(viewport.get_by_text(f"Im 1/{IMAGES}")).to_be_visible()


@pytest.mark.contract("R02")
def test_a_zip_of_it_uploaded_by_the_page_is_the_same_study(new_page, people, packed, more_studies, shoot):
    login = people.add("reader", notice__diagnosis=True)
    page = new_page(login, "/")
    page.get_by_test_id("upload-files").set_input_files(packed)
    expect(drawer(page).get_by_text(f"New: {IMAGES} images")).to_be_visible(timeout=ARRIVAL_MS)
    drawer(page).get_by_role("button", name="Close").click()
    check_the_list(page)
    if SCREENSHOTS:
        more_studies(login)
        page.get_by_role("button", name="Refresh").click()
        expect(page.locator("tbody tr[data-id]").nth(3)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
    shoot(page, "studies")


def test_in_russian_it_is_counted_and_listed_in_russian(new_page, people, packed, shoot):
    page = new_page(people.add("irina", notice__diagnosis=True, language="ru", theme="light"), "/")
    page.get_by_test_id("upload-files").set_input_files(packed)
    panel = page.get_by_role("complementary", name="Загрузка")
    expect(panel.get_by_text(f"Новое: {IMAGES} снимков")).to_be_visible(timeout=ARRIVAL_MS)
    study(page).click()
    expect(page.get_by_text(f"{IMAGES} снимков", exact=True)).to_be_visible()
    page.wait_for_function("() => document.querySelector('.drawer img')?.naturalWidth > 0")
    shoot(page, "russian")


@pytest.fixture
def head(people, folder, new_page) -> tuple[Page, str]:
    """A page of a reader who has the study, and its address part."""
    login = people.add("surgeon", notice__diagnosis=True)
    people.store(login, [path.read_bytes() for path in sorted(folder.glob("*.dcm"))])
    page = new_page(login, "/")
    found = page.request.get("/v2/studies").json()["studies"]
    return page, str(found[0]["id"])


@pytest.mark.contract("R04")
def test_its_planes_turn_together_and_its_bones_are_shown_from_the_side(head, shoot):
    page, study_id = head
    page.goto(f"/viewer/mpr?s={study_id}&series=1")
    panes = [page.locator(f"[data-pane={name}]") for name in ("axial", "coronal", "sagittal")]
    for pane in panes:
        expect(pane.locator("[data-quality=lossless]")).to_be_visible(timeout=ARRIVAL_MS)
    box = panes[0].bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x + box["width"] / 3, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 3, y - box["width"] / 12, steps=6)
    page.mouse.up()
    expect(panes[1].locator(".letter").nth(3)).to_have_text("LA")
    before = panes[0].get_attribute("data-point") or ""
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 14, y - 30, steps=6)
    page.mouse.up()
    expect(panes[0]).not_to_have_attribute("data-point", before)
    page.mouse.move(0, 0)
    for pane in panes:
        expect(pane.locator("[data-quality=lossless]")).to_be_visible()
    shoot(page, "mpr")
    page.goto(f"/viewer/3d?s={study_id}&series=1")
    model = page.locator("[data-pane=model]")
    expect(model).to_have_attribute("data-settled", "true", timeout=ARRIVAL_MS)
    page.keyboard.press("ArrowLeft")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    expect(model.get_by_text(re.compile("LAO|RAO"))).not_to_have_text(re.compile(r"LAO 0°"))
    expect(model).to_have_attribute("data-settled", "true", timeout=ARRIVAL_MS)
    shoot(page, "volume")
