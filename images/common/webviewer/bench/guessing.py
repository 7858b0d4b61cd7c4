"""``webviewer bench guessing``: whether the time of a refused log-in tells that an account exists."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path

import httpx2

from webviewer.bench import machine, report, table
from webviewer.bench.percentile import percentile
from webviewer.bench.server import running_server

_ATTEMPTS_EACH = 3
"""What an account is free to try before it waits: the delays are known to the guesser anyway."""
_RESAMPLES = 2000


def run(*, out: Path | None, pairs: int, **_: object) -> int:
    """Measure and report; returns the exit status."""
    with running_server() as server, httpx2.Client(base_url=server.url, headers={"Origin": server.url}) as http:
        names = _make_users(http, -(-pairs // _ATTEMPTS_EACH))
        http.cookies.clear()
        server.wait_idle()
        known: list[float] = []
        unknown: list[float] = []
        for number in range(pairs):
            name = names[number % len(names)]
            # In turn, and each goes first as often as the other: whatever else the machine does meets both.
            order = [(name, known), (f"nobody{number}", unknown)]
            for login, times in order if number % 2 else reversed(order):
                times.append(_refused(http, login))
    figures = {"machine": machine.describe(), "pairs": pairs, "known": known, "unknown": unknown}
    figures["difference"] = found = difference(known, unknown)
    report.deliver("guessing", figures, text(known, unknown, found), out)
    return 0


def _make_users(http: httpx2.Client, count: int) -> list[str]:
    answer = http.post("/v2/admin/login", json={"user": "admin", "password": "admin"}).raise_for_status()
    headers = {"X-CSRF-Token": answer.json()["csrf"]}
    names = [f"person{number}" for number in range(count)]
    for name in names:
        user = {"login": name, "password": f"{name} has one"}
        http.post("/v2/admin/users", json=user, headers=headers).raise_for_status()
    return names


def _refused(http: httpx2.Client, login: str) -> float:
    started = time.perf_counter()
    answer = http.post("/v2/login", json={"user": login, "password": "a guess"})
    spent = (time.perf_counter() - started) * 1000
    if answer.status_code != httpx2.codes.UNAUTHORIZED:
        answer.raise_for_status()
    return spent


def difference(known: list[float], unknown: list[float]) -> dict[str, float]:
    """Return the difference of medians in milliseconds and the bounds of its 95 % bootstrap interval."""
    chance = random.Random(4711)  # noqa: S311 - the same bounds for the same times

    def median(times: list[float]) -> float:
        return statistics.median(chance.choices(times, k=len(times)))

    resampled = [median(known) - median(unknown) for _ in range(_RESAMPLES)]
    return {
        "median": statistics.median(known) - statistics.median(unknown),
        "low": percentile(resampled, 0.025),
        "high": percentile(resampled, 0.975),
    }


def text(known: list[float], unknown: list[float], found: dict[str, float]) -> str:
    """Return the table and the verdict."""
    rows = [
        (name, str(len(times)), table.number(statistics.median(times)), table.number(percentile(times, 0.95)))
        for name, times in (("wrong password", known), ("unknown user", unknown))
    ]
    told = found["low"] > 0 or found["high"] < 0
    verdict = "the time tells who exists" if told else "nothing beyond noise"
    bounds = f"{found['low']:+.2f} to {found['high']:+.2f}"
    return (
        table.markdown(("refused for", "attempts", "median ms", "p95 ms"), rows)
        + f"\nDifference of medians: {found['median']:+.2f} ms (95 % interval {bounds} ms): {verdict}.\n"
    )
