"""Argon2id under load."""

import asyncio
import time

from webviewer.errors import ThrottledError
from webviewer_control.services import passwords
from webviewer_control.services.passwords import Passwords


async def test_hashes_are_argon2id_with_the_chosen_cost():
    service = Passwords()
    stored = await service.hash("пароль")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await service.verify(stored, "пароль")
    assert not await service.verify(stored, "other")
    assert not await service.verify(None, "")
    assert not await service.verify("damaged", "x")
    assert not service.outdated(stored)


async def test_no_more_hashes_run_at_once_than_there_are_cores(monkeypatch):
    monkeypatch.setattr(passwords.os, "cpu_count", lambda: 2)
    service = Passwords()
    running, most = 0, 0

    def slow(*_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.002)
        running -= 1
        return True

    monkeypatch.setattr(service, "_check", slow)
    await asyncio.gather(*(service.verify("x", "y") for _ in range(20)))
    assert most == 2
    assert service._waiting == 0


async def test_a_crowd_is_asked_to_come_again(monkeypatch):
    monkeypatch.setattr(passwords, "_MAX_WAITING", 3)
    service = Passwords()
    results = await asyncio.gather(*(service.verify(None, "y") for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results].count(ThrottledError) == 2
    assert service._waiting == 0
