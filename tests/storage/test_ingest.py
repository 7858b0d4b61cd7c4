"""What becomes of an object: duplicates, conflicts, damage, hostile values, and what the index says then."""

# ruff: noqa: PLR0913 - fixtures are arguments

import asyncio
import hashlib
import io
import struct
import zipfile

import pytest
from pydicom.uid import generate_uid

from webviewer.domain.identity import Store
from webviewer.domain.search_form import search_form
from webviewer.domain.study import QuarantineQuery, StudyQuery
from webviewer.testing.storage_port import upload
from webviewer_storage.ingest.text import clean, name_groups
from webviewer_storage.uploads.archive import MAX_DIRECTORY_BYTES


@pytest.fixture
def send(node, store, token):
    async def run(content, name="a.dcm", to=store):
        state = await upload(node.port, token(to), content, name)
        assert state.state == "done", state.reason
        return state.outcomes[0] if len(state.outcomes) == 1 else state.outcomes

    return run


async def studies(node, token, store="mine"):
    return (await node.port.list_studies(token(store), StudyQuery(sort="pid", descending=False))).studies


async def test_the_same_object_with_other_file_meta_is_a_duplicate(node, send, token, make_object, files_of, settings):
    content = make_object(1)
    assert (await send(content)).status == "stored"
    other = b"\1" * 128 + content[128:]
    assert hashlib.sha256(other).digest() != hashlib.sha256(content).digest()
    assert (await send(other)).status == "duplicate"
    assert (await studies(node, token))[0].ninst == 1
    assert len(files_of(settings.data)) == 1


async def test_other_bytes_under_the_same_uid_are_quarantined_and_the_first_is_kept(
    node, send, token, make_object, files_of, settings
):
    await send(make_object(1))
    outcome = await send(make_object(1, value=77))
    assert outcome.status == "conflict"
    assert "the first one was kept" in outcome.reason
    page = await node.port.list_quarantine(token("mine"), QuarantineQuery(limit=10))
    assert [item.reason for item in page.items] == [outcome.reason]
    assert (await studies(node, token))[0].ninst == 1
    await send(make_object(1, value=77))
    assert (await node.port.list_quarantine(token("mine"), QuarantineQuery(limit=10))).total == 1
    assert len(files_of(settings.data)) == 2
    await node.port.delete_quarantined(token("mine"), page.items[0].id)
    assert len(files_of(settings.data)) == 1


async def test_the_same_uid_in_another_study_is_quarantined(node, send, token, make_object):
    await send(make_object(1, study=1))
    outcome = await send(make_object(1, study=2, SOPInstanceUID="1.2.3.1.1.1"))
    assert outcome.status == "conflict"
    assert "another study" in outcome.reason
    assert len(await studies(node, token)) == 1


async def test_a_series_never_spans_two_studies(node, send, token, make_object):
    await send(make_object(1, study=1))
    outcome = await send(make_object(2, study=2, SeriesInstanceUID="1.2.3.1.1"))
    assert (outcome.status, "series UID" in outcome.reason) == ("conflict", True)
    assert len(await studies(node, token)) == 1


async def test_two_patients_never_share_a_study(node, send, token, make_object):
    await send(make_object(1, study=1))
    outcome = await send(make_object(2, study=1, PatientID="SOMEBODY-ELSE"))
    assert (outcome.status, "another patient" in outcome.reason) == ("conflict", True)
    assert (await studies(node, token))[0].ninst == 1


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"StudyInstanceUID": None}, "StudyInstanceUID is missing"),
        ({"SeriesInstanceUID": ""}, "SeriesInstanceUID is missing"),
        ({"SOPInstanceUID": None}, "SOPInstanceUID is missing"),
        ({"SOPInstanceUID": "../../../etc/passwd"}, "characters other than digits and dots"),
        ({"StudyInstanceUID": "1.2.3;DROP TABLE"}, "characters other than digits and dots"),
        ({"SeriesInstanceUID": "1" * 65}, "more than 64"),
    ],
)
async def test_objects_without_sound_uids_are_quarantined(node, send, make_object, attributes, words):
    outcome = await send(make_object(1, **attributes))
    assert outcome.status == "quarantined"
    assert words in outcome.reason


