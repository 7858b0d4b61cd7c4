"""How many frames are on their way."""

from webviewer_render.sessions.flow import MAX_OUTSTANDING, AckWindow


def run(window, round_trip, displayed=0.0, seconds=3.0, interval=1 / 60):
    """Send whenever it is allowed; return (frames per second, most outstanding)."""
    now, serial, flying, sent, most = 0.0, 0, [], 0, 0
    while now < seconds:
        while flying and flying[0][0] <= now:
            _, number = flying.pop(0)
            window.acknowledged(number, displayed, now)
        if window.is_open:
            serial += 1
            window.sent(serial, now)
            flying.append((now + round_trip + displayed, serial))
            sent += 1
        most = max(most, window.outstanding)
        now += interval
    return sent / seconds, most


def test_without_acknowledgements_two_frames_are_sent():
    window = AckWindow()
    window.sent(1, 0.0)
    assert window.is_open
    window.sent(2, 0.0)
    assert not window.is_open


def test_a_long_round_trip_opens_the_window_to_six_and_no_further():
    rate, most = run(AckWindow(), round_trip=0.2)
    assert most == MAX_OUTSTANDING
    assert rate > 22


def test_80_ms_do_not_halve_the_rate():
    rate, _ = run(AckWindow(), round_trip=0.08)
    assert rate > 45


def test_a_short_round_trip_keeps_the_window_small():
    rate, most = run(AckWindow(), round_trip=0.002)
    assert most <= 3
    assert rate > 55


def test_time_spent_in_the_page_is_no_round_trip():
    _, most = run(AckWindow(), round_trip=0.001, displayed=0.2)
    assert most <= 3


def test_an_acknowledgement_covers_all_frames_before_its_own():
    window = AckWindow()
    for serial in (1, 2):
        window.sent(serial, 0.0)
    window.acknowledged(2, 0.0, 0.01)
    assert window.outstanding == 0


def test_acknowledgements_of_unknown_frames_count_for_nothing():
    window = AckWindow()
    window.sent(5, 0.0)
    window.acknowledged(3, 0.0, 0.01)
    window.acknowledged(9, 0.0, 0.01)
    assert window.outstanding == 1
