"""Conformance of :class:`webviewer.ports.storage.StoragePort`.

Subclass :class:`StoragePortConformance` as ``Test…`` and give the fixtures ``port`` (the implementation),
``sign`` (turns a Grant into a token), ``store`` (id of an empty user store of the node) and ``make_object``
(a function ``(number, **attributes) -> bytes`` that makes one small DICOM image of one series; numbers
differ in SOP instance UID).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import io
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from webviewer.domain.identity import Action, Grant, Store
from webviewer.domain.study import QuarantineQuery, StudyQuery, UploadState
from webviewer.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    TooLargeError,
)
from webviewer.ports.storage import EncodedFrame, StoragePort

Sign = Callable[[Grant], str]
MakeObject = Callable[..., bytes]
T = TypeVar("T")
_DEADLINE_SECONDS = 30


def grant(
    *stores: str,
    study: str | None = None,
    series: str | None = None,
    actions: frozenset[Action] = frozenset(Action),
    anonymised: bool = False,
    download: bool = False,
) -> Grant:
    """Return a grant for the stores."""
    return Grant(
        audience="storage",
        subject="someone",
        session="session",
        actions=actions,
        stores=stores,
        study=study,
        series=series,
        anonymised=anonymised,
        download=download,
    )


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """Yield content in pieces, as a request body comes."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def upload(port: StoragePort, token: str, content: bytes, name: str = "image.dcm") -> UploadState:
    """Send a file in one part and wait until it is processed."""
    digest = hashlib.sha256(content).hexdigest()
    state = await port.put_upload_part(token, digest, size=len(content), offset=0, name=name, body=pieces(content))
    return await processed(port, token, state)


