"""The viewing audit at a syslog server: rsyslog over TCP and UDP, and a server with TLS."""

import asyncio
import base64
import contextlib
import datetime as dt
import json
import os
import socket
import ssl
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydantic import ValidationError

from webviewer import tls
from webviewer.domain.study import StudySummary
from webviewer.errors import InvalidRequestError, PeerUnavailableError
from webviewer.settings import Settings
from webviewer_control.services.audit import Viewer
from webviewer_control.services.audit_forwarding import AuditForwarding
from webviewer_control.services.syslog import SyslogAddress, SyslogSender
from webviewer_operator.certificates import issue, make_authority

ANNA = Viewer("anna", "user", "session-1", "192.0.2.1", "user-id")
STUDY = StudySummary(
    id="opaque",
    store="user",
    name="Иванова^\x01Юлия",
    pid="P-1",
    uid="1.2.3",
    mod=("CT",),
    recv=dt.datetime.now(dt.UTC),
)
CONFIGURATION = """
module(load="imtcp")
module(load="imudp")
global(maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
template(name="fields" type="string" string="%pri% %app-name% %msgid% %structured-data% %msg%\\n")
ruleset(name="keep") {{ action(type="omfile" file="{file}" template="fields" asyncWriting="off" flushOnTXEnd="on") }}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="keep")
input(type="imudp" address="127.0.0.1" port="{port}" ruleset="keep")
"""


