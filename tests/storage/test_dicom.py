"""C-ECHO and C-STORE by DCMTK, by pynetdicom and by bare bytes."""

# ruff: noqa: PLR0913 - fixtures are arguments

import asyncio
import hashlib
import os
import signal
import socket
import struct
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

from webviewer.domain.identity import Store
from webviewer.domain.study import QuarantineQuery, StudyQuery
from webviewer_storage.dimse.command import file_meta, parse_command
from webviewer_storage.dimse.syntaxes import preference

CT = "1.2.840.10008.5.1.4.1.1.2"
ECHO = "1.2.840.10008.1.1"


@pytest.fixture
async def users(dicom_node, token):
    """Two users with AE titles of their own on ``dicom_node``."""
    for name in ("ann", "bob"):
        await dicom_node.port.put_store(
            token(), Store(id=name, kind="user", owner=name, ae_title=f"{name.upper()}_SCU")
        )
    return dicom_node


async def counts(node, token, *stores):
    return [(await node.port.list_studies(token(store), StudyQuery())).total for store in stores]


def write_objects(folder, contents):
    folder.mkdir(exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number:04}.dcm").write_bytes(content)
    return folder


def data_set(content):
    """Cut preamble and file meta information off."""
    length = struct.unpack_from("<L", content, 140)[0]
    return content[144 + length :]


@pytest.mark.parametrize("dicom_processes", [1, 2])
async def test_echo_is_answered_for_known_titles_only(settings, start, run_program, dicom_processes):
    async with start(settings, dicom_processes=dicom_processes) as node:
        for _ in range(5):
            status, _ = await run_program("echoscu", "127.0.0.1", node.dicom_port, "-aec", "WEBVIEWER")
            assert status == 0
        status, output = await run_program("echoscu", "127.0.0.1", node.dicom_port, "-aec", "ELSEWHERE")
    assert status != 0
    assert "Called AE Title Not Recognized" in output


async def test_each_called_title_leads_to_its_store(users, token, run_program, make_object, tmp_path):
    for study, title in enumerate(("WEBVIEWER", "ANN_SCU", "BOB_SCU", "NOBODY"), start=1):
        folder = write_objects(tmp_path / title, [make_object(1, study=study)])
        status, output = await run_program("storescu", "-aec", title, "+sd", "127.0.0.1", users.dicom_port, folder)
        assert (status == 0) == (title != "NOBODY"), output
    assert await counts(users, token, users.shared_store, "ann", "bob") == [1, 1, 1]
    page = await users.port.list_studies(token("ann"), StudyQuery())
    assert page.studies[0].uid == "1.2.3.2"


async def test_a_changed_title_leads_elsewhere_at_once(users, token, run_program):
    async def echo(title):
        return (await run_program("echoscu", "127.0.0.1", users.dicom_port, "-aec", title))[0] == 0

    await users.port.put_store(token(), Store(id="ann", kind="user", owner="ann", ae_title="NEW"))
    assert [await echo("ANN_SCU"), await echo("NEW")] == [False, True]
    await users.port.delete_store(token(), "ann")
    assert not await echo("NEW")


async def test_sending_twice_changes_nothing(dicom_node, token, run_program, make_object, tmp_path, files_of, settings):
    folder = write_objects(tmp_path / "in", [make_object(number) for number in range(10)])
    for _ in range(2):
        status, output = await run_program(
            "storescu", "-aec", "WEBVIEWER", "+sd", "127.0.0.1", dicom_node.dicom_port, folder
        )
        assert status == 0, output
    page = await dicom_node.port.list_studies(token(dicom_node.shared_store), StudyQuery())
    assert (page.total, page.studies[0].ninst) == (1, 10)
    assert len(files_of(settings.data)) == 10


