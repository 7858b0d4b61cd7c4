"""Damaged real files, by upload and by C-STORE: each has an end that the user can read, and the node lives."""

# ruff: noqa: PLR0913 - fixtures are arguments

import asyncio
import json
import re
import struct
from pathlib import Path

import pytest

from webviewer.domain.study import QuarantineQuery
from webviewer.testing.storage_port import upload

CT = "1.2.840.10008.5.1.4.1.1.2"
pytestmark = pytest.mark.real_data
ENDS = {"stored", "quarantined", "not-dicom", "conflict", "rejected", "duplicate"}
LOCALES = Path(__file__).parents[2] / "html" / "src" / "locales"
TEXTS = {
    language: json.loads((LOCALES / language / "reason.json").read_text(encoding="utf-8")) for language in ("en", "ru")
}


def assert_readable(why, text):
    """What API users get is the cause's sentence, and the pages have one for it in both languages."""
    assert why is not None
    assert why.text == text
    for language, letters in (("en", r"[a-zA-Z]{3}"), ("ru", r"[\u0430-\u044f]{3}")):
        shown = TEXTS[language][f"reason.{why.code}"].format_map(why.values)
        assert re.search(letters, shown), shown


def split(content):
    """Return (data set, SOP class, SOP instance UID) as a sender that trusts the file meta would send them."""
    if content[128:132] != b"DICM":
        return content, CT, "1.2.3.4"
    length = struct.unpack_from("<L", content, 140)[0]
    found, position = {}, 144
    while position + 8 <= min(144 + length, len(content)):
        element, vr, size = struct.unpack_from("<2xH2sH", content, position)
        start = position + 8
        if vr == b"OB":
            size, start = struct.unpack_from("<L", content, position + 8)[0], position + 12
        found[element] = content[start : start + size].rstrip(b"\0 ").decode("ascii", "replace")
        position = start + size
    return content[144 + length :] or content, found.get(2) or CT, found.get(3) or "1.2.3.4"


async def test_by_upload(node, store, token, real_data, make_object):
    mine = token(store)
    ends = {}
    for number, path in enumerate(sorted((real_data / "malformed").iterdir())):
        state = await upload(node.port, mine, path.read_bytes(), path.name)
        assert state.state == "done", path.name
        outcome = state.outcomes[0]
        assert outcome.status in ENDS
        if outcome.status not in {"stored", "duplicate"}:
            assert_readable(outcome.why, outcome.reason)
        elif outcome.problem:
            assert_readable(outcome.why, outcome.problem)
        ends[outcome.status] = ends.get(outcome.status, 0) + 1
        good = await upload(node.port, mine, make_object(number, study=999))
        assert good.outcomes[0].status == "stored"
    assert ends.get("quarantined", 0) >= 10
    page = await node.port.list_quarantine(mine, QuarantineQuery(limit=100))
    assert page.total == sum(ends.get(status, 0) for status in ("quarantined", "conflict"))
    for item in page.items:
        assert_readable(item.why, item.reason)
        assert item.name
        assert (item.store, item.source, item.ae_title, item.address) == ("user", "upload", "", "")


async def test_by_c_store(dicom_node, token, real_data, make_object, dicom_association, send_data_set):
    good = failed = 0
    for number, path in enumerate(sorted((real_data / "malformed").iterdir())):
        data, sop_class, uid = split(path.read_bytes())
        async with dicom_association(dicom_node.dicom_port) as assoc:
            answer = await asyncio.to_thread(send_data_set, assoc, data, sop_class, uid[:64])
            assert answer is not None, path.name
            assert answer.Status in {0x0000, 0xA900, 0xC000, 0xC001}, path.name
            assert answer.Status == 0 or answer.ErrorComment, path.name
            failed += answer.Status != 0
            content = make_object(number, study=999)
            data = content[144 + struct.unpack_from("<L", content, 140)[0] :]
            answer = await asyncio.to_thread(send_data_set, assoc, data, CT, f"1.2.3.999.1.{number}")
            good += answer.Status == 0
    assert good == number + 1
    page = await dicom_node.port.list_quarantine(token(dicom_node.shared_store), QuarantineQuery(limit=100))
    assert page.total == failed >= 10
    for item in page.items:
        assert_readable(item.why, item.reason)
        assert (item.store, item.source, item.ae_title) == ("shared", "C-STORE", "SENDER")
        assert item.address == "127.0.0.1"


async def test_by_storescu(dicom_node, real_data, run_program, tmp_path, make_object):
    for path in sorted((real_data / "malformed").iterdir()):
        await run_program("storescu", "-xs", "-aec", "WEBVIEWER", "127.0.0.1", dicom_node.dicom_port, path)
    good = tmp_path / "good.dcm"
    good.write_bytes(make_object(1))
    status, output = await run_program("storescu", "-aec", "WEBVIEWER", "127.0.0.1", dicom_node.dicom_port, good)
    assert status == 0, output
