"""Where a measuring hand goes."""

import itertools
import math

from webviewer.bench import hand


def test_a_hand_begins_in_the_middle_and_stays_within_reach():
    assert hand.place(0.0, 3.0, 100.0) == (0.0, 0.0)
    places = [hand.place(k / 60, 1.0, 100.0) for k in range(600)]
    assert max(max(abs(x), abs(y)) for x, y in places) <= 100.0


def test_hands_of_two_readers_are_not_in_the_same_place():
    first, second = ([hand.place(k / 60, phase, 100.0) for k in range(6, 600)] for phase in (0.0, 1.0))
    assert min(math.dist(a, b) for a, b in zip(first, second, strict=True)) > 0.0
    assert min(math.dist(a, b) for a, b in itertools.pairwise(first)) > 0.0
