"""When an object has to be applied."""

import pytest

from webviewer_operator.reconcile.difference import covers


@pytest.mark.parametrize(
    ("live", "desired", "same"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({}, {"a": {}, "b": [], "c": "", "d": None}, True),
        ({"requests": {"cpu": "500m"}}, {"requests": {"cpu": "0.5"}}, True),
        ({"limits": {"memory": "1Gi"}}, {"limits": {"memory": "2Gi"}}, False),
        ({"cpu": "500m"}, {"cpu": "0.5"}, False),
        ({"env": [{"name": "b"}, {"name": "a", "value": "1", "x": 2}]}, {"env": [{"name": "a", "value": "1"}]}, True),
        ({"env": [{"name": "a", "value": "1"}]}, {"env": [{"name": "a", "value": "2"}]}, False),
        ({"ports": [{"port": 80, "protocol": "TCP"}]}, {"ports": [{"port": 80}]}, True),
        ({"args": ["a", "b"]}, {"args": ["a"]}, False),
        ({"args": ["b", "a"]}, {"args": ["a", "b"]}, False),
        ({"x": [{"y": 1, "z": 0}]}, {"x": [{"y": 1}]}, True),
        (None, {"a": 1}, False),
        ({"a": {"b": 1}}, {"a": [1]}, False),
    ],
)
def test_what_others_added_does_not_matter_and_what_we_want_does(live, desired, same):
    assert covers(live, desired) is same
