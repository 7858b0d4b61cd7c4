"""A line of limited width."""

from webviewer_render.sessions.bandwidth import FULL_QUALITY, TokenBucket


def test_an_unlimited_line_never_waits():
    bucket = TokenBucket(0, 0.0)
    bucket.take(10**12, 0.0)
    allowance = bucket.allowance(0.0)
    assert (allowance.delay, allowance.jpeg_quality, allowance.scale) == (0.0, FULL_QUALITY, 1.0)


def test_quality_falls_before_frames_have_to_wait():
    bucket = TokenBucket(100_000, 0.0)
    steps = []
    for _ in range(12):
        steps.append(bucket.allowance(0.0))
        bucket.take(5_000, 0.0)
    qualities = [step.jpeg_quality for step in steps]
    assert qualities == sorted(qualities, reverse=True)
    assert steps[0].jpeg_quality == FULL_QUALITY
    assert all(step.delay == 0 for step in steps[:10])
    assert steps[9].jpeg_quality < FULL_QUALITY
    assert steps[-1].delay > 0
    assert steps[-1].scale < 1


def test_over_time_no_more_than_the_rate_is_sent():
    bucket, now, sent = TokenBucket(100_000, 0.0), 0.0, 0
    while now < 10:
        allowance = bucket.allowance(now)
        if allowance.delay == 0:
            bucket.take(20_000, now)
            sent += 20_000
        now += max(0.01, allowance.delay)
    assert sent <= 100_000 * 10.5 + 20_000
    assert sent >= 100_000 * 9