async def processed(port: StoragePort, token: str, state: UploadState) -> UploadState:
    """Wait until an upload is processed."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while state.state == "processing" and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
        state = await port.get_upload(token, state.digest)
    return state


async def archive_of(port: StoragePort, token: str, study: str) -> bytes:
    """Return the ZIP of a study, whose length must be what was announced."""
    async with port.study_archive(token, study) as archive:
        content = b"".join([chunk async for chunk in archive.chunks])
        assert len(content) == archive.size
        return content


def frames_of(content: bytes) -> bytes:
    """Return what the pixels of ``make_object`` are: the end of the file."""
    return content[-64:]


class StoragePortConformance:
    """The contract. Each test begins with an empty store."""

    async def test_a_node_answers(self, port: StoragePort) -> None:
        await port.ping()

    async def test_a_token_that_control_did_not_sign_is_refused(self, port: StoragePort) -> None:
        with pytest.raises(NotAuthenticatedError):
            await port.list_studies("nonsense", StudyQuery())

    async def test_a_grant_for_another_node_is_refused(self, port: StoragePort, sign: Sign, store: str) -> None:
        token = sign(grant(store).model_copy(update={"audience": "elsewhere"}))
        with pytest.raises(NotAuthenticatedError):
            await port.list_studies(token, StudyQuery())

    async def test_every_method_asks_for_its_action(self, port: StoragePort, sign: Sign, store: str) -> None:
        token = sign(grant(store, series="x", actions=frozenset({Action.VIEW})))
        digest = "0" * 64

        async def first_frame() -> None:
            async for _ in port.series_frames(token, 0):
                return

        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: port.shared_store(token),
            lambda: port.put_store(token, Store(id="a", kind="user")),
            lambda: port.delete_store(token, "a"),
            lambda: port.sizes(token, ["a"]),
            lambda: port.volume_use(token),
            lambda: port.list_studies(token, StudyQuery()),
            lambda: port.get_study(token, "a"),
            lambda: port.find_series(token, "a"),
            lambda: archive_of(port, token, "a"),
            lambda: port.delete_study(token, "a"),
            lambda: port.get_upload(token, digest),
            lambda: port.put_upload_part(token, digest, size=1, offset=0, name="", body=pieces(b"a")),
            lambda: port.delete_upload(token, digest),
            lambda: port.list_quarantine(token, QuarantineQuery()),
            lambda: port.delete_quarantined(token, "a"),
            lambda: port.series_manifest(token),
            first_frame,
        ]
        for call in calls:
            with pytest.raises(ForbiddenError):
                await call()

    async def test_the_shared_store_is_known(self, port: StoragePort, sign: Sign, store: str) -> None:
        shared = await port.shared_store(sign(grant()))
        assert shared.kind == "shared"
        assert shared.id != store

    async def test_an_uploaded_image_is_listed_with_its_series(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token = sign(grant(store))
        state = await upload(port, token, make_object(1))
        assert (state.state, [outcome.status for outcome in state.outcomes]) == ("done", ["stored"])
        page = await port.list_studies(token, StudyQuery())
        assert (page.total, page.studies[0].nser, page.studies[0].ninst) == (1, 1, 1)
        detail = await port.get_study(token, page.studies[0].id)
        assert [series.ninst for series in detail.series] == [1]
        assert await port.find_series(token, detail.series[0].id) == store

    async def test_nothing_of_another_store_is_visible(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        owner = sign(grant(store))
        await upload(port, owner, make_object(1))
        study = (await port.list_studies(owner, StudyQuery())).studies[0].id
        series = (await port.get_study(owner, study)).series[0].id
        await port.put_store(owner, Store(id="stranger", kind="user"))
        stranger = sign(grant("stranger", series=series))
        assert (await port.list_studies(stranger, StudyQuery())).total == 0
        refused: list[Callable[[], Awaitable[object]]] = [
            lambda: port.get_study(stranger, study),
            lambda: port.find_series(stranger, series),
            lambda: port.delete_study(stranger, study),
            lambda: port.series_manifest(stranger),
            lambda: anext(aiter(port.series_frames(stranger, 0))),
        ]
        for call in refused:
            with pytest.raises(NotFoundError):
                await call()
        assert (await port.list_studies(owner, StudyQuery())).total == 1

    async def test_a_grant_for_a_study_shows_that_study_only(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        owner = sign(grant(store))
        for content in (make_object(1), make_object(1, series=2, study=2), make_object(1, series=3, study=2)):
            await upload(port, owner, content)
        studies = [summary.id for summary in (await port.list_studies(owner, StudyQuery())).studies]
        details = {study: await port.get_study(owner, study) for study in studies}
        shown = next(study for study, detail in details.items() if len(detail.series) == 2)
        hidden = next(study for study in studies if study != shown)
        of_hidden = details[hidden].series[0].id
        token = sign(grant(store, study=shown))
        page = await port.list_studies(token, StudyQuery())
        assert (page.total, [summary.id for summary in page.studies]) == (1, [shown])
        assert await port.get_study(token, shown) == details[shown]
        assert await port.find_series(token, details[shown].series[0].id) == store
        await port.series_manifest(sign(grant(store, study=shown, series=details[shown].series[0].id)))
        beside = sign(grant(store, study=shown, series=of_hidden))
        refused: list[Callable[[], Awaitable[object]]] = [
            lambda: port.get_study(token, hidden),
            lambda: port.find_series(token, of_hidden),
            lambda: port.delete_study(token, hidden),
            lambda: port.series_manifest(beside),
            lambda: anext(aiter(port.series_frames(beside, 0))),
        ]
        for call in refused:
            with pytest.raises(NotFoundError):
                await call()
        with pytest.raises(ForbiddenError):
            await port.list_quarantine(token, QuarantineQuery())
        with pytest.raises(ForbiddenError):
            await port.put_upload_part(token, "0" * 64, size=1, offset=0, name="", body=pieces(b"a"))
        assert (await port.list_studies(owner, StudyQuery())).total == 2

    async def test_a_grant_for_a_series_lists_no_other(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        owner = sign(grant(store))
        for content in (make_object(1), make_object(2), make_object(1, series=2)):
            await upload(port, owner, content)
        study = (await port.list_studies(owner, StudyQuery())).studies[0].id
        first, second = (await port.get_study(owner, study)).series
        token = sign(grant(store, study=study, series=first.id))
        detail = await port.get_study(token, study)
        assert (detail.series, detail.study.nser, detail.study.ninst) == ((first,), 1, 2)
        assert (await port.list_studies(token, StudyQuery())).total == 1
        assert await port.find_series(token, first.id) == store
        with pytest.raises(NotFoundError):
            await port.find_series(token, second.id)

    async def test_an_anonymised_grant_learns_nobodys_name(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        names = {
            "PatientName": "Doe^Jane",
            "PatientID": "P-4711",
            "PatientBirthDate": "19700213",
            "AccessionNumber": "ACC-815",
            "StudyDescription": "Knee of Jane",
            "SeriesDescription": "Left, Dr. House",
            "InstitutionName": "Clinic",
            "ContrastBolusAgent": "by Nurse Joy",
            "WindowCenterWidthExplanation": "for Jane",
        }
        owner = sign(grant(store))
        await upload(port, owner, make_object(1, PatientSex="F", KVP=120, **names))
        study = (await port.list_studies(owner, StudyQuery())).studies[0].id
        token = sign(grant(store, study=study, anonymised=True))
        page, detail = await port.list_studies(token, StudyQuery()), await port.get_study(token, study)
        shown, series = page.studies[0], detail.series[0]
        assert (shown.sex, shown.age, shown.mod, shown.ninst, shown.date, shown.recv) == (
            "F",
            "055Y",
            ("CT",),
            1,
            None,
            None,
        )
        assert float(series.technique["KVP"]) == 120
        manifest = await port.series_manifest(sign(grant(store, study=study, series=series.id, anonymised=True)))
        whole = await port.series_manifest(sign(grant(store, series=series.id)))
        assert (manifest.version, len(manifest.instances)) == (series.version, 1)
        assert manifest.version != whole.version
        for answer in (page, detail, manifest):
            text = answer.model_dump_json()
            for value in ("Doe", "4711", "1970", "815", "Jane", "House", "Clinic", "Joy", "2026", "1.2.3"):
                assert value not in text
        for query in (StudyQuery(name="Doe"), StudyQuery(pid="P"), StudyQuery(date_from=dt.date(2020, 1, 1))):
            assert (await port.list_studies(token, query)).total == 0
        with pytest.raises(ForbiddenError):
            await port.list_quarantine(sign(grant(store, anonymised=True)), QuarantineQuery())

    async def test_the_archive_of_a_study_holds_its_files_as_they_came(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        owner = sign(grant(store))
        objects = [make_object(number, series=series) for series in (1, 2) for number in (1, 2)]
        for content in objects:
            await upload(port, owner, content)
        study = (await port.list_studies(owner, StudyQuery())).studies[0].id
        packed = await archive_of(port, sign(grant(store, download=True)), study)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.testzip() is None
            names = [f"DICOM/SE00000{series}/IM00000{number}" for series in (1, 2) for number in (1, 2)]
            assert archive.namelist() == ["DICOMDIR", *names]
            assert [archive.read(name) for name in names] == objects
        first = (await port.get_study(owner, study)).series[0].id
        one = await archive_of(port, sign(grant(store, study=study, series=first, download=True)), study)
        with zipfile.ZipFile(io.BytesIO(one)) as archive:
            assert archive.namelist() == ["DICOMDIR", *names[:2]]
        await port.put_store(owner, Store(id="stranger", kind="user"))
        for token, error in (
            (sign(grant(store)), ForbiddenError),
            (sign(grant(store, download=True, anonymised=True)), ForbiddenError),
            (sign(grant("stranger", download=True)), NotFoundError),
            (sign(grant(store, study="another", download=True)), NotFoundError),
        ):
            with pytest.raises(error):
                await archive_of(port, token, study)

    async def test_a_grant_without_series_reads_no_pixels(self, port: StoragePort, sign: Sign, store: str) -> None:
        with pytest.raises(ForbiddenError):
            await port.series_manifest(sign(grant(store)))

    async def test_frames_come_from_the_first_wanted_to_the_end_then_back(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        objects = [make_object(number) for number in range(1, 6)]
        token = sign(grant(store))
        for content in reversed(objects):
            await upload(port, token, content)
        study = (await port.list_studies(token, StudyQuery())).studies[0].id
        pixels = sign(grant(store, series=(await port.get_study(token, study)).series[0].id))
        manifest = await port.series_manifest(pixels)
        assert [source.number for source in manifest.instances] == [1, 2, 3, 4, 5]
        frames: list[EncodedFrame] = [frame async for frame in port.series_frames(pixels, 3)]
        assert [frame.instance for frame in frames] == [3, 4, 2, 1, 0]
        assert all(frame.data == frames_of(objects[frame.instance]) for frame in frames)

    async def test_the_version_of_a_series_changes_with_its_content_only(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token = sign(grant(store))
        await upload(port, token, make_object(1))
        study = (await port.list_studies(token, StudyQuery())).studies[0].id
        first = (await port.get_study(token, study)).series[0].version
        await upload(port, token, make_object(1))
        assert (await port.get_study(token, study)).series[0].version == first
        await upload(port, token, make_object(2))
        assert (await port.get_study(token, study)).series[0].version != first

    async def test_the_same_bytes_are_done_at_once(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token, content = sign(grant(store)), make_object(1)
        await upload(port, token, content)
        digest = hashlib.sha256(content).hexdigest()
        state = await port.put_upload_part(
            token, digest, size=len(content), offset=0, name="again.dcm", body=pieces(content)
        )
        assert (state.state, state.outcomes[0].status) == ("done", "duplicate")
        assert (await port.list_studies(token, StudyQuery())).studies[0].ninst == 1

    async def test_an_upload_goes_on_where_it_stopped(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token, content = sign(grant(store)), make_object(1)
        digest, half = hashlib.sha256(content).hexdigest(), len(content) // 2
        with pytest.raises(NotFoundError):
            await port.get_upload(token, digest)

        async def put(offset: int, part: bytes) -> UploadState:
            return await port.put_upload_part(
                token, digest, size=len(content), offset=offset, name="a.dcm", body=pieces(part)
            )

        assert (await put(0, content[:half])).received == half
        state = await port.get_upload(token, digest)
        assert (state.state, state.received) == ("receiving", half)
        with pytest.raises(ConflictError):
            await put(0, content)
        state = await processed(port, token, await put(half, content[half:]))
        assert (state.state, state.outcomes[0].status) == ("done", "stored")

    async def test_an_unfinished_upload_can_be_forgotten(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token, content = sign(grant(store)), make_object(1)
        digest = hashlib.sha256(content).hexdigest()
        await port.put_upload_part(token, digest, size=len(content), offset=0, name="", body=pieces(content[:10]))
        await port.delete_upload(token, digest)
        with pytest.raises(NotFoundError):
            await port.get_upload(token, digest)

    async def test_a_wrong_digest_fails_the_upload(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token, content = sign(grant(store)), make_object(1)
        state = await port.put_upload_part(token, "0" * 64, size=len(content), offset=0, name="", body=pieces(content))
        assert state.state == "failed"
        assert "digest" in state.reason
        assert (await port.list_studies(token, StudyQuery())).total == 0

    async def test_impossible_uploads_are_refused(self, port: StoragePort, sign: Sign, store: str) -> None:
        token, digest = sign(grant(store)), "1" * 64
        with pytest.raises(TooLargeError):
            await port.put_upload_part(token, digest, size=10**15, offset=0, name="", body=pieces(b"a"))
        for size in (0, 2):
            with pytest.raises(InvalidRequestError):
                await port.put_upload_part(token, digest, size=size, offset=0, name="", body=pieces(b"abc"))
        with pytest.raises((InvalidRequestError, NotFoundError)):
            await port.put_upload_part(token, "../etc", size=2, offset=0, name="", body=pieces(b"ab"))

    async def test_an_archive_is_unpacked_and_tells_what_became_of_each_file(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("../../outside.dcm", make_object(1))
            archive.writestr("a/b/c.dcm", make_object(2))
            archive.writestr("readme.txt", "hello")
            archive.writestr("DICOMDIR", "not looked at")
        state = await upload(port, sign(grant(store)), packed.getvalue(), "images.zip")
        assert (state.state, state.processed, state.total) == ("done", 3, 3)
        assert [(outcome.name, outcome.status) for outcome in state.outcomes] == [
            ("outside.dcm", "stored"),
            ("c.dcm", "stored"),
            ("readme.txt", "not-dicom"),
        ]

    async def test_a_damaged_object_is_quarantined_with_a_reason(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token = sign(grant(store))
        state = await upload(port, token, make_object(1)[:-20], "cut.dcm")
        assert state.outcomes[0].status == "quarantined"
        page = await port.list_quarantine(token, QuarantineQuery())
        assert (page.total, page.items[0].name, page.items[0].source) == (1, "cut.dcm", "upload")
        assert page.items[0].reason == state.outcomes[0].reason
        assert page.items[0].reason
        await port.put_store(token, Store(id="stranger", kind="user"))
        stranger = sign(grant("stranger"))
        assert (await port.list_quarantine(stranger, QuarantineQuery())).total == 0
        with pytest.raises(NotFoundError):
            await port.delete_quarantined(stranger, page.items[0].id)
        await port.delete_quarantined(token, page.items[0].id)
        assert (await port.list_quarantine(token, QuarantineQuery())).total == 0

    async def test_a_deleted_study_is_gone_and_can_be_sent_again(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        token, content = sign(grant(store)), make_object(1)
        await upload(port, token, content)
        study = (await port.list_studies(token, StudyQuery())).studies[0].id
        await port.delete_study(token, study)
        with pytest.raises(NotFoundError):
            await port.get_study(token, study)
        with pytest.raises(NotFoundError):
            await port.get_upload(token, hashlib.sha256(content).hexdigest())
        assert (await upload(port, token, content)).outcomes[0].status == "stored"

    async def test_the_size_of_stores_is_that_of_their_images(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        contents, token = (make_object(1), make_object(2)), sign(grant(store))
        before = (await port.sizes(token, [store]))[store]
        for content in contents:
            await upload(port, token, content)
        grown = sum(map(len, contents))
        assert await port.sizes(token, [store, "nobodys"]) == {store: before + grown, "nobodys": 0}
        study = (await port.list_studies(token, StudyQuery())).studies[0].id
        await port.delete_study(token, study)
        assert (await port.sizes(token, [store]))[store] < before + grown
        assert await port.sizes(token, []) == {}
        use = await port.volume_use(token)
        assert 0 < use.free <= use.total

    async def test_two_stores_hold_the_same_image_independently(
        self, port: StoragePort, sign: Sign, store: str, make_object: MakeObject
    ) -> None:
        content, one = make_object(1), sign(grant(store))
        await port.put_store(one, Store(id="second", kind="user"))
        other = sign(grant("second"))
        for token in (one, other):
            assert (await upload(port, token, content)).outcomes[0].status == "stored"
        await port.delete_store(one, "second")
        assert (await port.list_studies(other, StudyQuery())).total == 0
        study = (await port.list_studies(one, StudyQuery())).studies[0].id
        pixels = sign(grant(store, series=(await port.get_study(one, study)).series[0].id))
        assert [frame.data async for frame in port.series_frames(pixels, 0)] == [frames_of(content)]

    async def test_stores_keep_their_rules(self, port: StoragePort, sign: Sign, store: str) -> None:
        token = sign(grant())
        await port.put_store(token, Store(id="one", kind="user", owner="a", ae_title="ONE"))
        await port.put_store(token, Store(id="one", kind="user", owner="b", ae_title="ONE"))
        with pytest.raises(ConflictError):
            await port.put_store(token, Store(id="two", kind="user", ae_title="ONE"))
        with pytest.raises(ConflictError):
            await port.put_store(token, Store(id="three", kind="shared"))
        with pytest.raises(InvalidRequestError):
            await port.put_store(token, Store(id="../four", kind="user"))
        with pytest.raises(ConflictError):
            await port.delete_store(token, (await port.shared_store(token)).id)
        with pytest.raises(NotFoundError):
            await port.delete_store(token, "nobody")
        await port.delete_store(token, store)
        with pytest.raises(NotFoundError):
            await port.put_upload_part(sign(grant(store)), "0" * 64, size=1, offset=0, name="", body=pieces(b"a"))
