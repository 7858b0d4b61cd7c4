"""The service and the client over a real server keep the same contract, on both databases."""

import asyncio
import socket

import pytest
import uvicorn

from webviewer.clients.storage import StorageClient
from webviewer.errors import PeerUnavailableError
from webviewer.roles import Peers
from webviewer.testing.storage_port import StoragePortConformance
from webviewer_storage.role import ROLE


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
class TestService(StoragePortConformance):
    @pytest.fixture
    def port(self, node):
        return node.port


class TestClient(StoragePortConformance):
    @pytest.fixture
    async def port(self, node):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server = uvicorn.Server(uvicorn.Config(ROLE.create_app(node, Peers()), lifespan="off", log_config=None))
            serving = asyncio.create_task(server.serve([listener]))
            client = StorageClient(f"http://127.0.0.1:{listener.getsockname()[1]}")
            yield client
            await client.aclose()
            server.should_exit = True
            await serving


async def test_a_node_that_is_not_there_is_unavailable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        client = StorageClient(f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(PeerUnavailableError):
            await client.ping()
        await client.aclose()
