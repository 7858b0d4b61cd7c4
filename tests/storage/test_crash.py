"""kill -9 at random points: what was acknowledged is there, nothing else is."""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import sqlite3
import struct
import sys
import threading
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

# Each point costs a start of the node: CI takes them all, a developer's machine a sample.
POINTS = int(os.environ.get("WEBVIEWER_CRASH_POINTS", "50" if os.environ.get("CI") else "12"))
IMAGES = 140
CT = "1.2.840.10008.5.1.4.1.1.2"


def item(kind, data):
    return struct.pack(">BBH", kind, 0, len(data)) + data


def associate(port):
    """Open an association by bytes; nothing here waits for anything but the socket."""
    context = struct.pack(">4B", 1, 0, 0, 0) + item(0x30, CT.encode()) + item(0x40, b"1.2.840.10008.1.2.1")
    user = item(0x51, struct.pack(">L", 131072)) + item(0x52, b"1.2.3.4")
    body = struct.pack(">HH16s16s32x", 1, 0, b"WEBVIEWER".ljust(16), b"CRASH".ljust(16))
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, context) + item(0x50, user)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(struct.pack(">BBL", 1, 0, len(body)) + body)
    assert read_pdu(connection)[0] == 2
    return connection


def read_pdu(connection):
    head = read(connection, 6)
    return head[0], read(connection, struct.unpack_from(">L", head, 2)[0])


def read(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError
        data += part
    return data


def store(connection, uid, data):
    """Send one object and return the status of the answer."""

    def element(number, value):
        return struct.pack("<HHL", 0, number, len(value)) + value

    padded = uid.encode() + b"\0" * (len(uid) % 2)
    command = element(0x0002, CT.encode() + b"\0") + element(0x0100, b"\1\0") + element(0x0110, b"\1\0")
    command += element(0x0700, b"\2\0") + element(0x0800, b"\0\0") + element(0x1000, padded)
    command = element(0, struct.pack("<L", len(command))) + command
    for control, part in ((3, command), (0, data[: len(data) // 2]), (2, data[len(data) // 2 :])):
        connection.sendall(struct.pack(">BBLLBB", 4, 0, len(part) + 6, len(part) + 2, 1, control) + part)
    answer = read_pdu(connection)[1]
    return struct.unpack_from("<H", answer, answer.index(struct.pack("<HHL", 0, 0x0900, 2)) + 8)[0]


class Sender(threading.Thread):
    """Sends objects until all are through or the connection breaks."""

    def __init__(self, port, objects):
        super().__init__()
        self._port, self._objects = port, objects
        self.acknowledged = []
        self.begun = threading.Event()

    def run(self):
        with contextlib.suppress(ConnectionError), associate(self._port) as connection:
            self.begun.set()
            for uid, data in self._objects:
                if store(connection, uid, data) == 0:
                    self.acknowledged.append(uid)


class Node:
    """A node that is killed and started again."""

    def __init__(self, data):
        self.data = data
        self._process = None
        self.pid = self.port = 0

    async def open(self, keys):
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("crash_runner.py")),
            str(self.data),
            json.dumps(keys),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def start(self):
        self._process.stdin.write(b"\n")
        while True:
            words = (await asyncio.wait_for(self._process.stdout.readline(), 30)).split()
            assert words, "the node did not start"
            if len(words) == 3 and words[0].isdigit():
                self.pid, self.port = int(words[0]), int(words[1])
                return

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    async def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.kill()
        self._process.stdin.close()
        await self._process.wait()

    def stored(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/storage.db?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT sop_uid, digest FROM instances").fetchall())

    def check_files(self, *, content):
        """Every row has its file (with the right bytes), every file has its row."""
        digests = set(self.stored().values())
        files = {path.name: path for path in (self.data / "blobs").rglob("*") if path.is_file()}
        assert set(files) == digests
        assert list((self.data / "incoming").iterdir()) == []
        for digest, path in files.items() if content else ():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


@pytest.fixture
async def nodes(tmp_path, public_keys):
    """Two nodes, each with its own data: while one starts the other one is at work."""
    nodes = [Node(tmp_path / name) for name in ("one", "other")]
    for node in nodes:
        await node.open(public_keys)
    yield nodes
    for node in nodes:
        await node.close()


def objects_of(make_object, study):
    """Make a study's objects as (uid, data set); only UIDs differ, so one is written and the rest are copies."""
    content = make_object(1, study=study, SOPInstanceUID="1.2.3.99999")
    data = content[144 + struct.unpack_from("<L", content, 140)[0] :]
    return [
        (uid, data.replace(b"1.2.3.99999", uid.encode()))
        for uid in (f"1.{study + 10:02}.{number + 100_000}" for number in range(IMAGES))
    ]


@pytest.mark.timeout(120 + 20 * POINTS)
async def test_killed_at_random_points_it_keeps_what_it_acknowledged(nodes, make_object):
    cuts = await asyncio.gather(*(ordeal(node, seed, make_object) for seed, node in enumerate(nodes)))
    assert sum(cuts) > POINTS // 2, "hardly any point lay within a transfer"


async def ordeal(node, seed, make_object):
    """Kill a node half of the times, and let it finish at last; return how often it was in the middle of a study."""
    moments = random.Random(20261124 + seed)
    await node.start()
    sent, acknowledged, cut = {}, set(), 0
    for study in range(POINTS // 2):
        objects = objects_of(make_object, study)
        sent.update(objects)
        sender = Sender(node.port, objects)
        sender.start()
        assert await asyncio.to_thread(sender.begun.wait, 30)
        await asyncio.sleep(moments.uniform(0, 0.35))
        node.kill()
        await asyncio.to_thread(sender.join, 30)
        assert not sender.is_alive()
        acknowledged.update(sender.acknowledged)
        cut += len(sender.acknowledged) < IMAGES
        await node.start()
        stored = node.stored()
        assert acknowledged <= set(stored)
        node.check_files(content=study % 10 == 0)
    stored = node.stored()
    rest = [(uid, data) for uid, data in sent.items() if uid not in stored]
    sender = Sender(node.port, rest)
    sender.start()
    await asyncio.to_thread(sender.join)
    assert len(sender.acknowledged) == len(rest)
    assert set(node.stored()) == set(sent)
    node.check_files(content=True)
    for path in [path for path in (node.data / "blobs").rglob("*") if path.is_file()][:50]:
        assert dcmread(BytesIO(path.read_bytes())).SOPInstanceUID in sent
    return cut
