"""All render nodes behind one name."""

import asyncio
import time

import pytest

from webviewer import server
from webviewer.clients.node_probe import NodeProbe
from webviewer.clients.render import RenderClient
from webviewer.clients.render_nodes import RenderNodes
from webviewer.domain.identity import Action
from webviewer.errors import InvalidRequestError, PeerUnavailableError
from webviewer.tls import client_context, server_context
from webviewer_operator.certificates import issue, make_authority
from webviewer_render.services import move_sessions


async def test_the_nodes_behind_a_name_are_asked_one_by_one(tmp_path, start_node, serve_app):
    async with start_node(tmp_path, render_slots=3) as node, serve_app(node.app) as url:
        nodes = RenderNodes(url.replace("127.0.0.1", "localhost"))
        token = node.view_token("", actions={Action.OPERATE})
        found = await nodes.nodes()
        assert (await found["127.0.0.1"].load(token)).slots == 3
        assert (await nodes.nodes())["127.0.0.1"] is found["127.0.0.1"]
        await nodes.aclose()


@pytest.fixture
def certificate(tmp_path):
    """Files of an authority and of a certificate for localhost by it."""
    authority = make_authority("imaging/viewer", time.time())
    issued = issue(authority, ["localhost"], time.time())
    files = {"authority": authority.certificate, "certificate": issued.certificate, "key": issued.key}
    paths = {name: tmp_path / f"{name}.pem" for name in files}
    for name, path in paths.items():
        path.write_text(files[name], encoding="ascii")
    return paths


async def test_nodes_that_are_asked_by_address_are_believed_by_their_common_name(tmp_path, start_node, certificate):
    trusted = client_context(certificate["authority"])
    secured = server_context(certificate["certificate"], certificate["key"])
    listener = server.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with start_node(tmp_path, render_slots=3) as node, server.serving(node.app, listener, secured):
        nodes = RenderNodes(f"https://localhost:{port}", trusted)
        found = (await nodes.nodes())["127.0.0.1"]
        token = node.view_token("", actions={Action.OPERATE})
        assert (await found.load(token)).slots == 3
        async with found.connect(node.view_token("")) as link:
            await link.send('{"type": "close", "viewport": 7}')
        await nodes.aclose()
        by_address = RenderClient(f"https://127.0.0.1:{port}", trusted)
        with pytest.raises(PeerUnavailableError, match="the render node is not trusted: IP address mismatch"):
            await by_address.load(token)
        with pytest.raises(PeerUnavailableError, match="is not trusted"):
            await by_address.connect(token).__aenter__()
        await by_address.aclose()
        plain = RenderClient(f"http://localhost:{port}", trusted)
        with pytest.raises(PeerUnavailableError, match="the render node does not answer"):
            await plain.load(token)
        await plain.aclose()


async def test_a_node_that_has_registered_by_number_has_the_name_of_its_service(tmp_path, start_node, certificate):
    trusted = client_context(certificate["authority"])
    secured = server_context(certificate["certificate"], certificate["key"])
    listener = server.listen("127.0.0.1", 0)
    address = f"https://127.0.0.1:{listener.getsockname()[1]}"
    async with start_node(tmp_path, render_slots=3) as node, server.serving(node.app, listener, secured):
        probe = NodeProbe(trusted, {"render": "https://localhost:8092", "storage": "https://elsewhere:8091"})
        assert await probe.ping(address, "render") > 0
        assert (await probe.load(address, node.view_token("", actions={Action.OPERATE}))).slots == 3
        await probe.aclose()
        probe = NodeProbe(trusted, {"render": "https://localhost:8092", "storage": "https://elsewhere:8091"})
        with pytest.raises(PeerUnavailableError, match="not valid for 'elsewhere'"):
            await probe.ping(address, "storage")
        await probe.aclose()


async def test_a_node_without_tls_is_told_from_a_silent_one(tmp_path, start_node, serve_app):
    async with start_node(tmp_path) as node, serve_app(node.app) as url:
        client = RenderClient(url.replace("http:", "https:"))
        with pytest.raises(PeerUnavailableError, match="the render node does not speak TLS: give it tls_certificate"):
            await client.load("token")
        await client.aclose()


async def test_a_name_that_cannot_be_resolved_is_no_empty_list():
    with pytest.raises(PeerUnavailableError):
        await RenderNodes("http://no-such-name.invalid:8092").nodes()


@pytest.mark.parametrize("url", ["", "render:8092", "ftp://render"])
def test_a_wrong_address_is_refused_at_once(url):
    with pytest.raises(InvalidRequestError, match="render nodes"):
        RenderNodes(url)


async def test_a_node_that_is_told_to_stop_first_sends_its_sessions_elsewhere(tmp_path, phantom, start_node):
    async with start_node(tmp_path) as node:
        series = await node.store(phantom("stop").instances(), tmp_path)
        async with node.tab() as tab:
            await node.open(tab, series)
            await tab.final()
            task = asyncio.create_task(move_sessions(node.render))
            while not tab.error:
                await asyncio.sleep(0.01)
            assert tab.error.close_code == 4001
            assert not task.done()
        await task
        assert len(node.render.context.slots) == 0