async def test_hostile_values_are_stored_as_text_and_change_nothing(node, send, token, make_object, settings):
    name = "x" * 3000 + "^\x00\x1b[2J<script>'; --"
    outcome = await send(
        make_object(
            1,
            PatientName=name,
            PatientID="\x00../../" + "9" * 500,
            StudyDescription="a\r\nb\tc",
            SeriesNumber="99999999999",
            StudyDate="99999999",
            PatientBirthDate="not a date",
            BodyPartExamined="A,B",
        ),
        name="../../../../tmp/evil\x00.dcm",
    )
    assert outcome.status == "stored"
    study = (await studies(node, token))[0]
    assert len(study.name) <= 400
    assert "\x00" not in study.name + study.pid + study.desc
    assert study.desc == "a b c"
    assert (study.dob, study.region) == (None, "A B")
    assert (await node.port.get_study(token("mine"), study.id)).series[0].number is None


async def test_objects_without_a_picture_are_stored_and_say_why(node, send, token, make_object):
    text = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "PixelData": None, "Rows": None, "Modality": "SR"}
    outcome = await send(make_object(1, series=2, **text))
    assert outcome.status == "stored"
    assert outcome.problem
    await send(make_object(1))
    study = (await studies(node, token))[0]
    assert study.mod == ("CT", "SR")
    image, report = (await node.port.get_study(token("mine"), study.id)).series
    assert (image.kind, image.problem) == ("image", "")
    assert (report.kind, report.problem) == ("report", outcome.problem)
    assert image.why is None
    assert report.why == outcome.why
    assert report.why.text == report.problem
    (source,) = (await node.port.series_manifest(token("mine", series=report.id))).instances
    assert source.why == outcome.why


async def test_counts_and_series_order_are_right(node, send, token, make_object):
    contents = [make_object(number, series=series) for series in (10, 2) for number in (1, 2, 3)]
    for content in contents:
        await send(content)
    study = (await studies(node, token))[0]
    assert (study.nser, study.ninst, study.size) == (2, 6, sum(map(len, contents)))
    assert [series.number for series in (await node.port.get_study(token("mine"), study.id)).series] == [2, 10]


async def test_many_objects_at_once_share_transactions_and_all_count(node, token, store, make_object, tmp_path):
    paths = []
    for number in range(60):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(make_object(number, series=number % 3))
    outcomes = await asyncio.gather(*(node.ingest_file("mine", path, path.name) for path in [*paths, *paths]))
    assert sorted(outcome.status for outcome in outcomes) == ["duplicate"] * 60 + ["stored"] * 60
    study = (await studies(node, token))[0]
    assert (study.nser, study.ninst) == (3, 60)


async def test_a_store_that_is_gone_loses_the_object_but_not_its_neighbours(node, token, store, make_object, tmp_path):
    good, bad = tmp_path / "good.dcm", tmp_path / "bad.dcm"
    good.write_bytes(make_object(1))
    bad.write_bytes(make_object(2))
    outcomes = await asyncio.gather(
        node.ingest_file("mine", good, "good"),
        node.ingest_file("nobody", bad, "bad"),
        node.ingest_file("mine", bad, ""),
    )
    assert [outcome.status for outcome in outcomes] == ["stored", "rejected", "stored"]


async def test_files_that_are_not_dicom_are_named_so(send):
    for content in (b"", b"hello", b"\0" * 5000, b"\x89PNG\r\n\x1a\n" + b"x" * 500):
        if content:
            assert (await send(content)).status == "not-dicom"


async def test_a_dicomdir_is_not_stored(send, make_object):
    outcome = await send(make_object(1, SOPClassUID="1.2.840.10008.1.3.10", PixelData=None))
    assert (outcome.status, "DICOMDIR" in outcome.reason) == ("rejected", True)


