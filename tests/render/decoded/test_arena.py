"""Decoded pixels in shared memory."""

import mmap
import os

import numpy as np
import pytest

from webviewer.domain.image import FrameAttributes, ImageDescription
from webviewer.errors import DamagedObjectError
from webviewer_render.decoded.arena import Arena, ArenaLayout, SlotState, pixel_bytes


def image(rows=10, columns=20, **changes):
    fields = {
        "rows": rows, "columns": columns, "bits_allocated": 16, "bits_stored": 12, "high_bit": 11,
        "photometric": "MONOCHROME2", "attributes": (FrameAttributes(),),
    }  # fmt: skip
    return ImageDescription(**fields | changes)


@pytest.fixture
def arena():
    arena = Arena.create(ArenaLayout.of([image(), None, image(rows=100, samples=3, bits_allocated=8)]))
    yield arena
    arena.close_descriptor()


def test_every_slice_has_pages_of_its_own():
    layout = ArenaLayout.of([image(), None, image(rows=1000)])
    assert all(offset % mmap.PAGESIZE == 0 for offset in layout.offsets)
    assert layout.capacities[1] == 0
    assert layout.offsets[2] >= layout.offsets[0] + layout.capacities[0]


@pytest.mark.parametrize(
    ("changes", "size"),
    [({}, 400), ({"bits_allocated": 1, "bits_stored": 1}, 200), ({"bits_allocated": 12}, 400), ({"bits_allocated": 24, "bits_stored": 24}, 800),  # noqa: E501
     ({"samples": 3, "bits_allocated": 8, "bits_stored": 8}, 600), ({"bits_allocated": 64, "bits_stored": 64}, 1600)],
)  # fmt: skip
def test_a_frame_takes_whole_bytes_per_sample(changes, size):
    assert pixel_bytes(image(**changes)) == size


def test_what_one_mapping_stores_another_one_reads(arena):
    other = Arena(os.dup(arena.descriptor), arena.layout)
    other.close_descriptor()
    grey = np.arange(200, dtype=np.int16).reshape(10, 20)
    colour = np.arange(6000, dtype=np.uint8).reshape(100, 20, 3)
    other.store(0, grey)
    other.store(2, colour)
    assert arena.state(0) == arena.state(2) == SlotState.READY
    np.testing.assert_array_equal(arena.pixels(0), grey)
    np.testing.assert_array_equal(arena.pixels(2), colour)
    assert not arena.pixels(0).flags.writeable


def test_pixels_larger_than_promised_are_refused(arena):
    with pytest.raises(DamagedObjectError):
        arena.store(0, np.zeros((100, 100), np.int16))
    with pytest.raises(DamagedObjectError):
        arena.store(1, np.zeros((1, 1), np.int16))
    with pytest.raises(DamagedObjectError):
        arena.store(0, np.zeros((1, 1), np.complex64))
    assert arena.state(0) == SlotState.ABSENT


def test_eviction_gives_the_memory_back(arena):
    arena.store(2, np.ones((100, 20, 3), np.uint8))
    before = os.fstat(arena.descriptor).st_blocks
    arena.evict(2)
    assert os.fstat(arena.descriptor).st_blocks < before
    assert arena.state(2) == SlotState.ABSENT


def test_no_process_can_shrink_the_memory_under_the_others(arena):
    with pytest.raises(PermissionError):
        os.ftruncate(arena.descriptor, 10)
