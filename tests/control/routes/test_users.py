"""The administrator's users."""

import pytest


@pytest.mark.contract("F01", "F02", "F04", "F06")
async def test_a_user_is_created_listed_and_can_log_in(running):
    admin = await running.admin()
    body = {"login": "Anna_1", "password": "x", "ae_title": "ANNA-PC_1"}
    answer = await admin.post("/v2/admin/users", json=body)
    assert answer.status_code == 201
    user = answer.json()
    assert (user["login"], user["ae_title"], user["active"], user["sessions"]) == ("Anna_1", "ANNA-PC_1", True, 0)
    assert "password" not in user
    [store] = [store for store in running.storage.stores.values() if store.kind == "user"]
    assert (store.owner, store.ae_title) == (user["id"], "ANNA-PC_1")
    client = await running.login("anna_1", "x")
    assert (await client.get("/v2/session")).json()["login"] == "Anna_1"
    page = (await admin.get("/v2/admin/users")).json()
    assert (page["total"], page["users"][0]["sessions"]) == (1, 1)
    assert page["users"][0]["last_login"]


@pytest.mark.contract("F02", "F04")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"login": "1anna"}, "login_format"),
        ({"login": "an na"}, "login_format"),
        ({"login": ""}, "login_format"),
        ({"login": "a" * 33}, "login_format"),
        ({"login": "анна"}, "login_format"),
        ({"login": "anna\n"}, "login_format"),
        ({"login": "BERTA"}, "login_taken"),
        ({"ae_title": "A B"}, "ae_title_format"),
        ({"ae_title": "A" * 17}, "ae_title_format"),
        ({"ae_title": "BERTA"}, "ae_title_taken"),
        ({"ae_title": "WEBVIEWER"}, "ae_title_taken"),
        ({"password": ""}, "password_empty"),
        ({"login": 5}, "invalid"),
        ({"unknown": 5}, "invalid"),
    ],
)
async def test_what_a_user_cannot_be_has_a_code_of_its_own(running, change, code):
    berta = await running.create_user("berta", ae_title="BERTA")
    anna = await running.create_user("anna")
    admin = await running.admin()
    created = await admin.post("/v2/admin/users", json={"login": "new", "password": "x"} | change)
    assert created.json()["code"] == code
    changed = await admin.patch(f"/v2/admin/users/{anna.id}", json=change)
    assert changed.json()["code"] == code
    assert (await admin.get("/v2/admin/users")).json()["total"] == 2
    assert (await admin.patch(f"/v2/admin/users/{berta.id}", json={"login": "Berta"})).status_code == 200


@pytest.mark.contract("F01")
async def test_users_are_searched_sorted_and_paged(running):
    for name in ("carl", "Anna", "berta"):
        await running.control.users.insert({"login": name, "password": "x"}, demo=False)
    admin = await running.admin()

    async def names(query):
        return [user["login"] for user in (await admin.get(f"/v2/admin/users?{query}")).json()["users"]]

    assert await names("") == ["Anna", "berta", "carl"]
    assert await names("descending=true") == ["carl", "berta", "Anna"]
    assert await names("offset=1&limit=1") == ["berta"]
    assert await names("search=R") == ["berta", "carl"]
    assert await names("search=%25") == []
    assert await names("sort=created&descending=true") == ["berta", "Anna", "carl"]
    for sort in ("ae_title", "active", "last_login", "sessions"):
        assert len(await names(f"sort={sort}")) == 3


async def test_a_user_whom_somebody_else_has_changed_is_not_overwritten(running):
    user = await running.create_user()
    admin = await running.admin()
    seen = (await admin.get(f"/v2/admin/users/{user.id}")).json()["version"]
    first = await admin.patch(f"/v2/admin/users/{user.id}", json={"ae_title": "FIRST", "version": seen})
    assert (first.status_code, first.json()["version"]) == (200, seen + 1)
    second = await admin.patch(f"/v2/admin/users/{user.id}", json={"ae_title": "SECOND", "version": seen})
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    assert (await admin.get(f"/v2/admin/users/{user.id}")).json()["ae_title"] == "FIRST"


@pytest.mark.contract("F01")
async def test_users_without_a_value_come_last_in_either_order_on_both_engines(start, database_url):
    running = await start(database_url=database_url)
    for name, title in (("a", "Z"), ("b", None), ("c", "Y")):
        await running.control.users.insert({"login": name, "password": "x", "ae_title": title}, demo=False)
    await running.login("b", "x")
    admin = await running.admin()

    async def names(sort, *, descending):
        query = {"sort": sort, "descending": descending}
        return "".join(user["login"] for user in (await admin.get("/v2/admin/users", params=query)).json()["users"])

    assert [await names("ae_title", descending=down) for down in (False, True)] == ["cab", "acb"]
    assert [await names("sessions", descending=down) for down in (False, True)] == ["acb", "bac"]
    assert [await names("last_login", descending=down) for down in (False, True)] == ["bac", "bac"]


