"""Which slices stay in memory."""

from webviewer_render.decoded.residence import residence

SIZES = [10] * 100


def inside(ranges, slot):
    return any(first <= slot < end for first, end in ranges)


def test_everything_stays_where_there_is_room():
    assert residence(SIZES, 1000, (5,), ()) == ((0, 100),)


def test_slices_around_the_focus_stay():
    assert residence(SIZES, 200, (50,), ()) == ((40, 60),)
    assert residence(SIZES, 200, (0,), ()) == ((0, 20),)
    assert residence(SIZES, 200, (99,), ()) == ((80, 100),)


def test_several_people_share_the_room():
    ranges = residence(SIZES, 200, (10, 80), ())
    assert inside(ranges, 10)
    assert inside(ranges, 80)
    assert sum(end - first for first, end in ranges) == 20


def test_small_moves_change_nothing():
    current = residence(SIZES, 200, (50,), ())
    assert residence(SIZES, 200, (53,), current) is current
    moved = residence(SIZES, 200, (57,), current)
    assert moved != current
    assert inside(moved, 57)


def test_what_is_looked_at_stays_whatever_the_room():
    assert residence(SIZES, 0, (50,), ()) == ((50, 51),)
    ranges = residence(SIZES, 15, (10, 90), ())
    assert inside(ranges, 10)
    assert inside(ranges, 90)


def test_at_the_ends_no_margin_is_needed():
    current = residence(SIZES, 200, (0,), ())
    assert residence(SIZES, 200, (2,), current) is current
