"""Finished frames."""

from webviewer.domain.view import Quality
from webviewer.wire.frame import Encoding
from webviewer_render.decoded.frame_cache import Frame, FrameCache
from webviewer_render.worker.protocol import Rendered


def frame(size):
    description = Rendered(
        job=1, quality=Quality.LOSSLESS, encoding=Encoding.PNG, width=1, height=1, colour=False, window=(0, 1), seconds=0,
    )  # fmt: skip
    return Frame(description, b"x" * size)


def test_the_least_recently_used_frames_go_first():
    cache = FrameCache(3 * 1512)
    for name in "abc":
        cache.put(name, frame(1000))
    assert cache.get("a")
    cache.put("d", frame(1000))
    assert "b" not in cache
    assert all(name in cache for name in "acd")
    assert cache.bytes <= 3 * 1512


def test_a_frame_larger_than_the_budget_is_not_kept():
    cache = FrameCache(1000)
    cache.put("a", frame(2000))
    assert cache.get("a") is None
    assert cache.bytes == 0


def test_a_cache_without_budget_keeps_nothing():
    cache = FrameCache(0)
    cache.put("a", frame(0))
    assert "a" not in cache
