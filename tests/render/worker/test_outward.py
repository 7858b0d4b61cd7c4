"""From where people look, outwards."""

from webviewer_render.worker.outward import Outward


def walk(count, focus, wanted=lambda _: True):
    left = {slot for slot in range(count) if wanted(slot)}
    outward = Outward(count, focus, lambda slot: slot in left)
    order = []
    while (slot := outward.next()) is not None:
        order.append(slot)
        left.discard(slot)
    return order


def test_the_slice_looked_at_comes_first_then_its_neighbours():
    assert walk(7, (3,)) == [3, 2, 4, 1, 5, 0, 6]


def test_the_ends_are_no_obstacle():
    assert walk(4, (0,)) == [0, 1, 2, 3]
    assert walk(4, (3,)) == [3, 2, 1, 0]


def test_those_who_look_elsewhere_take_turns():
    assert walk(100, (10, 80))[:6] == [10, 80, 9, 79, 11, 81]
    assert sorted(walk(100, (10, 80))) == list(range(100))


def test_what_is_there_is_passed_over():
    assert walk(6, (2,), lambda slot: slot % 2 == 0) == [2, 0, 4]


def test_nothing_is_wanted_where_nobody_looks():
    assert walk(5, ()) == []