async def test_the_data_set_is_stored_as_it_came(
    dicom_association, send_data_set, dicom_node, token, make_object, settings
):
    content = make_object(1)
    async with dicom_association(dicom_node.dicom_port) as assoc:
        answer = await asyncio.to_thread(send_data_set, assoc, data_set(content))
    assert answer.Status == 0
    (blob,) = [path for path in (settings.data / "blobs").rglob("*") if path.is_file()]
    assert data_set(blob.read_bytes()) == data_set(content)
    assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    stored = dcmread(blob)
    assert stored.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert stored.file_meta.MediaStorageSOPInstanceUID == stored.SOPInstanceUID


async def test_the_same_object_by_upload_and_by_dicom_is_one(
    dicom_association, send_data_set, dicom_node, token, make_object, tmp_path
):
    path = tmp_path / "a.dcm"
    path.write_bytes(make_object(1))
    await dicom_node.ingest_file(dicom_node.shared_store, path, "a.dcm")
    async with dicom_association(dicom_node.dicom_port) as assoc:
        assert (await asyncio.to_thread(send_data_set, assoc, data_set(make_object(1)))).Status == 0
    page = await dicom_node.port.list_studies(token(dicom_node.shared_store), StudyQuery())
    assert page.studies[0].ninst == 1


async def test_private_and_unknown_classes_and_syntaxes_are_taken(
    dicom_association, send_data_set, dicom_node, token, make_object
):
    private = "1.2.826.0.1.3680043.2.1143.99"
    async with dicom_association(
        dicom_node.dicom_port, contexts=[(private, ["1.2.840.113619.5.2", ImplicitVRLittleEndian])]
    ) as assoc:
        assert len(assoc.accepted_contexts) == 1
        assert assoc.accepted_contexts[0].transfer_syntax == [ImplicitVRLittleEndian]
    content = make_object(1, SOPClassUID=private)
    async with dicom_association(dicom_node.dicom_port, contexts=[(private, [ExplicitVRLittleEndian])]) as assoc:
        answer = await asyncio.to_thread(send_data_set, assoc, data_set(content), private)
    assert answer.Status == 0
    assert await counts(dicom_node, token, dicom_node.shared_store) == [1]


