"""The growing delay after wrong passwords."""

import pytest

from webviewer.errors import ThrottledError
from webviewer_control.services import throttle
from webviewer_control.services.throttle import Throttle


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def waits(guard, clock, count, account="anna", address="192.0.2.1"):
    """Seconds that had to pass before each attempt."""
    result = []
    for _ in range(count):
        started = clock.now
        while True:
            try:
                guard.attempt(account, address)
                break
            except ThrottledError as error:
                clock.now += error.retry_after
        result.append(clock.now - started)
    return result


def test_the_delay_doubles_up_to_a_limit(clock):
    guard = Throttle(clock)
    assert waits(guard, clock, 14) == [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_right_password_and_a_quiet_hour_end_it(clock):
    guard = Throttle(clock)
    waits(guard, clock, 8)
    guard.succeeded("Anna", "192.0.2.1")
    assert waits(guard, clock, 3) == [0, 0, 0]
    waits(guard, clock, 8)
    clock.now += 3601
    assert waits(guard, clock, 3) == [0, 0, 0]


def test_accounts_and_addresses_wait_for_themselves_only(clock):
    guard = Throttle(clock)
    waits(guard, clock, 6)
    assert waits(guard, clock, 1, account="berta") == [0]
    assert waits(guard, clock, 1, address="192.0.2.2") == [0]
    assert waits(guard, clock, 1, account="ANNA") != [0]


def test_a_whole_ipv6_network_is_one_address(clock):
    guard = Throttle(clock)
    waits(guard, clock, 6, address="2001:db8::1")
    assert waits(guard, clock, 1, address="2001:db8::ffff:2") != [0]
    assert waits(guard, clock, 1, address="2001:db8:0:1::1") == [0]


def test_memory_is_bounded(clock, monkeypatch):
    monkeypatch.setattr(throttle, "_MAX_ENTRIES", 10)
    guard = Throttle(clock)
    for number in range(100):
        guard.attempt(f"account{number}", "192.0.2.1")
    assert len(guard._entries) == 10
