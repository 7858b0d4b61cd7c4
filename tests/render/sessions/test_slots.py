"""Who may have viewports."""

import pytest

from webviewer.errors import DrainingError, NodeFullError
from webviewer_render.sessions.slots import SlotTable


class FakeClock:
    """Time that a test moves."""

    def __init__(self):
        self.time = 0.0
        self.calls = []

    def now(self):
        return self.time

    def call_later(self, delay, callback):
        call = FakeCall(self.time + delay, callback)
        self.calls.append(call)
        return call

    def advance(self, seconds):
        self.time += seconds
        due = [call for call in self.calls if call.moment <= self.time]
        self.calls = [call for call in self.calls if call.moment > self.time]
        for call in due:
            if call.callback:
                call.callback()


class FakeCall:
    def __init__(self, moment, callback):
        self.moment, self.callback = moment, callback

    def cancel(self):
        self.callback = None


@pytest.fixture
def clock():
    return FakeClock()


def test_a_session_more_than_there_are_slots_is_refused(clock):
    table = SlotTable(2, clock)
    table.claim("a")
    table.claim("b")
    table.claim("a")
    with pytest.raises(NodeFullError):
        table.claim("c")
    assert len(table) == 2


def test_a_slot_is_free_60_seconds_after_the_last_viewport_closed(clock):
    table = SlotTable(1, clock)
    table.viewport_opened("a")
    table.viewport_opened("a")
    clock.advance(1000)
    table.viewport_closed("a")
    clock.advance(1000)
    with pytest.raises(NodeFullError):
        table.claim("b")
    table.viewport_closed("a")
    clock.advance(59)
    with pytest.raises(NodeFullError):
        table.claim("b")
    clock.advance(1)
    table.claim("b")


def test_a_viewport_that_opens_within_the_60_seconds_keeps_the_slot(clock):
    table = SlotTable(1, clock)
    table.viewport_opened("a")
    table.viewport_closed("a")
    clock.advance(50)
    table.viewport_opened("a")
    clock.advance(50)
    with pytest.raises(NodeFullError):
        table.claim("b")


def test_a_link_that_opens_nothing_loses_its_slot_and_may_claim_again(clock):
    table = SlotTable(1, clock)
    table.claim("a")
    clock.advance(60)
    table.claim("b")
    with pytest.raises(NodeFullError):
        table.viewport_opened("a")
    clock.advance(60)
    table.viewport_opened("a")


def test_a_draining_node_takes_no_newcomer_and_keeps_its_sessions(clock):
    table = SlotTable(5, clock)
    table.claim("a")
    table.draining = True
    with pytest.raises(DrainingError):
        table.claim("b")
    table.viewport_opened("a")
    table.viewport_closed("a")
    assert len(table) == 1


def test_a_node_that_moves_its_sessions_takes_nobody_and_frees_at_once_what_is_left(clock):
    table = SlotTable(5, clock)
    table.viewport_opened("a")
    table.draining = table.moving = True
    with pytest.raises(DrainingError):
        table.claim("b")
    with pytest.raises(DrainingError):
        table.viewport_opened("a")
    table.viewport_closed("a")
    assert len(table) == 0
    table.close()
    assert len(table) == 0
