"""All render nodes behind one name."""

import asyncio

import pytest

from webviewer.clients.render_nodes import RenderNodes
from webviewer.domain.identity import Action
from webviewer.errors import InvalidRequestError, PeerUnavailableError
from webviewer_render.services import move_sessions


async def test_the_nodes_behind_a_name_are_asked_one_by_one(tmp_path, start_node, serve_app):
    async with start_node(tmp_path, render_slots=3) as node, serve_app(node.app) as url:
        nodes = RenderNodes(url.replace("127.0.0.1", "localhost"))
        token = node.view_token("", actions={Action.OPERATE})
        found = await nodes.nodes()
        assert (await found["127.0.0.1"].load(token)).slots == 3
        assert (await nodes.nodes())["127.0.0.1"] is found["127.0.0.1"]
        await nodes.aclose()


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
