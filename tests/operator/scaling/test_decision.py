"""How many pods a pool needs, and which of them may go."""

import pytest

from webviewer.domain.load import NodeLoad
from webviewer_operator.api.spec import Autoscaling, Pool
from webviewer_operator.scaling.decision import PodState, PoolState, decide

NOW = 10_000.0
POOL = Pool(
    slots=4,
    drain_seconds=600,
    autoscaling=Autoscaling(min_replicas=1, max_replicas=5, buffer_slots=2, stabilization_seconds=60),
)


def pod(  # noqa: PLR0913 - what a pod may be like
    name: str,
    used: int | None = 0,
    *,
    since: float | None = None,
    running: bool = True,
    draining=None,
    released: bool = False,
    ready: bool = True,
) -> PodState:
    draining = since is not None if draining is None else draining
    load = None if used is None else NodeLoad(slots=4, used=used, draining=draining)
    return PodState(name, running, load, since, released, ready)


def state(*pods: PodState, queued: int = 0, known: bool = True, steady: bool = True, below: float | None = None):
    return PoolState(len(pods), steady, pods, queued, known, below)


@pytest.mark.parametrize(
    ("used", "queued", "wanted"),
    [((0,), 0, 1), ((2,), 0, 1), ((3,), 0, 2), ((4, 4), 0, 3), ((4, 4), 5, 4), ((4, 4), 50, 5)],
)
def test_pods_are_wanted_for_sessions_waiting_tabs_and_the_buffer(used, queued, wanted):
    decision = decide(POOL, state(*(pod(str(i), n) for i, n in enumerate(used)), queued=queued), NOW)
    assert decision.wanted == wanted
    assert decision.replicas == max(wanted, len(used))


def test_fewer_pods_must_be_enough_for_a_while():
    pods = (pod("a", 0), pod("b", 1), pod("c", 0))
    first = decide(POOL, state(*pods), NOW)
    assert (first.drain, first.below_since) == ((), NOW)
    later = decide(POOL, state(*pods, below=NOW), NOW + 59)
    assert (later.drain, later.below_since) == ((), NOW)
    assert decide(POOL, state(*pods, below=NOW), NOW + 60).drain == ("a", "c")
    assert decide(POOL, state(*pods, queued=9, below=NOW), NOW + 60).below_since is None


def test_a_pod_that_is_to_go_stays_while_it_has_sessions():
    decision = decide(POOL, state(pod("a", 1), pod("b", 1, since=NOW - 10)), NOW)
    assert (decision.replicas, decision.drain, decision.move) == (2, (), ())


def test_a_pod_goes_when_it_says_that_it_takes_nobody_and_has_nobody():
    first = decide(POOL, state(pod("a", 1), pod("b", 0, since=NOW)), NOW)
    assert (first.replicas, first.release) == (2, ("b",))
    then = decide(POOL, state(pod("a", 1), pod("b", 0, since=NOW, released=True)), NOW)
    assert (then.replicas, then.release) == (1, ())
    other = decide(POOL, state(pod("a", 1), pod("b", 0, since=NOW, draining=False)), NOW)
    assert (other.replicas, other.release) == (2, ())


def test_of_drained_pods_only_the_empty_one_is_made_the_first_to_go():
    decision = decide(POOL, state(pod("a", 1), pod("b", 1, since=NOW), pod("c", 0, since=NOW)), NOW)
    assert (decision.replicas, decision.release) == (3, ("c",))


def test_a_pod_that_has_started_anew_since_it_was_released_is_not_the_first_to_go():
    back = pod("b", 1, since=NOW, draining=False, released=True)
    decision = decide(POOL, state(pod("a", 1), back, pod("c", 0, since=NOW, released=True)), NOW)
    assert (decision.replicas, decision.withhold) == (3, ("b",))


def test_a_pod_that_is_not_ready_for_another_reason_does_not_go_in_place_of_the_drained_one():
    ill, drained = pod("a", 1, ready=False), pod("b", 0, since=NOW, released=True)
    assert decide(POOL, state(ill, drained), NOW).replicas == 2
    drained = pod("b", 0, since=NOW, released=True, ready=False)
    assert decide(POOL, state(ill, drained), NOW).replicas == 1


def test_sessions_are_moved_when_they_have_stayed_long_enough():
    decision = decide(POOL, state(pod("a", 1), pod("b", 1, since=NOW - 600)), NOW)
    assert (decision.move, decision.replicas) == (("b",), 2)


@pytest.mark.parametrize(
    "known",
    [
        state(pod("a", 0), pod("b", 0, since=NOW), known=False),
        state(pod("a", None), pod("b", 0, since=NOW)),
        state(pod("a", 0), pod("b", None, since=NOW)),
    ],
)
def test_what_is_not_known_is_not_given_up(known):
    decision = decide(POOL, known, NOW)
    assert (decision.replicas, decision.drain, decision.move) == (2, (), ())


def test_nothing_goes_while_the_pods_are_not_as_many_as_were_asked_for():
    decision = decide(POOL, state(pod("a", 0), pod("b", 0, since=NOW), steady=False), NOW)
    assert decision.replicas == 2


def test_a_pod_whose_load_is_not_known_counts_as_full():
    assert decide(POOL, state(pod("a", None)), NOW).wanted == 2


def test_a_pod_that_was_to_go_is_taken_back_before_a_new_one_is_made():
    pods = (pod("a", 4), pod("b", 1, since=NOW), pod("c", 3, since=NOW))
    decision = decide(POOL, state(*pods), NOW)
    assert (decision.wanted, decision.undrain, decision.replicas) == (3, ("c", "b"), 3)
    decision = decide(POOL, state(*pods, queued=4), NOW)
    assert (decision.undrain, decision.replicas) == (("c", "b"), 4)


def test_a_pod_on_its_way_out_is_not_taken_back_because_another_one_would_go():
    leaving = PoolState(1, False, (pod("a", 2), pod("b", 0, since=NOW)), 0, True)  # noqa: FBT003
    decision = decide(POOL, leaving, NOW)
    assert (decision.replicas, decision.undrain) == (1, ())
    more = PoolState(1, False, (pod("a", 4), pod("b", 0, since=NOW)), 0, True)  # noqa: FBT003
    decision = decide(POOL, more, NOW)
    assert (decision.replicas, decision.undrain) == (2, ())


def test_a_pod_without_an_address_has_no_sessions_and_goes_first():
    pods = (pod("a", 0), pod("b", None, running=False))
    assert decide(POOL, state(*pods, below=NOW - 99), NOW).drain == ("b",)
    gone = pod("b", None, running=False, since=NOW, released=True, ready=False)
    assert decide(POOL, state(pods[0], gone), NOW).replicas == 1


def test_a_number_that_a_person_sets_is_reached_by_draining_too():
    pool = Pool(replicas=1, drain_seconds=600)
    assert decide(pool, state(pod("a", 2), pod("b", 1)), NOW).drain == ("b",)
    held = decide(pool, state(pod("a", 2), pod("b", 1), known=False), NOW)
    assert (held.replicas, held.drain, held.held) == (2, (), True)
    assert decide(pool.model_copy(update={"replicas": 4}), state(pod("a"), known=False), NOW).replicas == 4


def test_the_lower_bound_holds_without_an_answer_and_the_upper_one_waits_for_it():
    bounds = Autoscaling(min_replicas=3, max_replicas=3)
    pool = POOL.model_copy(update={"autoscaling": bounds})
    assert decide(pool, state(pod("a"), known=False), NOW).replicas == 3
    assert decide(pool, state(*map(pod, "abcd"), known=False), NOW).replicas == 4
