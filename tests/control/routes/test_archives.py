"""Downloads: who gets an address, that it works once, and how a transfer ends that cannot be finished."""

import asyncio
import hashlib
import io
import zipfile
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import httpx2
import pytest
from prometheus_client import REGISTRY
from tests.control.test_real_storage import upload

from webviewer.errors import PeerUnavailableError
from webviewer.ports.storage import StudyArchive
from webviewer.sample.series import PhantomSeries

pytestmark = pytest.mark.contract("R11")
MEGABYTE = 1024 * 1024
MADE = PhantomSeries(rows=32, columns=32, slices=2, spacing=10.0, step=200.0, name="to take away")


@pytest.fixture
async def real(start):
    running = await start(real_storage=True, no_dicom=True, min_free_bytes=0)
    for login in ("anna", "berta"):
        await running.create_user(login)
    running.anna = await running.login("anna")
    return running


async def only_study(client):
    return (await client.get("/v2/studies")).json()["studies"][0]["id"]


async def ask(client, study):
    answer = await client.post(f"/v2/studies/{study}/archive")
    assert answer.status_code == 201, answer.text
    assert 0 < answer.json()["expires_in"] <= 60
    return answer.json()["url"]


@pytest.mark.real_data
async def test_a_user_downloads_a_real_study_as_it_was_sent(real, real_data):
    packed, digests = io.BytesIO(), set()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((real_data / "dcm_qa_ct_head1mm_jls").iterdir()):
            archive.write(path, path.name)
            digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    await upload(real.anna, packed.getvalue(), "ct.zip")
    url = await ask(real.anna, await only_study(real.anna))
    browser = await real.client()  # without cookies or headers of the page
    answer = await browser.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="study_2015-02-06_CT.zip"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        files = {hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist() if name != "DICOMDIR"}
    assert (files, len(digests)) == (digests, 140)
    again = await browser.get(url)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    admin = await real.admin()
    [entry] = (await admin.get("/v2/admin/audit?action=downloaded")).json()["entries"]
    assert (entry["user"], entry["action"], entry["details"]["images"]) == ("anna", "downloaded", 140)


async def test_an_address_dies_after_a_minute_and_with_its_session(real):
    await upload(real.anna, MADE.instance(0))
    study, browser = await only_study(real.anna), await real.client()
    late, kept, orphan = [await ask(real.anna, study) for _ in range(3)]
    real.clock.advance(seconds=61)
    assert (await browser.get(late)).status_code == 404
    fresh = await ask(real.anna, study)
    assert (await browser.head(fresh)).status_code == 422  # a look does not use it up
    assert (await browser.get(fresh)).status_code == 200
    assert (await browser.get(kept)).status_code == 404
    last = await ask(real.anna, study)
    assert (await real.anna.delete("/v2/session")).status_code in {200, 204}
    for url in (last, orphan, "/v2/archives/x", "/v2/archives/" + "A" * 43):
        assert (await browser.get(url)).status_code == 404


async def test_nobody_downloads_what_he_may_not_read(real):
    await upload(real.anna, MADE.instance(0))
    study = await only_study(real.anna)
    berta = await real.login("berta")
    assert (await berta.post(f"/v2/studies/{study}/archive")).status_code == 404
    assert (await (await real.client()).post(f"/v2/studies/{study}/archive")).status_code == 401


@pytest.mark.contract("M03")
async def test_links_download_only_with_the_right_to(real):
    for number in range(2):
        await upload(real.anna, MADE.instance(number))
    study = await only_study(real.anna)
    made = (await real.anna.post("/v2/links", json={"study": study})).json()["queries"]
    allowed = []
    for query, status in (("anonymized_link_query", 403), ("link_query", 403), ("download_link_query", 201)):
        opening = await (await real.client()).post("/v2/link-openings", json=dict(parse_qsl(made[query])))
        visitor = await real.client(Authorization=f"Bearer {opening.json()['token']}")
        answer = await visitor.post(f"/v2/studies/{study}/archive")
        assert answer.status_code == status, query
        if status == 201:
            allowed.append(answer.json()["url"])
    content = (await (await real.client()).get(allowed[0])).content
    assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 3


# ---------------------------------------------------------------- transfers that end early


class Endless:
    """A storage node whose archive goes on until it fails or is left; ``left`` says that it was."""

    def __init__(self, storage, fails_after=None):
        self._storage = storage
        self._fails_after = fails_after
        self.left = asyncio.Event()
        self.sent = 0

    def __getattr__(self, name):
        return getattr(self._storage, name)

    @asynccontextmanager
    async def study_archive(self, token, study):
        await self._storage.get_study(token, study)
        try:
            yield StudyArchive(2**40, self._chunks())
        finally:
            self.left.set()

    async def _chunks(self):
        while self._fails_after is None or self.sent < self._fails_after:
            self.sent += 1
            await asyncio.sleep(0)  # as reading a disk or a line lets others go on
            yield bytes(MEGABYTE)
        raise PeerUnavailableError("storage went away")


@pytest.fixture
async def transfer(running):
    """Return a function that begins the download of a study of a node that is like this."""

    async def begin(**kind):
        anna = await running.create_user("anna")
        running.storage.add_study(anna.store, "s", "series")
        endless = Endless(running.storage, **kind)
        gateway = running.app.state.context.gateway
        gateway.storages._node = type(gateway.storages._node)(None, endless, None)
        url = await ask(await running.login("anna"), "s")
        return endless, running.url + url

    return begin


async def test_a_browser_that_goes_away_stops_the_work_and_a_slow_one_slows_it_down(transfer):
    endless, url = await transfer()
    async with httpx2.AsyncClient(trust_env=False) as browser, browser.stream("GET", url) as answer:
        assert answer.status_code == 200
        received = 0
        async for chunk in answer.aiter_raw():
            received += len(chunk)
            # What is made and not yet read fills the buffers of the line and no more.
            assert endless.sent * MEGABYTE - received < 32 * MEGABYTE
            if received > 96 * MEGABYTE:
                break
    await asyncio.wait_for(endless.left.wait(), 20)


async def test_a_transfer_that_cannot_be_finished_breaks_visibly(transfer):
    endless, url = await transfer(fails_after=3)
    async with httpx2.AsyncClient(trust_env=False) as browser:
        with pytest.raises(httpx2.RemoteProtocolError, match="without sending complete message body"):
            await browser.get(url)
    assert endless.sent == 3
    await asyncio.wait_for(endless.left.wait(), 20)


async def test_metrics_tell_how_downloads_ended(real):
    def count(outcome):
        return REGISTRY.get_sample_value("webviewer_storage_archives_total", {"outcome": outcome}) or 0

    await upload(real.anna, MADE.instance(0))
    before = count("complete")
    await (await real.client()).get(await ask(real.anna, await only_study(real.anna)))
    assert count("complete") == before + 1
