"""``webviewer bench tables``: pages of the administrator's tables over many rows, on PostgreSQL."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from webviewer.bench import machine, report, table
from webviewer.bench.own_postgresql import running_postgresql
from webviewer.bench.percentile import percentile
from webviewer.bench.server import running_server

TARGET_MS = 100.0
_LIMIT = 20
_SORTS = {
    "users": ("login", "ae_title", "active", "created", "last_login", "sessions"),
    "journal": ("time", "id", "event", "user"),
    "audit": ("time", "id", "action", "user"),
}
_FILTERS = {"journal": {"user": "u42"}, "audit": {"action": "opened"}}
_EVENTS = "(ARRAY['session-opened', 'session-closed', 'session-timed-out', 'user-login-failed', 'user-changed'])"
_ACTIONS = "(ARRAY['opened', 'opened', 'opened', 'exported', 'deleted'])"
_USERS = """
    INSERT INTO control.users (id, login, login_key, password, ae_title, active, demo, created, last_login, store, version)
    SELECT md5('u' || n), 'u' || n, 'u' || n, '', CASE WHEN n % 3 > 0 THEN 'AE' || n END, n % 10 > 0, false,
           now() - n * interval '1 minute', CASE WHEN n % 4 > 0 THEN now() - (n * 7919 % 100000) * interval '1 second' END,
           md5('s' || n), 1
    FROM generate_series(1, :rows) AS n"""
_JOURNAL = f"""
    INSERT INTO control.journal (time, event, login, login_key, user_id, details)
    SELECT now() - (:rows - n) * interval '20 seconds', {_EVENTS}[1 + n * 31 % 5], 'u' || n % 10000, 'u' || n % 10000,
           md5('u' || n % 10000), jsonb_build_object('address', '192.0.2.' || n % 250, 'session', md5('x' || n / 2))
    FROM generate_series(1, :rows) AS n"""  # noqa: S608 - constants
_AUDIT = f"""
    INSERT INTO control.audit (time, action, login, login_key, user_id, kind, session, link, address, study, subject, details,
                               seal_id)
    SELECT now() - (:rows - n) * interval '20 seconds', {_ACTIONS}[1 + n * 31 % 5], 'u' || n % 10000, 'u' || n % 10000,
           md5('u' || n % 10000), 'user', md5('x' || n / 2), '', '192.0.2.' || n % 250, md5('study' || n % 50000),
           jsonb_build_object('name', 'Patient^' || n % 50000, 'pid', 'P' || n % 50000, 'mod', 'CT'), '{{}}'::jsonb, 1
    FROM generate_series(1, :rows) AS n"""  # noqa: S608 - constants


def run(*, out: Path | None, users: int, rows: int, pages: int, database_url: str | None, **_: object) -> int:
    """Measure and report; returns the exit status. The schema ``control`` of ``database_url`` has to be empty."""
    figures: dict[str, Any] = {"machine": machine.describe(), "users": users, "rows": rows, "tables": {}}
    with ExitStack() as stack:
        url = database_url or stack.enter_context(running_postgresql())()
        server = stack.enter_context(running_server("--database-url", url))
        http = stack.enter_context(httpx2.Client(base_url=server.url, headers={"Origin": server.url}, timeout=120))
        _log_in(http)
        asyncio.run(_fill(url, users, rows))
        for name, sorts in _SORTS.items():
            figures["tables"][name] = {sort: _measure(http, name, {"sort": sort}, pages) for sort in sorts}
        for name, conditions in _FILTERS.items():
            (label,) = conditions.items()
            query = {"sort": "time", **conditions}
            figures["tables"][name][f"time, {label[0]} = {label[1]}"] = _measure(http, name, query, pages)
    report.deliver("tables", figures, _text(figures), out)
    return 0


def _log_in(http: httpx2.Client) -> None:
    answer = http.post("/v2/admin/login", json={"user": "admin", "password": "admin"}).raise_for_status()
    http.headers["X-CSRF-Token"] = answer.json()["csrf"]


async def _fill(url: str, users: int, rows: int) -> None:
    """Write the rows past the program, which would take hours, and let PostgreSQL look at them as it does by itself."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(_USERS), {"rows": users})
        await connection.execute(text(_JOURNAL), {"rows": rows})
        await connection.execute(text(_AUDIT), {"rows": rows})
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for name in _SORTS:
            await connection.execute(text(f"VACUUM ANALYZE control.{name}"))
    await engine.dispose()


def _measure(http: httpx2.Client, name: str, query: dict[str, str], pages: int) -> dict[str, float]:
    """Ask for first, last and random pages in both directions, as one administrator after the other does."""
    chance = random.Random(4711)  # noqa: S311 - the same pages in every run

    def ask(offset: int, *, descending: bool) -> tuple[float, int]:
        params: dict[str, str | int] = {**query, "offset": offset, "limit": _LIMIT, "descending": descending}
        started = time.perf_counter()
        answer = http.get(f"/v2/admin/{name}", params=params).raise_for_status()
        return (time.perf_counter() - started) * 1000, answer.json()["total"]

    first, total = ask(0, descending=True)
    times = []
    for number in range(pages):
        anywhere = chance.randrange(total)
        offset = {0: 0, 1: max(0, total - _LIMIT)}.get(number % 5, anywhere)
        times.append(ask(offset, descending=bool(number % 2))[0])
    return {"rows": total, "first": first, "p50": percentile(times, 0.5), "p95": percentile(times, 0.95)}


def _text(figures: dict[str, Any]) -> str:
    rows = [
        (
            name,
            sort,
            str(found["rows"]),
            table.number(found["first"]),
            table.number(found["p50"]),
            table.number(found["p95"]),
            f"<= {TARGET_MS:g}",
            table.verdict(met=found["p95"] <= TARGET_MS),
        )
        for name, sorts in figures["tables"].items()
        for sort, found in sorts.items()
    ]
    head = ("table", "order", "rows", "first time ms", "p50 ms", "p95 ms", "target", "verdict")
    return table.markdown(head, rows)
