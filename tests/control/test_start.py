"""The first start, the demonstration, and old schemas."""

import asyncio
import stat
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from websockets.exceptions import InvalidStatus

import webviewer_control
from webviewer.errors import InvalidRequestError, SchemaOutdatedError
from webviewer.roles import Mode, find_role
from webviewer.settings import Settings
from webviewer.wire.keyring import KeyRing
from webviewer_control.openapi import text
from webviewer_control.services.control import open_control


@pytest.mark.contract("E02")
async def test_the_first_password_is_generated_printed_once_and_kept_in_a_closed_file(start, capsys):
    running = await start()
    file = running.control.settings.data / "initial-admin-password"
    password = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(password) >= 16
    assert capsys.readouterr().out.count(password) == 1
    client = await running.client()
    for guess in ("admin", ""):
        answer = await client.post("/v2/admin/login", json={"user": "admin", "password": guess})
        assert answer.status_code == 401
    await running.admin()
    again = await start()
    assert file.read_text().strip() == password
    assert password not in capsys.readouterr().out
    await again.admin(password)


async def test_a_password_that_a_secret_or_a_crashed_start_has_left_is_used_and_not_printed(start, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "initial-admin-password").write_text("written-before-the-start\n")
    running = await start()
    await running.admin("written-before-the-start")
    said = capsys.readouterr().out
    assert "the password is in " in said
    assert "written-before-the-start" not in said


async def test_the_demonstration_has_well_known_accounts(start):
    running = await start(demo=True)
    admin = await running.admin("admin")
    assert (await admin.get("/v2/admin/session")).json()["demo"] is True
    client = await running.login("demo", "demo")
    assert (await client.get("/v2/session")).json()["demo"] is True
    assert not (running.control.settings.data / "initial-admin-password").exists()
    assert (await client.get("/.config.json")).json()["demo"] is True


async def test_outside_the_demonstration_its_passwords_are_worth_nothing(start):
    await start(demo=True)
    running = await start()
    client = await running.client()
    admin = await client.post("/v2/admin/login", json={"user": "admin", "password": "admin"})
    user = await client.post("/v2/login", json={"user": "demo", "password": "demo"})
    assert (admin.status_code, user.status_code, user.json()["code"]) == (401, 403, "inactive")
    await running.admin()
    again = await start(demo=True)
    await again.login("demo", "demo")


@pytest.mark.parametrize(
    "header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Real-IP", "Via"]
)
async def test_the_demonstration_refuses_what_came_through_a_proxy(start, header):
    running = await start(demo=True)
    async with httpx2.AsyncClient(base_url=running.url) as client:
        for path in ("/", "/healthz", "/v2/session"):
            answer = await client.get(path, headers={header: "x"})
            assert answer.status_code == 403
    with pytest.raises(InvalidStatus, match="403"):
        async with running.socket(**{header: "x"}):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "viewer.example"])
async def test_the_demonstration_does_not_start_where_others_could_reach_it(start, host):
    with pytest.raises(InvalidRequestError, match="this machine only"):
        await start(demo=True, host=host)


async def test_a_cluster_refuses_an_old_schema_and_names_the_command(tmp_path):
    role = find_role("control")
    settings = Settings(data=tmp_path)
    mode = Mode(unified=False, keys=KeyRing.load(tmp_path).signer.public_jwks)
    with pytest.raises(SchemaOutdatedError, match="webviewer db upgrade"):
        async with role.build(settings, mode):
            pass
    await role.upgrade(settings)
    async with role.build(settings, mode) as services:
        assert services.keyring.signer.public_jwks == mode.keys


async def test_everything_works_on_both_engines(start, database_url):
    running = await start(database_url=database_url)
    admin = await running.admin()
    body = {"login": "anna", "password": "x", "ae_title": "A"}
    user = (await admin.post("/v2/admin/users", json=body)).json()
    assert (await admin.post("/v2/admin/users", json=body)).json()["code"] == "login_taken"
    client = await running.login("anna", "x")
    await client.put("/v2/settings/view", json={"value": {"a": [1, None, "ü"]}})
    assert (await client.get("/v2/settings")).json()["values"] == {"view": {"a": [1, None, "ü"]}}
    page = (await admin.get("/v2/admin/users?sort=sessions&search=an")).json()
    assert page["users"][0]["sessions"] == 1
    running.clock.advance(hours=1)
    await running.control.sessions.sweep()
    assert (await running.control.users.get(user["id"])).sessions == 0
    admin = await running.admin()
    assert (await admin.delete(f"/v2/admin/users/{user['id']}")).status_code == 204
    assert (await admin.get("/readyz")).json() == {"status": "ok"}


async def test_tabs_that_save_the_same_new_setting_at_once_all_succeed(start, database_url):
    running = await start(database_url=database_url)
    await running.create_user()
    client = await running.login()
    for key in ("a", "b", "c"):
        calls = (client.put(f"/v2/settings/{key}", json={"value": number}) for number in range(12))
        assert {answer.status_code for answer in await asyncio.gather(*calls)} == {204}


def test_the_kept_openapi_document_is_up_to_date():
    kept = Path(webviewer_control.__file__).parents[1] / "openapi.json"
    command = "python -m webviewer_control.openapi > images/control/openapi.json"
    assert kept.read_text(encoding="utf-8") == text(), f"run: {command}"


@pytest.mark.parametrize("demo", [True, False])
async def test_controls_that_start_together_on_an_empty_database_make_its_accounts_once(tmp_path, postgresql, demo):
    url = SecretStr(postgresql())
    each = [Settings(data=tmp_path / f"{number}", database_url=url, demo=demo) for number in range(4)]
    await find_role("control").upgrade(each[0])

    async def run(settings):
        keys = KeyRing.load(settings.data).signer.public_jwks
        async with open_control(settings, Mode(unified=False, keys=keys)) as control:
            account = await control.administrator.get()
            return account.password, [user.login for user in await control.users.all()]

    found = await asyncio.gather(*(run(settings) for settings in each))
    assert len({password for password, _ in found}) == 1
    assert [users for _, users in found] == [["demo"] if demo else []] * 4
