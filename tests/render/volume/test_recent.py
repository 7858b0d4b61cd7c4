"""What is derived from a volume stays within its memory."""

from dataclasses import dataclass

import numpy as np

from webviewer.domain.view import Cut, Quality, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.projection import render_volume
from webviewer_render.volume.levels import RECENT_SHARE, build_levels
from webviewer_render.volume.recent import Recent
from webviewer_render.volume.voxels import Voxels


@dataclass
class Pair:
    """A result of two arrays."""

    one: np.ndarray
    other: np.ndarray


def array(size):
    return np.zeros(size, np.uint8)


def test_the_same_question_is_answered_once():
    recent, asked = Recent(3), []
    for _ in range(2):
        assert recent.get("a", lambda: asked.append(1) or "answer") == "answer"
    assert asked == [1]


def test_the_oldest_results_go_when_there_are_too_many():
    recent = Recent(2)
    for key in "abac":
        recent.get(key, lambda key=key: key)
    assert recent.get("a", lambda: "new") == "a"
    assert recent.get("b", lambda: "new") == "new"


def test_the_oldest_results_go_when_they_take_too_much_memory():
    recent = Recent(16, 1000)
    for key in range(5):
        recent.get(key, lambda: (array(300), "text"))
    assert recent.own_bytes == 900
    assert recent.get(0, lambda: "new") == "new"
    assert recent.get(4, lambda: "new") != "new"


def test_an_array_of_several_results_counts_once():
    recent, shared = Recent(16, 1000), array(600)
    recent.get("mask", lambda: shared)
    recent.get("visible", lambda: Pair(shared, array(100)))
    assert recent.own_bytes == 700


def test_a_result_that_is_too_large_is_kept_until_the_next():
    recent = Recent(16, 1000)
    recent.get("large", lambda: array(5000))
    assert recent.own_bytes == 5000
    recent.get("small", lambda: array(10))
    assert recent.own_bytes == 10


def test_cutting_again_and_again_takes_no_more_memory_than_a_share_of_the_volume():
    shape = (120, 256, 256)
    grid = VolumeGrid(
        shape=shape, origin=(0, 0, 0), across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1), places=range(shape[0])
    )
    levels = build_levels(Voxels.of_array(np.zeros(shape, np.int16), grid))
    corners = ((-20, -20), (20, -20), (0, 20))
    for step in range(12):
        cut = Cut(center=(60 + step, 60, 60), row=(1, 0, 0), column=(0, 0, 1), extent=100, corners=corners)
        view = VolumeView(center=(128, 128, 60), extent=200, mode="mip", cuts=(cut,))
        render_volume(levels, view, (64, 64), Quality.FINAL)
    assert 0 < levels.recent.own_bytes <= max(4 << 20, RECENT_SHARE * levels.full.values.nbytes)