async def test_compressed_lossless_is_preferred_and_big_endian_is_last(dicom_association, dicom_node):
    offered = ["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50", ImplicitVRLittleEndian, JPEGLSLossless]
    async with dicom_association(dicom_node.dicom_port, contexts=[(CT, offered)]) as assoc:
        assert assoc.accepted_contexts[0].transfer_syntax == [JPEGLSLossless]
    ranked = sorted(offered, key=preference)
    assert ranked == [JPEGLSLossless, ImplicitVRLittleEndian, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.2"]


async def test_an_object_that_is_not_what_was_announced_is_quarantined(
    dicom_association, send_data_set, dicom_node, token, make_object
):
    async with dicom_association(dicom_node.dicom_port) as assoc:
        wrong_uid = await asyncio.to_thread(send_data_set, assoc, data_set(make_object(1)), CT, "1.2.3.999")
        wrong_class = await asyncio.to_thread(
            send_data_set, assoc, data_set(make_object(2, SOPClassUID="1.2.840.10008.5.1.4.1.1.4")), CT, "1.2.3.1.1.2"
        )
        good = await asyncio.to_thread(send_data_set, assoc, data_set(make_object(3)), CT, "1.2.3.1.1.3")
    assert [wrong_uid.Status, wrong_class.Status, good.Status] == [0xA900, 0xA900, 0]
    page = await dicom_node.port.list_quarantine(token(dicom_node.shared_store), QuarantineQuery(limit=10))
    assert page.total == 2
    assert {(item.source, item.ae_title, item.address) for item in page.items} == {("C-STORE", "SENDER", "127.0.0.1")}
    assert {item.why.code: item.name for item in page.items} == {
        "announced_instance": "1.2.3.999",
        "announced_class": "1.2.3.1.1.2",
    }
    assert all("differs" in item.reason for item in page.items)


async def test_a_conflict_and_damage_are_failures_that_are_kept(
    dicom_association, send_data_set, dicom_node, token, make_object
):
    async with dicom_association(dicom_node.dicom_port) as assoc:
        statuses = [
            (await asyncio.to_thread(send_data_set, assoc, data)).Status
            for data in (
                data_set(make_object(1)),
                data_set(make_object(1, value=9)),
                data_set(make_object(1))[:-30],
                b"\0",
                b"\xff" * 1000,
                data_set(make_object(1, PatientID="P1")),
            )
        ]
    assert statuses == [0, 0xC001, 0xC000, 0xC000, 0xC000, 0]
    page = await dicom_node.port.list_quarantine(token(dicom_node.shared_store), QuarantineQuery(limit=10))
    assert page.total == 4
    assert all(item.reason for item in page.items)


async def test_a_large_object_comes_through_small_and_large_pdus(
    dicom_association, send_data_set, dicom_node, token, make_object, files_of, settings
):
    for series, size in ((1, 16382), (2, 0)):
        content = make_object(1, series=series, Rows=1024, Columns=1024, PixelData=os.urandom(2 * 1024 * 1024))
        async with dicom_association(dicom_node.dicom_port, max_pdu=size) as assoc:
            answer = await asyncio.to_thread(send_data_set, assoc, data_set(content), CT, f"1.2.3.1.{series}.1")
        assert answer.Status == 0
    page = await dicom_node.port.list_studies(token(dicom_node.shared_store), StudyQuery())
    assert page.studies[0].ninst == 2


async def test_more_associations_than_allowed_are_refused_for_now(dicom_association, settings, start, run_program):
    async with start(settings, max_associations=2) as node:
        async with dicom_association(node.dicom_port) as one, dicom_association(node.dicom_port) as two:
            assert one.is_established
            assert two.is_established
            status, output = await run_program("echoscu", "127.0.0.1", node.dicom_port, "-aec", "WEBVIEWER")
            assert status != 0
            assert "Limit Exceeded" in output
        for _ in range(100):
            status, _ = await run_program("echoscu", "127.0.0.1", node.dicom_port, "-aec", "WEBVIEWER")
            if status == 0:
                break
        assert status == 0


def association_request():
    context = struct.pack(">4B", 1, 0, 0, 0) + variable(0x30, CT.encode()) + variable(0x40, b"1.2.840.10008.1.2.1")
    user = variable(0x51, struct.pack(">L", 131072)) + variable(0x52, b"1.2.3.4")
    head = struct.pack(">HH16s16s32x", 1, 0, b"WEBVIEWER".ljust(16), b"SCANNER".ljust(16))
    items = variable(0x10, b"1.2.840.10008.3.1.1.1") + variable(0x20, context) + variable(0x50, user)
    return pdu(head + items, 1)


def variable(kind, data):
    return struct.pack(">BBH", kind, 0, len(data)) + data


@pytest.mark.parametrize("ending", ["closed", "reset", "aborted"])
async def test_who_asks_and_goes_away_at_once_takes_no_place(settings, start, run_program, ending):
    async with start(settings, max_associations=2) as node:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", node.dicom_port)) as connection:
                if ending == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sendall(association_request() + (pdu(bytes(4), 7) if ending == "aborted" else b""))
            await asyncio.sleep(0)  # the node answers in the same loop
        async with asyncio.timeout(20):
            while (await run_program("echoscu", "127.0.0.1", node.dicom_port, "-aec", "WEBVIEWER"))[0] != 0:
                pass


async def test_parallel_senders_are_all_stored(settings, start, token, run_program, make_object, tmp_path):
    async with start(settings, dicom_processes=2) as node:
        folders = [
            write_objects(tmp_path / f"s{series}", [make_object(number, series=series) for number in range(30)])
            for series in range(4)
        ]
        results = await asyncio.gather(
            *(
                run_program("storescu", "-aec", "WEBVIEWER", "+sd", "127.0.0.1", node.dicom_port, folder)
                for folder in folders
            )
        )
        assert [status for status, _ in results] == [0] * 4
        page = await node.port.list_studies(token(node.shared_store), StudyQuery())
    assert (page.studies[0].nser, page.studies[0].ninst) == (4, 120)


async def test_a_receiver_that_dies_is_replaced_and_leaves_nothing(
    dicom_association, settings, start, run_program, make_object, files_of, token
):
    async with start(settings) as node:
        (process,) = receivers()
        half = BytesIO()
        async with dicom_association(node.dicom_port) as assoc:
            connection = assoc.dul.socket.socket
            half.write(store_request(assoc.accepted_contexts[0].context_id, data_set(make_object(1))[:100]))
            connection.sendall(half.getvalue())
            await until(lambda: files_of(settings.data))
            os.kill(process, signal.SIGKILL)
        await until(lambda: not files_of(settings.data))
        for _ in range(200):
            status, _ = await run_program("echoscu", "127.0.0.1", node.dicom_port, "-aec", "WEBVIEWER")
            if status == 0:
                break
            await asyncio.sleep(0.05)
        assert status == 0
        assert receivers() != [process]


def receivers():
    """Pids of the receiver processes of this process."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = {int(pid) for path in children for pid in path.read_text().split()}
    return [pid for pid in pids if "dimse.receiver" in Path(f"/proc/{pid}/cmdline").read_text()]


async def until(condition, seconds=10):
    deadline = asyncio.get_running_loop().time() + seconds
    while not (result := condition()):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
    return result


def store_request(context_id, data, *, last=False, uid=b"1.2.3.1.1.1\0"):
    """Build the PDUs of a C-STORE request whose data set is not complete."""

    def element(number, value):
        return struct.pack("<HHL", 0, number, len(value)) + value

    body = b"".join(
        (
            element(0x0002, CT.encode() + b"\0"),
            element(0x0100, b"\1\0"),
            element(0x0110, b"\1\0"),
            element(0x0700, b"\2\0"),
            element(0x0800, b"\0\0"),
            element(0x1000, uid),
        )
    )
    body = element(0, struct.pack("<L", len(body))) + body
    return pdu(item(context_id, 3, body)) + pdu(item(context_id, 2 if last else 0, data))


def item(context_id, control, data):
    return struct.pack(">LBB", len(data) + 2, context_id, control) + data


def pdu(body, kind=4):
    return struct.pack(">BBL", kind, 0, len(body)) + body


HOSTILE = {
    "half a PDU": lambda _: struct.pack(">BBL", 4, 0, 1000) + b"x" * 10,
    "a PDU of 4 GB": lambda _: struct.pack(">BBL", 4, 0, 0xFFFFFFFF),
    "an unknown PDU": lambda _: pdu(b"hello", 9),
    "an item past its PDU": lambda context: pdu(struct.pack(">LBB", 5000, context, 3) + b"x"),
    "an empty item": lambda context: pdu(struct.pack(">LBB", 0, context, 3)),
    "data without a command": lambda context: pdu(item(context, 2, b"x" * 100)),
    "a context that was not accepted": lambda context: store_request(context + 2, b"x"),
    "a garbled command": lambda context: pdu(item(context, 3, b"\xff" * 50)),
    "an endless command": lambda context: pdu(item(context, 1, b"\0" * 100_000)),
    "a command within a data set": lambda context: store_request(context, b"x") + pdu(item(context, 3, b"y" * 20)),
    "half a data set and an abort": lambda context: store_request(context, b"x" * 500) + pdu(b"\0" * 4, 7),
    "half a data set and the end": lambda context: store_request(context, b"x" * 500),
    "an association within the association": lambda _: pdu(b"\0\1" + b" " * 66, 1),
}


async def test_hostile_bytes_end_their_association_only(
    dicom_association, send_data_set, dicom_node, make_object, token, files_of, settings
):
    async with dicom_association(dicom_node.dicom_port) as bystander:
        for number, (name, attack) in enumerate(HOSTILE.items(), start=1):
            async with dicom_association(dicom_node.dicom_port) as assoc:
                connection = assoc.dul.socket.socket
                connection.sendall(attack(assoc.accepted_contexts[0].context_id))
                connection.shutdown(socket.SHUT_WR)
                await asyncio.to_thread(assoc.abort)
            answer = await asyncio.to_thread(
                send_data_set, bystander, data_set(make_object(number)), CT, f"1.2.3.1.1.{number}"
            )
            assert answer.Status == 0, name
    await until(lambda: len(files_of(settings.data)) == len(HOSTILE))
    page = await dicom_node.port.list_studies(token(dicom_node.shared_store), StudyQuery())
    assert page.studies[0].ninst == len(HOSTILE)


async def test_bytes_before_an_association_do_no_harm(dicom_node, run_program):
    starts = {
        "nothing": b"",
        "http": b"GET / HTTP/1.1\r\n\r\n",
        "data": pdu(b"x" * 100),
        "garbage": pdu(b"\0\1" + b"\xff" * 2000, 1),
        "endless": struct.pack(">BBL", 1, 0, 2**31),
    }
    for name, first in starts.items():
        with socket.create_connection(("127.0.0.1", dicom_node.dicom_port)) as connection:
            connection.sendall(first)
            status, output = await run_program("echoscu", "127.0.0.1", dicom_node.dicom_port, "-aec", "WEBVIEWER")
            assert status == 0, (name, output)


async def test_a_full_disk_is_said_before_and_nothing_is_left(
    dicom_association, send_data_set, settings, start, make_object, files_of, token
):
    async with start(settings, min_free_bytes=10**18) as node:
        async with dicom_association(node.dicom_port) as assoc:
            answer = await asyncio.to_thread(send_data_set, assoc, data_set(make_object(1)))
            echo = assoc.is_established
        assert (answer.Status, echo) == (0xA700, True)
        assert files_of(settings.data) == []
        assert await counts(node, token, node.shared_store) == [0]


async def test_an_object_over_the_limit_is_refused_by_status(
    dicom_association, send_data_set, settings, start, make_object, files_of
):
    async with start(settings, max_object_bytes=1000) as node:
        async with dicom_association(node.dicom_port) as assoc:
            big = make_object(1, PixelData=bytes(5000), Rows=50, Columns=50)
            assert (await asyncio.to_thread(send_data_set, assoc, data_set(big))).Status == 0xA700
            assert (await asyncio.to_thread(send_data_set, assoc, data_set(make_object(1)))).Status == 0
        assert len(files_of(settings.data)) == 1


@pytest.mark.real_data
async def test_real_ct_arrives_as_one_study(dicom_node, real_data, token, run_program, settings):
    folder = real_data / "dcm_qa_ct_head1mm_jls"
    status, output = await run_program(
        "storescu", "-xt", "-aec", "WEBVIEWER", "+sd", "127.0.0.1", dicom_node.dicom_port, folder
    )
    assert status == 0, output
    page = await dicom_node.port.list_studies(token(dicom_node.shared_store), StudyQuery())
    assert (page.total, page.studies[0].ninst) == (1, 140)
    detail = await dicom_node.port.get_study(token(dicom_node.shared_store), page.studies[0].id)
    manifest = await dicom_node.port.series_manifest(token(dicom_node.shared_store, series=detail.series[0].id))
    assert all(source.image and not source.problem for source in manifest.instances)


def test_commands_that_are_none_are_refused():
    for data in (b"", b"\0" * 7, b"\1\0\0\0\4\0\0\0abcd", b"\0\0\0\1\xff\0\0\0"):
        with pytest.raises(ValueError, match="command set"):
            parse_command(data)


def test_the_file_meta_we_write_is_readable(make_object):
    content = make_object(1)
    request = store_request(1, b"")
    command = parse_command(request[12 : 12 + struct.unpack_from(">L", request, 6)[0] - 2])
    dataset = dcmread(BytesIO(file_meta(command, ExplicitVRLittleEndian) + data_set(content)))
    assert dataset.file_meta.MediaStorageSOPInstanceUID == "1.2.3.1.1.1"
    assert dataset.InstanceNumber == 1
