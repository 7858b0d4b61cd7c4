"""Which cluster has a round when: one at a time per cluster, several clusters beside each other, never forgotten."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from webviewer_operator import metrics
from webviewer_operator.kube.port import KubeError

Key = tuple[str, str]
COALESCE_SECONDS = 0.3
"""Changes come in swarms: so long is waited for the rest of one."""
ROUND_SECONDS = 120.0
STALL_SECONDS = 240.0
"""A round, or a wait for one, that takes longer means that something hangs."""
_BACK_OFF = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Controller:
    """Calls ``reconcile(namespace, name)``, which returns in how many seconds it wants to be called again."""

    reconcile: Callable[[str, str], Awaitable[float | None]]
    workers: int = 4
    _due: dict[Key, float] = field(default_factory=dict)
    _running: dict[Key, float] = field(default_factory=dict)
    _failures: dict[Key, int] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self, namespace: str, name: str, seconds: float = COALESCE_SECONDS) -> None:
        """Let the cluster have a round in so many seconds, or before."""
        key, moment = (namespace, name), _now() + seconds
        self._due[key] = min(self._due.get(key, moment), moment)
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        metrics.RUNNING_SECONDS.set_function(self.longest_round)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._work())

    def stalled(self) -> bool:
        """Return whether something hangs: a liveness probe restarts the operator then."""
        now = _now()
        late = any(now - moment > STALL_SECONDS for key, moment in self._due.items() if key not in self._running)
        return late or self.longest_round() > STALL_SECONDS

    def longest_round(self) -> float:
        """Return the age of the oldest round that has not ended, in seconds."""
        return max((_now() - started for started in self._running.values()), default=0.0)

    async def _work(self) -> None:
        while True:
            key = await self._next()
            self._running[key] = _now()
            try:
                await self._round(key)
            finally:
                del self._running[key]
                self._changed.set()

    async def _next(self) -> Key:
        """Wait for the cluster whose turn it is."""
        while True:
            now = _now()
            free = {key: moment for key, moment in self._due.items() if key not in self._running}
            metrics.WAITING.set(sum(moment <= now for moment in free.values()))
            metrics.CLUSTERS.set(len(self._due.keys() | self._running.keys()))
            key = min(free, key=lambda each: free[each], default=None)
            if key is not None and free[key] <= now:
                del self._due[key]
                return key
            self._changed.clear()
            try:
                async with asyncio.timeout(None if key is None else free[key] - now):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _round(self, key: Key) -> None:
        outcome = "failed"
        with metrics.SECONDS.time():
            try:
                async with asyncio.timeout(ROUND_SECONDS):
                    delay = await self.reconcile(*key)
                outcome = "done"
                self._failures.pop(key, None)
            except (KubeError, TimeoutError) as error:
                delay = self._back_off(key)
                _log.warning(
                    "round failed", namespace=key[0], cluster=key[1], cause=str(error) or "too slow", again=delay
                )
            except Exception:  # noqa: BLE001 - the other clusters go on, and this one is tried again
                delay = self._back_off(key)
                _log.exception("round failed", namespace=key[0], cluster=key[1], again=delay)
        metrics.RECONCILES.labels(outcome).inc()
        if delay is not None:
            self.wake(*key, seconds=delay)

    def _back_off(self, key: Key) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return _BACK_OFF[min(failures, len(_BACK_OFF) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def _now() -> float:
    return asyncio.get_running_loop().time()
