"""Voxels from an arena, as slices come."""

from dataclasses import replace

import numpy as np
import pytest

from webviewer_render.decoded.arena import Arena, ArenaLayout
from webviewer_render.volume.assembly import Assembly
from webviewer_render.volume.plan import plan_volume
from webviewer_render.volume.voxels import NOT_THERE


@pytest.fixture
def assembled(make_stack):
    """Return the assembly of images and its arena, whose slots are display indices."""
    arenas = []

    def make(*images, reduction=1):
        stack = make_stack(*images)
        arena = Arena.create(
            ArenaLayout.of([stack.image(slot) for slot in range(len(stack.slices))], reduction=reduction)
        )
        arenas.append(arena)
        plan = plan_volume(stack)
        return Assembly(replace(plan, grid=plan.grid.reduced(reduction)) if reduction > 1 else plan, arena), arena

    yield make
    for arena in arenas:
        arena.close_descriptor()


def slice_of(voxels, k):
    _, rows, columns = voxels.grid.shape
    start = int(voxels.offsets[k])
    return voxels.values[start : start + rows * columns].reshape(rows, columns)


def pixels(number, dtype="u2"):
    return (np.arange(48).reshape(6, 8) + 100 * number).astype(dtype)


@pytest.mark.parametrize(("signed", "dtype"), [(False, "u2"), (True, "i2")])
def test_slices_are_read_where_they_lie_as_they_come(make_slice, along, assembled, signed, dtype):
    images = [
        make_slice(origin, slope=2.0, intercept=-9.0, signed=signed, padding=(3, 4)) for origin in along([4, 2, 0])
    ]
    assembly, arena = assembled(*images)
    assert not assembly.copies
    assert assembly.copy_bytes == 0
    empty = assembly.voxels()
    assert not empty.complete
    assert (empty.offsets == NOT_THERE).all()
    arena.store(1, pixels(1, dtype))
    partly = assembly.voxels()
    assert assembly.voxels() is partly
    assert (partly.offsets == NOT_THERE).tolist() == [True, False, True]
    assert np.array_equal(slice_of(partly, 1), pixels(1, dtype))
    assert np.shares_memory(partly.values, arena.pixels(1))
    arena.store(0, pixels(0, dtype))
    arena.store(2, pixels(2, dtype))
    voxels = assembly.voxels()
    assert voxels.complete
    assert (voxels.slope, voxels.intercept, voxels.padding) == (2.0, -9.0, (3, 4))
    for k, slot in enumerate(assembly.plan.slots):
        assert np.array_equal(slice_of(voxels, k), arena.pixels(slot))
    arena.evict(0)
    assert not assembly.voxels().complete


def test_bytes_become_int16_exactly(make_slice, along, assembled):
    assembly, arena = assembled(
        *(make_slice(origin, bits_stored=8, high_bit=7, slope=0.5) for origin in along([0, 1, 2]))
    )
    for slot in range(3):
        arena.store(slot, pixels(0, "u1"))
    voxels = assembly.voxels()
    assert voxels.values.dtype == np.int16
    assert voxels.slope == 0.5
    assert assembly.copy_bytes == 3 * 48 * 2
    assert np.array_equal(slice_of(voxels, 2), pixels(0))


def test_slices_of_their_own_scale_become_modality_values(make_slice, along, assembled):
    slopes = (0.5, 2.0, 3.25)
    images = [
        make_slice(origin, slope=slope, intercept=slope - 1, padding=(5, 5))
        for origin, slope in zip(along([0, 1, 2]), slopes, strict=True)
    ]
    assembly, arena = assembled(*images)
    arena.store(0, pixels(0))
    assert (assembly.voxels().offsets != NOT_THERE).tolist() == [True, False, False]
    arena.store(1, pixels(1))
    arena.store(2, pixels(2))
    voxels = assembly.voxels()
    assert voxels.complete
    assert (voxels.slope, voxels.intercept) == (1, 0)
    for k, slope in enumerate(slopes):
        wanted = np.where(pixels(k) == 5, np.nan, pixels(k) * slope + slope - 1)
        assert np.array_equal(slice_of(voxels, k), wanted.astype("f4"), equal_nan=True)


def test_mixed_and_wide_types_become_float32(make_slice, along, assembled):
    first, second, third = along([0, 1, 2])
    wide = {"bits_allocated": 32, "bits_stored": 32, "high_bit": 31}
    assembly, arena = assembled(
        make_slice(first), make_slice(second, signed=True), make_slice(third, **wide)
    )  # fmt: skip
    arena.store(0, pixels(0))
    arena.store(1, -pixels(1, "i2"))
    arena.store(2, pixels(70000, "u4"))
    voxels = assembly.voxels()
    assert voxels.values.dtype == np.float32
    assert np.array_equal(slice_of(voxels, 1), -pixels(1, "f4"))
    assert np.array_equal(slice_of(voxels, 2), pixels(70000, "f4"))


def test_a_slice_of_another_type_than_promised_is_not_there(make_slice, along, assembled):
    assembly, arena = assembled(*(make_slice(origin) for origin in along([0, 1, 2])))
    arena.store(0, pixels(0, "i2"))
    arena.store(1, pixels(0)[:5])
    arena.store(2, pixels(0))
    assert (assembly.voxels().offsets != NOT_THERE).tolist() == [False, False, True]


def test_a_reduced_arena_has_the_grid_of_its_blocks(make_slice, along, assembled):
    assembly, arena = assembled(*(make_slice(origin) for origin in along([0, 1, 2])), reduction=2)
    for slot in range(3):
        arena.store(slot, pixels(0)[:3, :4])
    voxels = assembly.voxels()
    assert voxels.grid.shape == (3, 3, 4)
    assert voxels.complete
    assert np.array_equal(slice_of(voxels, 0), pixels(0)[:3, :4])
