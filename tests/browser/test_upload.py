"""Uploading by the page: files, a folder, an archive; pause, cancel, resume; what did not arrive."""

from __future__ import annotations

import io
import itertools
import os
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

AT_ONCE = 4
PART = re.compile(r"/v2/uploads/\w+\?")


@pytest.fixture
def page(new_page, people) -> Page:
    """The empty list of a new user."""
    return new_page(people.add(), "/")


@pytest.fixture
def folder(tmp_path, make_study) -> Path:
    """A folder as a CD has it: 6 images of one study in two folders, a DICOMDIR's name, a text."""
    root = tmp_path / "disc"
    for number, content in enumerate(make_study("Folder^Patient", 6)):
        place = root / f"S{number % 2}" / f"I{number}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (root / "README.TXT").write_text("not an image, and long enough to be looked into: " + "x" * 200)
    (root / "DICOMDIR").write_bytes(b"\0" * 200)
    return root


def drawer(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Upload")


def result(page: Page, name: str) -> Locator:
    return drawer(page).get_by_role("region", name="Studies").get_by_role("listitem").filter(has_text=name)


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


class Gate:
    """Keeps the parts of an upload until it is opened, as if the server were slow."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[Route] = []
        self.is_open = False
        page.route(PART, self.take)

    def take(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.held.append(route)

    def send(self, folder: Path) -> None:
        """Upload a folder; returns when as many parts are under way as are sent at a time."""
        count = itertools.count(1)
        with self.page.expect_request(lambda request: bool(PART.search(request.url)) and next(count) == AT_ONCE):
            self.page.get_by_test_id("upload-folder").set_input_files(folder)

    def open(self) -> None:
        self.is_open = True
        for route in self.held:
            route.continue_()


@pytest.mark.contract("R02")
def test_files_chosen_in_the_dialog_become_a_study_that_opens_from_the_drawer(page, make_study):
    payload = [
        {"name": f"I{index}.dcm", "mimeType": "application/dicom", "buffer": content}
        for index, content in enumerate(make_study("Files^Patient", 3))
    ]
    page.get_by_role("button", name="Upload", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.locator(".v-list-item").filter(has_text="Choose files").click()
    chooser.value.set_files(payload)
    expect(drawer(page).get_by_text("Done", exact=True)).to_be_visible()
    expect(drawer(page).get_by_text("3 of 3 files")).to_be_visible()
    expect(result(page, "Files Patient")).to_contain_text("New: 3 images")
    expect(page.get_by_role("row").filter(has_text="Files Patient")).to_be_visible()
    result(page, "Files Patient").get_by_role("button", name="Open").click()
    expect(page.locator("[data-quality=lossless]")).to_be_visible()


@pytest.mark.contract("R02")
def test_a_folder_is_taken_with_all_below_and_what_is_not_dicom_is_counted(page, folder):
    page.get_by_test_id("upload-folder").set_input_files(folder)
    expect(drawer(page).get_by_text("Done", exact=True)).to_be_visible()
    expect(result(page, "Folder Patient")).to_contain_text("New: 6 images")
    expect(drawer(page).get_by_text("1 file is not DICOM and was skipped")).to_be_visible()
    group = drawer(page).get_by_role("group").filter(has_text="Not DICOM")
    group.locator("summary").click()
    expect(group.get_by_text("disc/README.TXT")).to_be_visible()
    expect(group.get_by_text("Nothing to do: only DICOM files and ZIP archives are stored.")).to_be_visible()
    # The same folder again changes nothing.
    page.get_by_test_id("upload-folder").set_input_files(folder)
    expect(result(page, "Folder Patient")).to_contain_text("Complete already")
    expect(page.get_by_text("1-1 of 1")).to_be_visible()


@pytest.mark.contract("R02")
def test_an_archive_dropped_on_the_list_is_unpacked_with_the_archive_in_it(page, make_study):
    outer, inner = make_study("Zip^Patient", 4), make_study("Nested^Patient", 2)
    nested = archive({f"N{index}": content for index, content in enumerate(inner)})
    packed = archive({f"A/{index}.dcm": content for index, content in enumerate(outer)} | {"inner.zip": nested})
    transfer = page.evaluate_handle(
        """(bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(bytes)], 'studies.zip', { type: 'application/zip' }));
            return transfer;
        }""",
        list(packed),
    )
    page.dispatch_event("main", "dragenter", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop to upload to Storage")).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop to upload to Storage")).to_have_count(0)
    expect(drawer(page).get_by_text("Done", exact=True)).to_be_visible()
    expect(result(page, "Zip Patient")).to_contain_text("New: 4 images")
    expect(result(page, "Nested Patient")).to_contain_text("New: 2 images")
    expect(page.get_by_text("1-2 of 2")).to_be_visible()


def test_an_upload_goes_on_while_one_does_something_else_and_warns_who_leaves(page, folder):
    gate = Gate(page)
    gate.send(folder)
    expect(drawer(page).get_by_text("Sending")).to_be_visible()
    expect(drawer(page).get_by_role("progressbar", name="Upload progress")).to_be_visible()
    drawer(page).get_by_role("button", name="Hide; the upload goes on").click()
    page.get_by_role("link", name="About").click()
    expect(page.get_by_role("heading", name="About")).to_be_attached()
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => location.reload())")
    assert asked.value.type == "beforeunload"
    gate.open()
    page.get_by_role("link", name="Studies").first.click()
    page.get_by_role("button", name="Show upload").click()
    expect(result(page, "Folder Patient")).to_contain_text("New: 6 images")


def test_a_paused_upload_sends_nothing_until_it_goes_on(page, folder):
    gate = Gate(page)
    gate.send(folder)
    drawer(page).get_by_role("button", name="Pause").click()
    expect(drawer(page).get_by_text("Paused")).to_be_visible()
    gate.open()
    sent = []
    page.on(
        "request", lambda request: request.method == "PUT" and PART.search(request.url) and sent.append(request.url)
    )
    expect(drawer(page).get_by_text(re.compile(r"[45] of 7 files"))).to_be_visible()
    assert sent == []
    with page.expect_response(PART):
        drawer(page).get_by_role("button", name="Go on").click()
    expect(drawer(page).get_by_text("7 of 7 files")).to_be_visible()
    expect(result(page, "Folder Patient")).to_contain_text("New: 6 images")


def test_a_cancelled_upload_keeps_what_has_arrived(page, folder):
    gate = Gate(page)
    gate.send(folder)
    drawer(page).get_by_role("button", name="Pause").click()
    gate.open()
    expect(result(page, "Folder Patient")).to_be_visible()
    drawer(page).get_by_role("button", name="Cancel").click()
    expect(drawer(page).get_by_text("Cancelled. What has arrived is kept")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Folder Patient")).to_be_visible()


def test_after_a_reload_the_same_file_is_sent_from_where_it_was(page, tmp_path):
    """The file is three parts long; the server has the first one when the page is reloaded."""
    large = tmp_path / "archive.zip"
    with zipfile.ZipFile(large, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("noise.bin", os.urandom(17 * 1024 * 1024))
    first: list[str] = []

    def one_part(route):
        if "offset=0" in route.request.url:
            route.continue_()
        else:
            first.append(route.request.url)

    page.route(PART, one_part)
    with page.expect_response(re.compile("offset=0&")):
        page.get_by_test_id("upload-files").set_input_files(large)
    expect(drawer(page).get_by_text(re.compile("8.4.MB of 18.MB"))).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/about")
    page.unroute(PART)
    page.goto("/")
    expect(
        page.get_by_text(re.compile(r"An upload was interrupted \(0 of 1 file\)\. Choose the same files again"))
    ).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: request.method == "PUT" and sent.append(request.url))
    page.get_by_test_id("upload-files").set_input_files(large)
    expect(drawer(page).get_by_text("1 of 1 file")).to_be_visible()
    offsets = [re.search(r"offset=(\d+)", url)[1] for url in sent if PART.search(url)]
    assert offsets == [str(8 * 1024 * 1024), str(16 * 1024 * 1024)]


def test_when_the_server_is_away_sending_goes_on_by_itself(page, folder):
    page.route(PART, lambda route: route.abort())
    page.get_by_test_id("upload-folder").set_input_files(folder)
    expect(drawer(page).get_by_text("The server does not answer. Sending goes on by itself")).to_be_visible()
    page.unroute(PART)
    expect(result(page, "Folder Patient")).to_contain_text("New: 6 images")


def test_failures_are_grouped_by_reason_each_with_the_way_out_and_exported(page, tmp_path, make_study):
    whole, other = make_study("Failing^Patient", 2)
    changed = whole[:-100] + bytes(100)
    for name, content in {
        "good.dcm": whole, "same-uid.dcm": changed, "truncated.dcm": other[: len(other) // 2],
        "page.html": b"<html>" + b" " * 300,
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
    page.get_by_test_id("upload-files").set_input_files(tmp_path / "good.dcm")
    expect(drawer(page).get_by_text("Done", exact=True)).to_be_visible()
    rest = [tmp_path / name for name in ("same-uid.dcm", "truncated.dcm", "page.html")]
    page.get_by_test_id("upload-files").set_input_files(rest)
    expect(drawer(page).get_by_text("Done, but not everything arrived")).to_be_visible()
    for reason, way_out, name in (
        ("Same UID with different content", "The first one is kept.", "same-uid.dcm"),
        ("Damaged", "Kept in quarantine with the reason.", "truncated.dcm"),
        ("Not DICOM", "Nothing to do", "page.html"),
    ):
        group = drawer(page).locator("details").filter(has_text=reason)
        group.locator("summary").click()
        expect(group.get_by_text(way_out)).to_be_visible()
        expect(group.get_by_text(name, exact=True)).to_be_visible()
    with page.expect_download() as download:
        drawer(page).get_by_role("button", name="Export as CSV").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert lines[0] == "File,Reason,Details"
    assert sorted(line.split(",")[0] for line in lines[1:]) == ["page.html", "same-uid.dcm", "truncated.dcm"]


def test_the_drawer_speaks_russian_with_its_plurals(new_page, people, folder):
    page = new_page(people.add(), "/", locale="ru-RU")
    page.get_by_test_id("upload-folder").set_input_files(folder)
    panel = page.get_by_role("complementary", name="Загрузка")
    expect(panel.get_by_text("Новое: 6 снимков")).to_be_visible()
    expect(panel.get_by_text("1 файл не DICOM, пропущен")).to_be_visible()
