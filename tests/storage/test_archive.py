"""Studies as ZIPs with a DICOMDIR: what other programs make of them, and what they cost."""

import datetime as dt
import hashlib
import io
import os
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from webviewer.domain.identity import Action, Grant
from webviewer.domain.study import StudyQuery
from webviewer.errors import DamagedObjectError
from webviewer_storage.blobs.folder import BlobFolder
from webviewer_storage.index.reader import SeriesFiles, StudyFiles
from webviewer_storage.media.directory import record_type
from webviewer_storage.media.study_archive import StudyZip
from webviewer_storage.media.zip_file import Member, ZipWriter, checksum

pytestmark = pytest.mark.contract("R11")


class Shelf:
    """A store whose studies may be downloaded."""

    def __init__(self, node, store, token):
        self.node, self.store, self.token = node, store, token

    async def add(self, *paths):
        """Store files; returns what became of each."""
        return [(await self.node.ingest_file(self.store, path, path.name)).status for path in paths]

    async def studies(self):
        return (await self.node.port.list_studies(self.token, StudyQuery(limit=200))).studies

    def open(self, study):
        return self.node.port.study_archive(self.token, study)

    async def packed(self, study):
        async with self.open(study) as archive:
            content = b"".join([chunk async for chunk in archive.chunks])
        assert len(content) == archive.size
        return content


@pytest.fixture
def shelf(node, store, sign):
    actions = frozenset({Action.LIST})
    grant = Grant(audience="storage", subject="u", session="s", actions=actions, stores=(store,), download=True)
    return Shelf(node, store, sign(grant, 600))


def records(folder):
    """Yield the records of a DICOMDIR, in its order."""
    yield from dcmread(folder / "DICOMDIR").DirectoryRecordSequence


@pytest.mark.real_data
async def test_a_real_ct_comes_out_as_it_came_in_and_other_programs_read_its_directory(
    shelf, real_data, tmp_path, run_program
):
    digests = []
    for path in sorted((real_data / "dcm_qa_ct_head1mm_jls").iterdir()):
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
        assert await shelf.add(path) == ["stored"]
    assert len(digests) == 140
    [study] = await shelf.studies()
    content = await shelf.packed(study.id)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    folder = tmp_path / "out"
    files = sorted(path for path in (folder / "DICOM").rglob("*") if path.is_file())
    assert sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files) == sorted(digests)
    listed = {folder.joinpath(*record.ReferencedFileID) for record in records(folder) if "ReferencedFileID" in record}
    assert listed == set(files)
    read = FileSet(folder / "DICOMDIR")  # walks the records by their offsets
    assert {Path(instance.path) for instance in read} == set(files)
    assert read.find_values("PatientID") == [dcmread(files[0]).PatientID]
    read._stage["t"].cleanup()  # pydicom leaves it to the garbage collector
    code, dump = await run_program("dcmdump", folder / "DICOMDIR")
    assert (code, dump.count("[IMAGE]"), "E: " in dump, "W: " in dump) == (0, 140, False, False)
    code, tested = await run_program("dcmftest", folder / "DICOMDIR")
    assert (code, tested.startswith("yes")) == (0, True)


@pytest.mark.real_data
async def test_every_kind_of_real_object_has_a_record_that_dcmtk_reads(shelf, real_data, tmp_path, run_program):
    paths = [path for path in sorted(real_data.rglob("*")) if path.is_file() and "head1mm" not in str(path)]
    stored = (await shelf.add(*paths)).count("stored")
    studies = await shelf.studies()
    kinds, count = set(), 0
    for study in studies:
        folder = tmp_path / study.id
        with zipfile.ZipFile(io.BytesIO(await shelf.packed(study.id))) as archive:
            folder.mkdir()
            archive.extract("DICOMDIR", folder)
            members = set(archive.namelist()) - {"DICOMDIR"}
        found = [record for record in records(folder) if "ReferencedFileID" in record]
        assert {"/".join(record.ReferencedFileID) for record in found} == members
        assert all(len(part) <= 8 for name in members for part in name.split("/"))
        kinds |= {record.DirectoryRecordType for record in found}
        count += len(found)
    assert count == stored
    assert {
        "IMAGE",
        "SR DOCUMENT",
        "ENCAP DOC",
        "RT DOSE",
        "RT PLAN",
        "KEY OBJECT DOC",
        "PRESENTATION",
        "WAVEFORM",
    } <= kinds
    code, dump = await run_program("dcmdump", "-q", *(tmp_path / study.id / "DICOMDIR" for study in studies))
    assert code == 0, dump[-2000:]


async def test_names_of_every_language_are_in_the_directory(shelf, tmp_path, make_object):
    path = tmp_path / "a"
    path.write_bytes(make_object(1, PatientName="Иванова^Анна=山田", StudyDescription="Колено", StudyID="S-7"))
    await shelf.add(path)
    [study] = await shelf.studies()
    with zipfile.ZipFile(io.BytesIO(await shelf.packed(study.id))) as archive:
        archive.extract("DICOMDIR", tmp_path)
    patient, visit, *_ = records(tmp_path)
    assert (str(patient.PatientName), visit.StudyDescription, visit.StudyID) == ("Иванова^Анна=山田", "Колено", "S-7")
    assert (visit.StudyDate, visit.StudyTime) == ("20260102", "101500")


