"""A running storage node per test, small objects, and what sends them."""

import asyncio
import os
from contextlib import asynccontextmanager
from io import BytesIO

import numpy as np
import pytest
from pydantic import SecretStr
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE

from webviewer.domain.identity import Action, Grant, Store
from webviewer.roles import Mode
from webviewer.settings import Settings
from webviewer.wire.grants import GrantSigner
from webviewer_storage.role import ROLE

SIGNER = GrantSigner.generate()


def dicom_object(number=1, series=1, study=1, value=None, **attributes):
    """Make a CT image of 4x8 pixels; attributes are DICOM keywords, None deletes one."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"1.2.3.{study}.{series}.{number}"
    dataset.StudyInstanceUID = f"1.2.3.{study}"
    dataset.SeriesInstanceUID = f"1.2.3.{study}.{series}"
    dataset.StudyDate, dataset.StudyTime = "20260102", "101500"
    dataset.Modality = "CT"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", f"P{study}"
    dataset.AccessionNumber = ""
    dataset.SeriesNumber, dataset.InstanceNumber = series, number
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 8, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    pixels = np.full((4, 8), number if value is None else value, "<i2")
    dataset.PixelData = pixels.tobytes()
    for keyword, content in attributes.items():
        if content is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, content)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CTImageStorage)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    target = BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


@pytest.fixture(scope="session")
def make_object():
    return dicom_object


@pytest.fixture(scope="session")
def public_keys():
    return SIGNER.public_jwks


@pytest.fixture(scope="session")
def sign():
    return SIGNER.sign


@pytest.fixture(params=["sqlite"])
def database_url(request):
    """URL of PostgreSQL, or None; tests parametrise it indirectly."""
    return request.getfixturevalue("postgresql")() if request.param == "postgresql" else None


@pytest.fixture
def settings(tmp_path, database_url):
    return Settings(
        data=tmp_path / "data",
        database_url=SecretStr(database_url) if database_url else None,
        dicom_port=0,
        min_free_bytes=1,
    )


@pytest.fixture
def start():
    """Return a context manager that runs a storage node."""

    @asynccontextmanager
    async def run(settings, **changes):
        mode = Mode(unified=changes.pop("unified", True), keys=SIGNER.public_jwks)
        async with ROLE.build(settings.model_copy(update=changes), mode) as services:
            yield services

    return run


@pytest.fixture
async def node(settings, start):
    """A node without DICOM."""
    async with start(settings, no_dicom=True) as services:
        yield services


@pytest.fixture
async def dicom_node(settings, start):
    """A node with DICOM on a free port."""
    async with start(settings) as services:
        yield services


@pytest.fixture
def token():
    """Return a function that signs a grant of everything for some stores."""

    def make(*stores, series=None):
        grant = Grant(
            audience="storage",
            subject="u",
            session="s",
            actions=frozenset(Action),
            stores=stores,
            series=series,
        )
        return SIGNER.sign(grant, lifetime=600)

    return make


@pytest.fixture
async def store(node, token):
    """An empty user store of ``node``."""
    await node.port.put_store(token(), Store(id="mine", kind="user", owner="me", ae_title="MINE"))
    return "mine"


@pytest.fixture
def run_program(require_program):
    """Return a coroutine function that runs a program and returns (exit status, output)."""

    async def run(name, *arguments):
        process = await asyncio.create_subprocess_exec(
            require_program(name),
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "TCP_NODELAY": "1"},
        )
        output, _ = await process.communicate()
        return process.returncode, output.decode(errors="replace")

    return run


@pytest.fixture
def files_of():
    """Return a function that lists the names of all files in blobs and incoming."""

    def names(data):
        return sorted(
            str(path.relative_to(data))
            for folder in ("blobs", "incoming")
            for path in (data / folder).rglob("*")
            if path.is_file()
        )

    return names


CT = "1.2.840.10008.5.1.4.1.1.2"


@asynccontextmanager
async def _association(port, called="WEBVIEWER", contexts=((CT, (ExplicitVRLittleEndian,)),), **options):
    ae = AE("SENDER")
    for abstract, syntaxes in contexts:
        ae.add_requested_context(abstract, list(syntaxes))
    assoc = await asyncio.to_thread(ae.associate, "127.0.0.1", port, ae_title=called, **options)
    connection = assoc.dul.socket.socket if assoc.dul.socket else None
    try:
        yield assoc
    finally:
        if assoc.is_established:
            await asyncio.to_thread(assoc.release)
        if connection:
            connection.close()


def _send(assoc, data, sop_class=CT, uid="1.2.3.1.1.1"):
    """Send a data set as it is: none of pynetdicom's own checks stands between."""
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, uid
    request.Priority = 2
    request.DataSet = BytesIO(data)
    context = assoc.accepted_contexts[0].context_id
    assoc._reactor_checkpoint.clear()
    assoc.dimse.send_msg(request, context)
    _, answer = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    return answer


@pytest.fixture(scope="session")
def dicom_association():
    """Return a context manager of an open association: ``(port, called, contexts)``."""
    return _association


@pytest.fixture(scope="session")
def send_data_set():
    """Return a function that sends bytes as a data set and returns the answer; it blocks."""
    return _send
