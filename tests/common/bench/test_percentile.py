"""Percentiles of measured times."""

import math

import pytest

from webviewer.bench.percentile import percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.95, 95.0), (0.951, 96.0), (0.99, 99.0), (1.0, 100.0)]
)
def test_a_percentile_is_a_value_that_was_measured(share, expected):
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_the_percentile_of_one_value_is_that_value():
    assert percentile([7.0], 0.95) == 7.0


def test_nothing_has_no_percentile():
    assert math.isnan(percentile([], 0.5))