async def test_blobs_are_shared_between_stores_until_the_last_one_goes(
    node, send, token, make_object, files_of, settings
):
    await node.port.put_store(token(), Store(id="other", kind="user"))
    content = make_object(1)
    await send(content)
    await send(content, to="other")
    assert len(files_of(settings.data)) == 1
    await node.port.delete_study(token("mine"), (await studies(node, token))[0].id)
    assert len(files_of(settings.data)) == 1
    await node.port.delete_store(token(), "other")
    assert files_of(settings.data) == []


def zipped(members, **options):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, **options)
    return packed.getvalue()


async def test_an_archive_in_an_archive_is_opened_once(send, make_object):
    deepest = zipped([("3.dcm", make_object(3))])
    inner = zipped([("2.dcm", make_object(2)), ("deepest.zip", deepest)])
    outcomes = await send(zipped([("1.dcm", make_object(1)), ("inner.zip", inner)]), "all.zip")
    assert [(outcome.status, outcome.name) for outcome in outcomes] == [
        ("stored", "1.dcm"),
        ("stored", "2.dcm"),
        ("rejected", "inner.zip/deepest.zip"),
    ]


async def test_a_bomb_is_refused_before_it_is_inflated(send, make_object):
    outcomes = await send(zipped([("zeros.dcm", bytes(64 << 20)), ("1.dcm", make_object(1))]), "bomb.zip")
    assert [outcome.status for outcome in outcomes] == ["rejected", "stored"]
    assert "suspicious" in outcomes[0].reason


async def test_too_much_in_an_archive_fails_the_upload(settings, start, token, make_object):
    async with start(settings, no_dicom=True, max_upload_bytes=20_000) as node:
        content = zipped([(f"{number}.dcm", bytes(5000)) for number in range(20)])
        state = await upload(node.port, token(node.shared_store), content, "a.zip")
    assert state.state == "failed"
    assert "too large" in state.reason


async def test_damage_inside_an_archive_costs_one_file(send, make_object):
    content = zipped([("1.dcm", make_object(1)), ("2.dcm", make_object(2))])
    start = content.index(b"2.dcm") + 5
    damaged = content[: start + 20] + b"\xff" * 20 + content[start + 40 :]
    outcomes = await send(damaged, "a.zip")
    assert [outcome.status for outcome in outcomes] == ["stored", "rejected"]


@pytest.mark.parametrize("damage", ["hole", "end", "name"])
async def test_a_damaged_archive_fails_with_a_reason(node, store, token, make_object, damage):
    content = zipped([("é.dcm", make_object(1))])
    damaged = {
        "hole": content[:40] + content[60:],
        "end": content[:-30],
        "name": content.replace("é".encode(), b"\xff\xfe"),
    }[damage]
    state = await upload(node.port, token(store), damaged, "a.zip")
    reasons = [state.reason, *(outcome.reason for outcome in state.outcomes)]
    assert any("damaged" in reason for reason in reasons)
    assert not any("internal" in reason for reason in reasons)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
async def test_damage_is_named_whatever_the_archive_is_packed_with(send, make_object, method):
    content = zipped([("1.dcm", make_object(1)), ("2.dcm", make_object(2))], compress_type=method)
    start = content.index(b"1.dcm") + 5
    outcomes = await send(content[: start + 12] + b"\xff" * 40 + content[start + 52 :], "a.zip")
    assert [(outcome.status, "damaged" in outcome.reason) for outcome in outcomes] == [
        ("rejected", True),
        ("stored", False),
    ]


