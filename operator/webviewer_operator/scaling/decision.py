"""How many pods a pool needs, and which of them go: drained first, removed when nobody is left on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from webviewer.domain.load import NodeLoad
from webviewer_operator.api.spec import Pool


@dataclass(frozen=True, slots=True)
class PodState:
    """A pod that is not about to go. ``running``: it has an address, so it may hold sessions."""

    name: str
    running: bool
    load: NodeLoad | None = None
    draining_since: float | None = None
    """Moment in seconds since the epoch; null = not chosen to go."""
    released: bool = False
    """It has been made the cheapest to delete, because nobody is left on it."""
    ready: bool = True
    """Kubernetes gives up pods that are not ready before all others, whatever they cost."""

    @property
    def empty(self) -> bool:
        """Whether nobody is on it and nobody can come."""
        return not self.running or bool(self.load and self.load.draining and not self.load.used)

    @property
    def used(self) -> int:
        """Sessions, as far as they are known."""
        return self.load.used if self.load else 0


@dataclass(frozen=True, slots=True)
class PoolState:
    """``replicas`` is what the Deployment asks for; ``steady``: it has just so many pods, all of one template."""

    replicas: int
    steady: bool
    pods: Sequence[PodState]
    queued: int
    known: bool
    """Control has answered."""
    below_since: float | None = None
    """Since when fewer pods would be enough."""

    @property
    def going(self) -> list[PodState]:
        """Pods that were chosen to go."""
        return [pod for pod in self.pods if pod.draining_since is not None]

    @property
    def all_known(self) -> bool:
        """Whether control has said the load of every pod that may hold sessions."""
        return self.known and all(pod.load is not None for pod in self.pods if pod.running)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a pool now. ``wanted`` is how many pods are needed, ``replicas`` what to ask for."""

    wanted: int
    replicas: int
    drain: tuple[str, ...] = ()
    undrain: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    withhold: tuple[str, ...] = ()
    """Pods that were released and may hold sessions again: their process has started anew."""
    move: tuple[str, ...] = ()
    below_since: float | None = None
    held: bool = False
    """Fewer pods would be enough by what is known, but not enough is known."""


def decide(pool: Pool, state: PoolState, now: float) -> Decision:
    """Decide. Nothing that may hold a session is ever counted as free or given up."""
    wanted = _wanted(pool, state)
    # Of more pods than were asked for, those that go are on their way out already.
    staying = max(state.replicas, len(state.pods)) - len(state.going)
    if wanted > staying:
        return _grow(wanted, staying, state)
    decision = Decision(wanted, state.replicas)
    if wanted == staying and not state.going:
        return decision
    if not state.all_known:
        return replace(decision, held=True)
    if not state.steady:
        return replace(decision, below_since=state.below_since)
    return _lower(state, _choose(pool, state, staying, _move(pool, state, decision, now), now))


def _wanted(pool: Pool, state: PoolState) -> int:
    """Return (used + queued + buffer) / slots, rounded up, within bounds; a pod that is not known counts as full."""
    scaling = pool.autoscaling
    if scaling is None:
        return pool.replicas
    if not state.known:
        # Without an answer nothing is known to be free, and the lower bound holds.
        return max(state.replicas - len(state.going), scaling.min_replicas)
    used = sum(pod.used if pod.load else pool.slots for pod in state.pods if pod.running)
    needed = math.ceil((used + state.queued + scaling.buffer_slots) / pool.slots)
    return min(max(needed, scaling.min_replicas), scaling.max_replicas)


def _grow(wanted: int, staying: int, state: PoolState) -> Decision:
    """Take back pods that were to go, the fullest first, before new ones are asked for.

    Not while pods are being removed: one that is not cheap any more would let another one go in its place.
    """
    missing = wanted - staying
    if len(state.pods) > state.replicas:
        return Decision(wanted, state.replicas + missing)
    back = sorted(state.going, key=lambda pod: (-pod.used, pod.name))[:missing]
    return Decision(wanted, state.replicas + missing - len(back), undrain=tuple(pod.name for pod in back))


def _choose(pool: Pool, state: PoolState, staying: int, decision: Decision, now: float) -> Decision:
    """Choose the emptiest pods to go, when fewer have been enough for long enough."""
    surplus = staying - decision.wanted
    if not surplus:
        return decision
    since = now if state.below_since is None else state.below_since
    decision = replace(decision, below_since=since)
    if now - since < (pool.autoscaling.stabilization_seconds if pool.autoscaling else 0):
        return decision
    free = [pod for pod in state.pods if pod.draining_since is None]
    order = sorted(free, key=lambda pod: (pod.running, pod.used, pod.name))
    return replace(decision, drain=tuple(pod.name for pod in order[:surplus]))


def _move(pool: Pool, state: PoolState, decision: Decision, now: float) -> Decision:
    """Send away the sessions of pods that have waited for their end long enough."""
    late = (pod for pod in state.going if pod.used and now - (pod.draining_since or now) >= pool.drain_seconds)
    return replace(decision, move=tuple(pod.name for pod in late))


def _lower(state: PoolState, decision: Decision) -> Decision:
    """Ask for fewer pods by those that nobody is left on, once they are seen to be the first that Kubernetes deletes.

    Others that are drained still have sessions: where both cost the same, it takes either. Only while all are counted: a
    removal takes its time.
    """
    empty = [pod for pod in state.going if pod.empty]
    released = [pod for pod in empty if pod.released]
    withhold = tuple(pod.name for pod in state.pods if pod.released and pod not in released)
    others_ready = all(pod.ready for pod in state.pods if pod not in released)
    first = not withhold and (others_ready or not any(pod.ready for pod in released))
    return replace(
        decision,
        replicas=state.replicas - (len(released) if first else 0),
        release=tuple(pod.name for pod in empty if not pod.released),
        withhold=withhold,
    )
