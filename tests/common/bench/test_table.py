"""Tables of figures with verdicts."""

import math

import pytest

from webviewer.bench.table import compared, limited, markdown, number


def test_a_table_is_markdown():
    assert markdown(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


@pytest.mark.parametrize(("ours", "verdict"), [(2.0, "met"), (1.9, "met"), (2.1, "missed")])
def test_a_target_is_met_when_the_peer_costs_that_many_times_as_much(ours, verdict):
    assert compared("scroll", 512, ours, 4.0, 2.0)[-2:] == (">= 2", verdict)


def test_without_a_peer_there_is_no_verdict():
    assert compared("scroll", 512, 2.0, None, 2.0) == ("scroll", "512", "2", "-", "-", "-", "-")


def test_an_upper_limit_may_be_reached_and_not_passed():
    assert [limited("x", value, 0)[-1] for value in (0, 1)] == ["met", "missed"]
    assert limited("x", 80.0, 80) == ("x", "80", "<= 80", "met")


def test_a_lower_limit_may_be_reached_and_not_missed():
    assert [limited("x", value, least=30)[-1] for value in (29.9, 30.0)] == ["missed", "met"]


def test_a_figure_that_never_came_misses_every_target():
    assert limited("x", math.inf, 80) == ("x", "never", "<= 80", "missed")
    assert limited("x", math.nan, 80)[1:] == ("unknown", "<= 80", "missed")
    assert limited("x", math.nan, least=3)[1:] == ("unknown", ">= 3", "missed")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12346")],
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text
