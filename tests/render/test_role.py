"""The role as it is composed, and its HTTP side."""

import asyncio

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from webviewer.domain.view import Quality
from webviewer.errors import InvalidRequestError, NodeFullError
from webviewer.roles import find_role
from webviewer.settings import Settings


class FakeClock:
    """Time that a test moves; calls that are due are made."""

    def __init__(self):
        self.time = 0.0
        self.calls = []

    def now(self):
        return self.time

    def call_later(self, delay, callback):
        call = FakeCall(self.time + delay, callback)
        self.calls.append(call)
        return call

    def advance(self, seconds):
        self.time += seconds
        due, self.calls = (
            [c for c in self.calls if c.moment <= self.time],
            [c for c in self.calls if c.moment > self.time],
        )
        for call in due:
            if not call.cancelled:
                call.callback()


class FakeCall:
    def __init__(self, moment, callback):
        self.moment, self.callback, self.cancelled = moment, callback, False

    def cancel(self):
        self.cancelled = True


def test_the_role_is_found_by_its_name():
    role = find_role("render")
    assert (role.name, role.default_port) == ("render", 8092)


async def test_a_device_that_is_not_there_is_refused(tmp_path):
    role = find_role("render")
    from webviewer.roles import Mode
    from webviewer.wire.grants import GrantSigner

    mode = Mode(unified=True, keys=GrantSigner.generate().public_jwks)
    with pytest.raises(InvalidRequestError, match="device"):
        async with role.build(Settings(data=tmp_path, device=7), mode):
            pass


@pytest.mark.contract("D08")
def test_the_devices_are_listed_with_name_and_threads():
    from webviewer_render import devices

    found = devices.find()
    assert [device.index for device in found] == list(range(len(found)))
    cpu = next(device for device in found if device.backend == "cpu")
    assert cpu.kind == "cpu"
    assert cpu.name
    assert cpu.threads >= 1
    assert devices.choose(None).index < len(found)
    assert devices.choose(cpu.index) == cpu


async def test_a_projection_is_drawn_by_the_device_that_was_chosen(tmp_path, phantom, start_node):
    from webviewer_render import devices

    vtk = next(device for device in devices.find() if device.backend == "vtk")
    async with start_node(tmp_path, device=vtk.index) as node:
        series = await node.store(phantom("vtk").instances(), tmp_path)
        async with node.tab() as tab:
            await node.open(tab, series, (64, 48), window="volume")
            await tab.wait(lambda: any(frame.quality is Quality.FINAL for frame, _ in tab.frames))
            assert [message for message in tab.messages if message["type"] in {"error", "closed"}] == []


async def test_slots_come_free_a_minute_after_their_sessions_have_gone(tmp_path, phantom, start_node):
    clock = FakeClock()
    async with start_node(tmp_path, render_slots=2, clock=clock) as node:
        series = await node.store(phantom("slots").instances(), tmp_path)
        async with node.tab("one") as one, node.tab("two") as two:
            await node.open(one, series)
            await node.open(two, series)
            with pytest.raises(NodeFullError):
                async with node.tab("three"):
                    pass
            clock.advance(3600)
            with pytest.raises(NodeFullError):
                async with node.tab("three"):
                    pass
        clock.advance(59)
        with pytest.raises(NodeFullError):
            async with node.tab("three"):
                pass
        clock.advance(1)
        async with node.tab("three") as three, node.tab("four"):
            await node.open(three, series)


async def test_refusals_are_http_answers_and_sockets_close_with_the_code(tmp_path, phantom, start_node, serve_app):
    async with start_node(tmp_path, render_slots=1, over_http=True) as node, serve_app(node.app) as url:
        address = url.replace("http", "ws", 1) + "/v1/session"

        async def status(token):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(address, additional_headers={"Authorization": f"Bearer {token}"}):
                    pass
            return refused.value.response.status_code

        async with httpx2.AsyncClient(base_url=url) as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/readyz")).status_code == 200
            assert (await client.get("/v1/thumbnail")).status_code == 401
            assert (await client.get("/v1/thumbnail?size=100000")).status_code == 422
            assert (await client.get("/nothing")).json()["code"] == "not_found"
        assert await status("nonsense") == 401
        assert await status(node.pixels_token("x")) == 401
        headers = {"Authorization": f"Bearer {node.view_token('one')}"}
        async with connect(address, additional_headers=headers) as socket:
            await socket.send(b"bytes")
            assert '"error"' in await socket.recv()
            assert await status(node.view_token("two")) == 409
            node.port.drain()
            await asyncio.wait_for(socket.wait_closed(), 10)
            assert socket.close_code == 4001
        assert await status(node.view_token("one")) == 503
        async with httpx2.AsyncClient(base_url=url) as client:
            await asyncio.sleep(1.05)  # the last answer of /readyz counts for a second
            assert (await client.get("/readyz")).status_code == 503
