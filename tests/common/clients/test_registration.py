"""What a node says of itself to control."""

import asyncio
import contextlib

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from webviewer import server
from webviewer.clients.registration import keep_registered, node_key
from webviewer.settings import Settings


def test_a_storage_node_is_the_same_after_a_restart_and_a_render_node_is_another(tmp_path):
    settings = Settings(data=tmp_path)
    assert node_key("storage", settings) == node_key("storage", settings)
    assert node_key("render", settings) != node_key("render", settings)


def test_a_name_that_was_lost_halfway_is_made_again(tmp_path):
    (tmp_path / "node-id").write_text("")
    settings = Settings(data=tmp_path)
    key = node_key("storage", settings)
    assert len(key) == 32
    assert node_key("storage", settings) == key
    assert [each.name for each in tmp_path.iterdir()] == ["node-id"]


async def test_a_node_whose_folder_cannot_be_written_goes_on_and_registers_later(tmp_path, monkeypatch):
    monkeypatch.setattr("webviewer.clients.registration._BEAT_SECONDS", 0.05)
    heard = asyncio.Queue()

    async def listen(request):
        await heard.put(await request.json())
        return JSONResponse({"id": 1, "active": True})

    app = Starlette(routes=[Route("/v2/nodes", listen, methods=["PUT"])])
    listener = server.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    folder = tmp_path / "later"
    settings = Settings(data=folder, control_url=f"http://127.0.0.1:{port}", node_secret="secret")
    async with server.serving(app, listener), asyncio.timeout(20):
        with capture_logs() as logs:
            task = asyncio.create_task(keep_registered("storage", settings, 8091))
            while not any(each["event"] == "control does not hear this node" for each in logs):
                await asyncio.sleep(0.01)
        assert not task.done()
        assert heard.empty()
        folder.mkdir()
        body = await heard.get()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert body["key"] == (folder / "node-id").read_text()
    assert (body["role"], body["address"]) == ("storage", "http://127.0.0.1:8091")