async def test_a_list_of_members_that_would_fill_the_memory_is_not_read(node, store, token):
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, *[0] * 8, 1, *[0] * 6) + b"a"
    local = struct.pack("<4s2B4HL2L2H", b"PK\3\4", 20, *[0] * 8, 1, 0) + b"a"
    directory = entry * (MAX_DIRECTORY_BYTES // len(entry) + 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local), 0)
    state = await upload(node.port, token(store), local + directory + end, "a.zip")
    assert (state.state, "more than" in state.reason) == ("failed", True)


async def test_an_uploaded_object_over_the_limit_is_refused(settings, start, token, make_object, files_of):
    async with start(settings, no_dicom=True, max_object_bytes=200) as node:
        state = await upload(node.port, token(node.shared_store), make_object(1))
    [outcome] = state.outcomes
    assert (outcome.status, "larger" in outcome.reason) == ("rejected", True)
    assert files_of(settings.data) == []


async def test_uploads_survive_a_restart(settings, start, token, make_object):
    content = make_object(1)
    digest = hashlib.sha256(content).hexdigest()

    async def part(node, offset, data):
        async def body():
            yield data

        return await node.port.put_upload_part(
            token(node.shared_store), digest, size=len(content), offset=offset, name="a", body=body()
        )

    async with start(settings, no_dicom=True) as node:
        await part(node, 0, content[:100])
    async with start(settings, no_dicom=True) as node:
        assert (await node.port.get_upload(token(node.shared_store), digest)).received == 100
        await part(node, 100, content[100:])
    async with start(settings, no_dicom=True) as node:
        state = await node.port.get_upload(token(node.shared_store), digest)
        while state.state == "processing":
            await asyncio.sleep(0.01)
            state = await node.port.get_upload(token(node.shared_store), digest)
        assert state.outcomes[0].status in {"stored", "duplicate"}


async def test_two_processes_never_share_a_folder(settings, start):
    async with start(settings, no_dicom=True):
        with pytest.raises(ValueError, match="another storage process"):
            async with start(settings, no_dicom=True):
                pass


async def test_the_loop_stays_responsive_while_an_archive_is_unpacked(node, store, token, make_object):
    content = zipped([(f"{number}.dcm", make_object(number)) for number in range(200)])
    task = asyncio.create_task(upload(node.port, token(store), content, "a.zip"))
    loop, worst = asyncio.get_running_loop(), 0.0
    while not task.done():
        started = loop.time()
        await asyncio.sleep(0.005)
        worst = max(worst, loop.time() - started)
    assert len(task.result().outcomes) == 200
    assert worst < 0.5


async def test_a_manifest_of_3000_instances_is_fast(node, store, token, make_object, tmp_path):
    uid = generate_uid()
    content = make_object(1, series=1, SOPInstanceUID=uid)
    paths = []
    for number in range(3000):
        path = tmp_path / f"{number}"
        # Same length: the generated UID is replaced in the bytes, which is faster than writing 3000 objects.
        path.write_bytes(content.replace(uid.encode(), f"{number:0{len(uid)}}".replace("0", "1", 1).encode()))
        paths.append(path)
    for start in range(0, 3000, 250):
        group = paths[start : start + 250]
        outcomes = await asyncio.gather(*(node.ingest_file(store, path, "") for path in group))
        assert {outcome.status for outcome in outcomes} == {"stored"}
    study = (await studies(node, token))[0]
    series = (await node.port.get_study(token(store), study.id)).series[0]
    assert series.ninst == 3000
    pixels = token(store, series=series.id)
    started = asyncio.get_running_loop().time()
    manifest = await node.port.series_manifest(pixels)
    assert len(manifest.instances) == 3000
    assert asyncio.get_running_loop().time() - started < 2
    assert manifest.instances[0].path
    assert len([frame async for frame in node.port.series_frames(pixels, 1500)]) == 3000


def test_search_forms_fold_what_looks_alike():
    assert search_form("ÅNGSTRÖM^Æsa-Łukasz  O") == "angstrom aesa lukasz o"
    assert search_form("ﾔﾏﾀﾞ") == search_form("ヤマダ")
    assert name_groups("Yamada^Tarou=山田^太郎=") == ["yamada tarou", "山田 太郎"]
    assert clean("a\x00b\ud800c" + "d" * 10, 8) == "a b cddd"
