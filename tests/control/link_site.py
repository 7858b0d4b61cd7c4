"""A server with a real storage, whose user Anna has two studies that she may share."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from tests.control.test_real_storage import upload

from webviewer.sample.series import PhantomSeries

HERS = PhantomSeries(rows=32, columns=32, slices=2, spacing=10.0, step=200.0, name="shared by a link")
OTHER = PhantomSeries(rows=32, columns=32, slices=1, spacing=10.0, step=200.0, name="nobody's business")


@dataclass
class Site:
    """Anna with two studies in her store."""

    running: object
    anna: object
    study: str
    other: str
    admin: object = None
    program: object = None

    async def link(self, **fields):
        answer = await self.anna.post("/v2/links", json={"study": self.study, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def open(self, query, client=None, **more):
        client = client or await self.running.client()
        return await client.post("/v2/link-openings", json=dict(parse_qsl(query)) | more)

    async def visitor(self, query, **more):
        answer = await self.open(query, **more)
        assert answer.status_code == 201, answer.text
        client = await self.running.client(Authorization=f"Bearer {answer.json()['token']}")
        return client, answer.json()

    async def hello(self, socket, token):
        await socket.send(json.dumps({"type": "hello", "version": 1, "token": token}))
        return json.loads(await socket.recv())


async def make_site(start, **settings):
    """Start it."""
    running = await start(real_storage=True, no_dicom=True, min_free_bytes=0, **settings)
    await running.create_user("anna")
    anna = await running.login("anna")
    ids = []
    for phantom in (HERS, OTHER):
        await upload(anna, phantom.instance(0))
        known = (await anna.get("/v2/studies")).json()["studies"]
        ids += [study["id"] for study in known if study["id"] not in ids]
    return Site(running, anna, *ids)