@pytest.mark.contract("N02")
async def test_settings_of_the_panel_are_kept_for_the_administrator_and_are_no_users(running):
    await running.create_user()
    user, admin = await running.login(), await running.admin()
    assert (await admin.put("/v2/admin/settings/table.users", json={"value": {"wrap": True}})).status_code == 204
    other = await running.admin()
    assert (await other.get("/v2/admin/settings")).json() == {"values": {"table.users": {"wrap": True}}}
    assert (await user.get("/v2/settings")).json() == {"values": {}}
    assert (await admin.put("/v2/admin/settings/1", json={"value": 1})).status_code == 422
    assert (await admin.put("/v2/admin/settings/big", json={"value": "x" * 70_000})).status_code == 413
    assert (await other.delete("/v2/admin/settings/table.users")).status_code == 204
    assert (await admin.get("/v2/admin/settings")).json() == {"values": {}}


@pytest.mark.contract("F06", "F07")
async def test_switching_a_user_off_ends_his_sessions(running):
    user = await running.create_user()
    client, admin = await running.login(), await running.admin()
    answer = await admin.patch(f"/v2/admin/users/{user.id}", json={"active": False})
    assert (answer.json()["active"], answer.json()["sessions"]) == (False, 0)
    assert (await client.get("/v2/session")).status_code == 401


@pytest.mark.contract("F07")
async def test_a_changed_ae_title_reaches_storage_and_null_takes_it_away(running):
    user = await running.create_user(ae_title="OLD")
    admin = await running.admin()
    await admin.patch(f"/v2/admin/users/{user.id}", json={"ae_title": "NEW", "login": "renamed"})
    assert running.storage.stores[user.store].ae_title == "NEW"
    await admin.patch(f"/v2/admin/users/{user.id}", json={"ae_title": None})
    assert running.storage.stores[user.store].ae_title is None
    assert (await admin.get(f"/v2/admin/users/{user.id}")).json()["login"] == "renamed"


@pytest.mark.contract("F10")
async def test_the_administrator_closes_a_users_sessions(running):
    user = await running.create_user()
    client, admin = await running.login(), await running.admin()
    assert (await admin.delete(f"/v2/admin/users/{user.id}/sessions")).status_code == 204
    assert (await client.get("/v2/session")).status_code == 401
    assert (await admin.get("/v2/admin/session")).status_code == 200


async def test_a_deleted_user_is_gone_with_his_studies(running):
    user = await running.create_user()
    running.storage.add_study(user.store, "study", "series")
    client, admin = await running.login(), await running.admin()
    assert (await admin.delete(f"/v2/admin/users/{user.id}")).status_code == 204
    assert (await client.get("/v2/session")).status_code == 401
    assert running.storage.studies == {}
    for method, path in (("GET", ""), ("DELETE", ""), ("DELETE", "/sessions")):
        assert (await admin.request(method, f"/v2/admin/users/{user.id}{path}")).status_code == 404


async def test_nothing_is_saved_while_storage_does_not_answer(running):
    user = await running.create_user(ae_title="OLD")
    admin = await running.admin()
    running.storage.broken = True
    assert (await admin.post("/v2/admin/users", json={"login": "new", "password": "x"})).status_code == 503
    assert (await admin.patch(f"/v2/admin/users/{user.id}", json={"ae_title": "NEW"})).status_code == 503
    assert (await admin.delete(f"/v2/admin/users/{user.id}")).status_code == 503
    page = (await admin.get("/v2/admin/users")).json()
    assert [(u["login"], u["ae_title"]) for u in page["users"]] == [("anna", "OLD")]


async def test_stores_that_storage_has_lost_are_made_again_at_the_start(start, eventually):
    first = await start()
    user = await first.create_user(ae_title="ANNA")
    second = await start()
    await eventually(lambda: user.store in second.storage.stores)
    assert second.storage.stores[user.store].ae_title == "ANNA"


@pytest.mark.contract("E13")
async def test_the_administrators_password_is_changed_with_the_old_one(running):
    admin, other = await running.admin(), await running.admin()
    file = running.control.settings.data / "initial-admin-password"
    old = file.read_text().strip()
    wrong = await admin.post("/v2/admin/password", json={"old": "x", "new": "y"})
    assert wrong.json()["code"] == "old_password"
    empty = await admin.post("/v2/admin/password", json={"old": old, "new": ""})
    assert empty.json()["code"] == "password_empty"
    assert (await admin.post("/v2/admin/password", json={"old": old, "new": "y"})).status_code == 204
    assert (await admin.get("/v2/admin/session")).json()["login"] == "admin"
    assert (await other.get("/v2/admin/session")).status_code == 401
    assert not file.exists()
    await running.admin("y")