class Rsyslog:
    """rsyslog on a port that is free on both transports; what it has received is lines of a file."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.file = folder / "received"
        self._folder, self._root = folder, root
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]

    @contextlib.contextmanager
    def running(self):
        configuration = self._folder / "rsyslog.conf"
        configuration.write_text(CONFIGURATION.format(file=self.file, port=self.port))
        (library,) = self._root.glob("usr/lib/*/rsyslog")
        command = [
            f"{self._root}/usr/sbin/rsyslogd",
            "-n",
            "-f",
            configuration,
            "-i",
            self._folder / "pid",
            "-M",
            library,
        ]
        process = subprocess.Popen(command, env=os.environ | {"LD_LIBRARY_PATH": str(library.parent)})
        try:
            self._wait(process)
            yield self
        finally:
            process.terminate()
            process.wait(timeout=10)

    def _wait(self, process) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        pytest.fail("rsyslog does not listen")

    async def received(self, count: int) -> list[tuple[str, str, str, str, str]]:
        """Wait for so many messages; returns their priority, application, MSGID, structured data and text."""
        async with asyncio.timeout(20):
            while len(lines := self.file.read_text().splitlines() if self.file.exists() else []) < count:
                await asyncio.sleep(0.02)
        assert len(lines) == count
        fields = [line.split(" ", 3) for line in lines]
        return [(*head, *rest.split("] ", 1)) for *head, rest in fields]


@pytest.fixture
def rsyslog(tmp_path, missing_tool):
    root = Path(__file__).parents[3] / ".cache" / "tools" / "rsyslog"
    if not (root / "usr/sbin/rsyslogd").is_file():
        missing_tool("rsyslog is not there: make setup")
    return Rsyslog(tmp_path, root)


@pytest.fixture
async def forwarding():
    """Return a function that makes what forwards the audit of a server to an address."""
    made = []

    def make(server, address: str, form="dicom", authority=None) -> AuditForwarding:
        control = server.control
        sender = SyslogSender(SyslogAddress.of(address), tls.client_context(authority) if authority else None)
        made.append(AuditForwarding(control.records, control.audit, sender, form, "site-1"))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


async def note(server, *numbers: int) -> None:
    for number in numbers:
        await server.control.audit.note("opened", ANNA, STUDY, {"number": number})
    await server.control.audit.seal()


def details(message: ET.Element) -> dict[str, str]:
    found = message.find("ParticipantObjectIdentification").findall("ParticipantObjectDetail")
    return {each.get("type"): base64.b64decode(each.get("value")).decode() for each in found}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_entries_arrive_as_dicom_audit_messages_in_their_order_and_once(running, forwarding, rsyslog, transport):
    one = forwarding(running, f"{transport}://127.0.0.1:{rsyslog.port}")
    with rsyslog.running():
        await note(running, 1, 2)
        await one.forward()
        await note(running, 3)
        await one.forward()
        await one.forward()
        found = await rsyslog.received(3)
    assert {message[:3] for message in found} == {("85", "webviewer", "DICOM+RFC3881")}
    messages = [ET.fromstring(text.lstrip("\ufeff")) for *_, text in found]
    assert [details(message)["number"] for message in messages] == ["1", "2", "3"]
    first = messages[0]
    event = first.find("EventIdentification")
    assert (event.get("EventActionCode"), event.find("EventID").get("csd-code")) == ("R", "110103")
    person = first.find("ActiveParticipant")
    assert (person.get("UserID"), person.get("NetworkAccessPointID")) == ("anna", "192.0.2.1")
    study, patient = first.findall("ParticipantObjectIdentification")
    assert (study.get("ParticipantObjectID"), patient.get("ParticipantObjectID")) == ("1.2.3", "P-1")
    assert patient.find("ParticipantObjectName").text == "Иванова^\ufffdЮлия"
    head = await running.control.audit.head()
    assert (details(messages[2])["seal"], details(messages[2])["mac"]) == (str(head.seal), head.mac)


async def test_entries_arrive_as_json(running, forwarding, rsyslog):
    with rsyslog.running():
        await note(running, 7)
        await forwarding(running, f"tcp://127.0.0.1:{rsyslog.port}", "json").forward()
        [(_, _, identity, _, text)] = await rsyslog.received(1)
    said = json.loads(text.lstrip("\ufeff"))
    assert identity == "audit"
    assert (said["source"], said["user"], said["subject"]["pid"], said["details"]) == (
        "site-1",
        "anna",
        "P-1",
        {"number": 7},
    )


async def test_what_the_server_did_not_take_is_kept_until_it_does(running, forwarding, rsyslog):
    one = forwarding(running, f"tcp://127.0.0.1:{rsyslog.port}")
    await note(running, 1)
    with pytest.raises(PeerUnavailableError, match="takes nothing"):
        await one.forward()
    assert not await one.behind()
    running.clock.advance(minutes=11)
    assert await one.behind()
    await note(running, 2)
    with rsyslog.running():
        await one.forward()
        assert len(await rsyslog.received(2)) == 2
    assert not await one.behind()
    running.clock.advance(minutes=1)
    await note(running, 3)
    with pytest.raises(PeerUnavailableError):  # the connection of before is gone
        await one.forward()
    with rsyslog.running():
        await one.forward()
        assert len(await rsyslog.received(3)) == 3


async def test_replicas_take_turns(start, forwarding, database_url, rsyslog):
    server = await start(database_url=database_url)
    replicas = [forwarding(server, f"tcp://127.0.0.1:{rsyslog.port}") for _ in range(3)]
    with rsyslog.running():
        for number in range(4):
            await note(server, number)
            await asyncio.gather(*(replica.forward() for replica in replicas))
            server.clock.advance(minutes=2)  # the lease has run out: whoever comes first has the next
        found = await rsyslog.received(4)
    numbers = [details(ET.fromstring(text.lstrip("\ufeff")))["number"] for *_, text in found]
    assert numbers == ["0", "1", "2", "3"]


async def test_over_tls_only_a_trusted_server_is_told_anything(running, forwarding, tmp_path):
    authority, stranger = make_authority("hospital", time.time()), make_authority("stranger", time.time())
    own = issue(authority, ["localhost"], time.time())
    (tmp_path / "own.pem").write_text(own.certificate)
    (tmp_path / "own.key").write_text(own.key)
    received = asyncio.Queue()

    async def take(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ssl.SSLError):
            length = int(await reader.readuntil(b" "))
            received.put_nowait(await reader.readexactly(length))
        writer.close()

    context = tls.server_context(tmp_path / "own.pem", tmp_path / "own.key")
    async with await asyncio.start_server(take, "localhost", 0, ssl=context) as server:
        address = f"tls://localhost:{server.sockets[0].getsockname()[1]}"
        await note(running, 1)
        for name, trusted in (("stranger", stranger), ("hospital", authority)):
            (tmp_path / name).write_text(trusted.certificate)
        with pytest.raises(PeerUnavailableError, match="certificate"):
            await forwarding(running, address, authority=tmp_path / "stranger").forward()
        running.clock.advance(minutes=2)
        await forwarding(running, address, authority=tmp_path / "hospital").forward()
        async with asyncio.timeout(20):
            message = await received.get()
    assert b"<AuditMessage>" in message
    assert received.empty()


async def test_the_overview_warns_of_an_audit_that_is_not_forwarded(start):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    server = await start(audit_syslog=f"tcp://127.0.0.1:{port}")
    await note(server, 1)
    administrator = await server.admin()
    before = (await administrator.get("/v2/admin/overview")).json()["warnings"]
    server.clock.advance(minutes=11)
    after = (await administrator.get("/v2/admin/overview")).json()["warnings"]
    assert "audit-not-forwarded" not in before
    assert "audit-not-forwarded" in after


@pytest.mark.parametrize("address", ["http://host", "tls://", "tcp://user@host:601", "host:514"])
def test_other_addresses_are_refused(tmp_path, address):
    with pytest.raises(ValidationError, match="audit_syslog"):
        Settings(data=tmp_path, audit_syslog=address)


async def test_a_file_that_holds_no_authority_is_named(start, tmp_path):
    (tmp_path / "empty").write_text("")
    with pytest.raises(InvalidRequestError, match="audit_syslog_authority"):
        await start(audit_syslog="tls://localhost", audit_syslog_authority=tmp_path / "empty")
