"""What a page showed in answer to the hand."""

import math

import pytest

from webviewer.bench.drawn_pictures import Asked, Drawn, DrawnPictures

PREVIEW, FINAL = 0, 2
MOVING, RESTING = True, False


def record(asked: list[Asked], drawn: list[Drawn], last_input: float = 0.0) -> DrawnPictures:
    return DrawnPictures(asked=asked, drawn=drawn, received=0, size=0, most_held=0, last_input=last_input)


def test_an_input_is_answered_by_the_first_picture_of_its_state_or_a_newer_one():
    asked = [Asked(1, 2, MOVING, 100.0), Asked(1, 3, MOVING, 110.0), Asked(1, 4, MOVING, 120.0)]
    drawn = [
        Drawn(1, 1, FINAL, 1, 105.0),
        Drawn(1, 2, PREVIEW, 2, 130.0),
        Drawn(2, 9, PREVIEW, 1, 131.0),
        Drawn(1, 4, PREVIEW, 3, 150.0),
        Drawn(1, 4, FINAL, 4, 190.0),
    ]
    assert record(asked, drawn).input_to_picture() == [30.0, 40.0, 30.0]


def test_an_input_without_a_picture_counts_as_infinitely_late():
    assert record([Asked(1, 2, MOVING, 100.0)], [Drawn(1, 1, FINAL, 1, 105.0)]).input_to_picture() == [math.inf]


def test_a_view_that_answers_no_hand_is_not_measured():
    asked = [Asked(1, 2, MOVING, None), Asked(1, 3, RESTING, 100.0)]
    assert record(asked, [Drawn(1, 3, FINAL, 1, 120.0)]).input_to_picture() == []


def test_all_viewports_must_be_final_after_the_last_input():
    asked = [Asked(1, 2, RESTING, None), Asked(2, 5, RESTING, None)]
    drawn = [
        Drawn(2, 4, FINAL, 1, 990.0),
        Drawn(1, 2, FINAL, 1, 1050.0),
        Drawn(2, 5, PREVIEW, 2, 1060.0),
        Drawn(2, 5, FINAL, 3, 1200.0),
    ]
    assert record(asked, drawn, last_input=1000.0).last_to_final() == pytest.approx(200.0)


def test_pictures_count_as_previews_until_the_last_input():
    drawn = [Drawn(1, n, PREVIEW, n, 100.0 * n) for n in range(5)]
    assert record([], drawn, last_input=250.0).previews() == 3


def test_a_picture_older_than_the_one_before_is_out_of_order_within_its_viewport():
    drawn = [Drawn(1, 3, 0, 1, 1.0), Drawn(2, 1, 0, 1, 2.0), Drawn(1, 2, 0, 2, 3.0), Drawn(1, 3, 2, 3, 4.0)]
    assert record([], drawn).out_of_order() == 1
