"""Two users with the same images in the real storage role: same UIDs, and nothing in common."""

import asyncio
import hashlib
import json

import pytest

from webviewer.sample.series import PhantomSeries

PHANTOM = PhantomSeries(rows=32, columns=32, slices=2, spacing=10.0, step=200.0, name="isolation")
DAMAGED = b"\x00" * 128 + b"DICM" + b"\xff" * 200


async def upload(client, content, name="a.dcm"):
    digest = hashlib.sha256(content).hexdigest()
    answer = await client.put(
        f"/v2/uploads/{digest}", params={"offset": 0, "size": len(content), "name": name}, content=content
    )
    async with asyncio.timeout(20):
        while answer.json()["state"] not in {"done", "failed"}:
            await asyncio.sleep(0.02)
            answer = await client.get(f"/v2/uploads/{digest}")
    return digest


@pytest.fixture
async def two(start):
    running = await start(real_storage=True, no_dicom=True, min_free_bytes=0)
    for login in ("anna", "berta"):
        await running.create_user(login)
    running.anna, running.berta = await running.login("anna"), await running.login("berta")
    running.digest = await upload(running.anna, PHANTOM.instance(0))
    await upload(running.anna, DAMAGED, "damaged.dcm")
    return running


async def studies(client):
    return (await client.get("/v2/studies")).json()["studies"]


async def test_another_users_study_is_reached_by_no_name_of_it(two):
    [study] = await studies(two.anna)
    detail = (await two.anna.get(f"/v2/studies/{study['id']}")).json()
    [series] = detail["series"]
    assert await studies(two.berta) == []
    names = {study["id"], study["uid"], detail["study"]["uid"], PHANTOM.uid("study"), two.digest} - {""}
    for name in names:
        assert (await two.berta.get(f"/v2/studies/{name}")).status_code == 404
        assert (await two.berta.delete(f"/v2/studies/{name}")).status_code == 404
        for inner in (series["id"], PHANTOM.uid("series")):
            assert (await two.berta.get(f"/v2/studies/{name}/series/{inner}/thumbnail")).status_code == 404
    assert (await two.berta.get(f"/v2/uploads/{two.digest}")).status_code == 404
    [item] = (await two.anna.get("/v2/quarantine")).json()["items"]
    assert (await two.berta.get("/v2/quarantine")).json()["total"] == 0
    assert (await two.berta.delete(f"/v2/quarantine/{item['id']}")).status_code == 404
    assert two.render.drawn == 0
    async with two.socket(two.berta) as socket:
        await socket.send(json.dumps({"type": "hello", "version": 1}))
        await socket.recv()
        for viewport, name in enumerate((series["id"], PHANTOM.uid("series"), series["uid"] or "x")):
            opening = {"type": "open", "viewport": viewport, "study": study["id"], "series": name, "size": [64, 64]}
            await socket.send(json.dumps(opening))
            answer = json.loads(await socket.recv())
            assert (answer["code"], answer["viewport"]) == ("not_found", viewport)
    assert len(await studies(two.anna)) == 1


async def test_the_same_images_of_two_users_live_and_die_apart(two):
    await upload(two.berta, PHANTOM.instance(0))
    await upload(two.berta, PHANTOM.instance(1))
    [annas], [bertas] = await studies(two.anna), await studies(two.berta)
    assert annas["id"] != bertas["id"]
    assert (annas["ninst"], bertas["ninst"]) == (1, 2)
    assert (await two.anna.delete(f"/v2/studies/{annas['id']}")).status_code == 204
    assert await studies(two.anna) == []
    assert (await studies(two.berta))[0]["ninst"] == 2


async def test_a_deleted_user_takes_his_studies_along(two):
    admin = await two.admin()
    users = (await admin.get("/v2/admin/users?search=anna")).json()["users"]
    assert (await admin.delete(f"/v2/admin/users/{users[0]['id']}")).status_code == 204
    await two.create_user("anna")
    assert await studies(await two.login("anna")) == []


async def test_two_users_cannot_have_one_ae_title_at_the_node(two):
    admin = await two.admin()
    first, second = (await admin.get("/v2/admin/users")).json()["users"]
    assert (await admin.patch(f"/v2/admin/users/{first['id']}", json={"ae_title": "ONE"})).status_code == 200
    answer = await admin.patch(f"/v2/admin/users/{second['id']}", json={"ae_title": "ONE"})
    assert answer.json()["code"] == "ae_title_taken"
