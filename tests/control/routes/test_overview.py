"""The administrator's overview: numbers of the moment, and what needs attention."""

import pytest

from webviewer.domain.load import VolumeUse


@pytest.fixture
async def server(start, database_url):
    return await start(database_url=database_url)


async def overview(admin):
    answer = await admin.get("/v2/admin/overview")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_counts_users_sessions_and_places(server, database_url):
    await server.create_user()
    await server.create_user("berta", active=False)
    await server.login()
    admin = await server.admin()
    server.storage.add_quarantined("shared-store", "item")
    found = await overview(admin)
    assert (found["users"], found["active_users"]) == (2, 1)
    assert found["sessions"] == {"user": 1, "administrator": 1}
    assert (found["slots"], found["used_slots"], found["waiting"]) == (4, 1, 0)
    assert (found["quarantined"], found["nodes"], found["cluster"]) == (1, 0, False)
    assert found["database"] == ("postgresql" if database_url else "sqlite")
    assert found["disks"] == [{"node": None, "total": 1000, "free": 400, "full": False}]
    assert all(part["answers"] for part in found["parts"])
    assert "part-silent" not in found["warnings"]


async def test_a_part_that_does_not_answer_leaves_the_rest_readable(server):
    admin = await server.admin()
    server.storage.broken = True
    server.render.load_now = None
    found = await overview(admin)
    assert {part["name"]: part["answers"] for part in found["parts"]} == {
        "database": True,
        "storage": False,
        "render": True,
    }
    assert (found["quarantined"], found["slots"], found["disks"]) == (None, None, [])
    assert "part-silent" in found["warnings"]


async def test_it_warns_of_the_well_known_password_and_of_no_encryption(start):
    demo = await start(demo=True)
    assert {"well-known-password", "no-tls"} & set((await overview(await demo.admin("admin")))["warnings"]) == {
        "well-known-password"
    }


async def test_it_warns_of_no_encryption_only_where_others_can_come(start):
    for settings, warned in (({}, False), ({"host": "0.0.0.0"}, True)):
        server = await start(**settings)
        assert ("no-tls" in (await overview(await server.admin()))["warnings"]) == warned
    behind = await start(host="0.0.0.0", server_url="https://clinic.example/")
    client = await behind.client(Origin="https://clinic.example")
    password = (behind.control.settings.data / "initial-admin-password").read_text().strip()
    answer = await client.post("/v2/admin/login", json={"user": "admin", "password": password})
    secure = answer.headers["set-cookie"].split(";")[0]
    found = await overview(await behind.client(Cookie=secure))
    assert "no-tls" not in found["warnings"]


@pytest.mark.parametrize(("free", "reserve", "full"), [(101, 10, False), (99, 10, True), (299, 300, True)])
async def test_it_warns_of_a_disk_that_is_nearly_full(start, free, reserve, full):
    server = await start()
    server.storage.volume = VolumeUse(total=1000, free=free, reserve=reserve)
    found = await overview(await server.admin())
    assert (found["disks"][0]["full"], "disk-full" in found["warnings"]) == (full, full)


async def test_it_is_the_administrators(server):
    await server.create_user()
    assert (await (await server.login()).get("/v2/admin/overview")).status_code == 401