async def test_an_archive_whose_file_is_lost_ends_in_the_middle(shelf, settings, tmp_path, make_object):
    for number in range(1, 4):
        path = tmp_path / str(number)
        path.write_bytes(make_object(number))
        await shelf.add(path)
    [study] = await shelf.studies()
    lost = hashlib.sha256((tmp_path / "2").read_bytes()).hexdigest()
    received = bytearray()

    async def receive(chunks):
        async for chunk in chunks:
            received.extend(chunk)

    async with shelf.open(study.id) as archive:
        next((settings.data / "blobs").rglob(lost)).unlink()
        with pytest.raises(DamagedObjectError):
            await receive(archive.chunks)
    assert (tmp_path / "1").read_bytes() in received
    assert len(received) < archive.size


async def test_a_study_of_a_gigabyte_passes_through_little_memory(tmp_path):
    """Its files are holes: nothing but their length matters here."""
    blobs, half = BlobFolder(tmp_path, 0), 2**29
    rows = []
    for number in range(2):
        digest = f"{number}" * 64
        blobs.path(digest).parent.mkdir(parents=True)
        with blobs.path(digest).open("wb") as file:
            file.truncate(half)
        rows.append(
            SimpleNamespace(digest=digest, size=half, sop_class="2", sop_uid="1.2", transfer_syntax="1.2", number=1)
        )
    study = SimpleNamespace(study_uid="1.2.3", name="A", pid="B", study_time=None, description="", accession="")
    series = SimpleNamespace(series_uid="1.2.3.4", number=1, modality="CT")
    made = StudyZip(blobs, StudyFiles(study, [SeriesFiles(series, rows)]), dt.datetime(2026, 1, 2))  # noqa: DTZ001
    peak, received = resident_bytes(), 0
    before = peak
    async for chunk in made.chunks():
        received += len(chunk)
        peak = max(peak, resident_bytes())
    assert received == made.size > 2 * half
    assert peak - before < 64 * 2**20


def resident_bytes():
    """Read what this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_zip_of_more_than_4_gb_is_read_by_others(tmp_path):
    """Sparse: the contents are holes, and their checksum is that of zeros."""
    sizes = [5, 5 * 2**30, 7]
    members = [Member(f"DICOM/IM{number:06}", size) for number, size in enumerate(sizes)]
    writer = ZipWriter(members, dt.datetime(2026, 1, 2, 3, 4, 6))  # noqa: DTZ001 - ZIPs have no zone
    zeros, sums = bytes(2**24), []
    with (tmp_path / "large.zip").open("wb") as file:
        for member in members:
            file.write(writer.header(member))
            left, found = member.size, 0
            while left:
                found = checksum(zeros[: min(left, len(zeros))], found)
                left -= min(left, len(zeros))
            file.seek(member.size, 1)
            sums.append(found)
            file.write(writer.descriptor(member, found))
        file.write(writer.end(sums))
        assert file.tell() == writer.size
    with zipfile.ZipFile(tmp_path / "large.zip") as archive:
        assert [info.file_size for info in archive.infolist()] == sizes
        assert archive.infolist()[2].header_offset > 2**32
        assert archive.infolist()[0].date_time == (2026, 1, 2, 3, 4, 6)
        assert archive.read("DICOM/IM000002") == bytes(7)
        with archive.open("DICOM/IM000001") as large:
            assert large.read(10) == bytes(10)


def test_a_zip_of_more_files_than_16_bits_count_is_read_by_others():
    members = [Member(f"SE/{number:08}", 0) for number in range(70_000)]
    writer = ZipWriter(members, dt.datetime(2026, 1, 2))  # noqa: DTZ001
    content = b"".join(writer.header(member) + writer.descriptor(member, 0) for member in members)
    content += writer.end([0] * len(members))
    assert len(content) == writer.size
    assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 70_000
    assert struct.unpack_from("<H", content, len(content) - 12)[0] == 0xFFFF


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("2", "IMAGE"), ("88.11", "SR DOCUMENT"), ("88.59", "KEY OBJECT DOC"), ("104.1", "ENCAP DOC"), ("66.4", "IMAGE"),
     ("66.1", "REGISTRATION"), ("66", "RAW DATA"), ("481.1", "IMAGE"), ("481.3", "RT STRUCTURE SET"), ("9.1.1", "WAVEFORM"),
     ("11.1", "PRESENTATION"), ("77.1.1.1", "IMAGE"), ("4.2", "SPECTROSCOPY"), ("4", "IMAGE")],
)  # fmt: skip
def test_records_are_of_the_type_of_their_class(ending, kind):
    assert record_type(f"1.2.840.10008.5.1.4.1.1.{ending}") == kind
    assert record_type(f"1.3.{ending}") == "IMAGE"
