"""Smaller volumes lie exactly where they should, and blocks know their extremes."""

import numpy as np
import pytest

from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.picture import CancelledError
from webviewer_render.volume.levels import BLOCK, build_levels
from webviewer_render.volume.voxels import Voxels

THROUGH = (0.1, 0.2, 1.0)  # a tilted gantry


def grid_of(shape, places=None, spacing=(0.5, 0.6)):
    places = tuple(float(k) * 0.7 for k in range(shape[0])) if places is None else tuple(places)
    return VolumeGrid(
        shape=shape,
        origin=(-10, 20, 30),
        across=(spacing[0], 0, 0),
        down=(0, spacing[1], 0),
        through=THROUGH,
        places=places,
    )


def ramp(shape, grid, dtype="f4"):
    """Values that are linear in patient coordinates."""
    k, j, i = np.indices(shape)
    z = np.array(grid.places)[k]
    x = np.array(grid.origin)[:, None, None, None] + np.multiply.outer(grid.across, i)
    x = x + np.multiply.outer(grid.down, j) + np.multiply.outer(grid.through, z)
    return (3 * x[0] - 2 * x[1] + 5 * x[2]).astype(dtype)


def expected(level):
    k, j, i = np.indices(level.shape)
    x = level.origin[:, None, None, None] + np.tensordot(level.axes, np.stack([i, j, k]), 1)
    return 3 * x[0] - 2 * x[1] + 5 * x[2]


def test_the_full_size_is_not_copied():
    grid = grid_of((16, 16, 16))
    array = np.arange(4096, dtype=np.int16).reshape(grid.shape)
    levels = build_levels(Voxels.of_array(array, grid))
    assert np.shares_memory(levels.full.values, array)
    assert levels.own_bytes < array.nbytes


def test_a_ramp_is_the_same_ramp_at_every_size():
    grid = grid_of((32, 40, 48))
    levels = build_levels(Voxels.of_array(ramp(grid.shape, grid), grid))
    assert [level.shape for level in levels.sizes] == [(32, 40, 48), (16, 20, 24), (8, 10, 12)]
    for level in levels.sizes:
        np.testing.assert_allclose(level.array(), expected(level), atol=1e-4)


def test_odd_ends_are_means_of_what_is_there():
    grid = grid_of((9, 11, 13))
    array = np.random.default_rng(1).integers(-1000, 1000, grid.shape).astype(np.int16)
    half = build_levels(Voxels.of_array(array, grid)).sizes[1]
    assert half.shape == (5, 6, 7)
    padded = np.pad(array.astype(float), ((0, 1), (0, 1), (0, 1)), mode="edge")
    means = padded.reshape(5, 2, 6, 2, 7, 2).mean(axis=(1, 3, 5))
    np.testing.assert_array_equal(half.array(), np.floor(means + 0.5))


def test_thick_slices_are_not_joined_at_first():
    grid = grid_of((16, 64, 64), places=[4.0 * k for k in range(16)])
    shapes = [level.shape for level in build_levels(Voxels.of_array(np.zeros(grid.shape, np.int16), grid)).sizes]
    assert shapes == [(16, 64, 64), (16, 32, 32), (16, 16, 16)]


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_blocks_know_the_extremes_of_all_voxels_that_interpolation_reads(dtype):
    grid = grid_of((10, 14, 17))
    low = 0 if dtype == "uint16" else -500
    array = np.random.default_rng(2).integers(low, 30000, grid.shape).astype(dtype)
    level = build_levels(Voxels.of_array(array, grid)).full
    assert level.lowest.shape == (3, 4, 4)
    for index in np.ndindex(level.lowest.shape):
        block = array[tuple(slice(n * BLOCK, n * BLOCK + BLOCK + 1) for n in index)]
        assert level.lowest[index] == block.min()
        assert level.highest[index] == block.max()


def test_large_unsigned_values_keep_their_modality_values():
    grid = grid_of((8, 8, 8))
    array = np.random.default_rng(3).integers(0, 65536, grid.shape).astype(np.uint16)
    levels = build_levels(Voxels.of_array(array, grid, slope=0.5, intercept=7))
    values = levels.full.array() * levels.slope + levels.intercept
    np.testing.assert_array_equal(values, array * 0.5 + 7)


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_padding_becomes_the_lowest_modality_value(slope):
    grid = grid_of((8, 8, 8))
    array = np.full(grid.shape, 100, np.int16)
    array[2:4] = 300
    array[0] = 30000
    voxels = Voxels(array.reshape(-1), np.arange(8) * 64, grid, slope, padding=(30000, 30001))
    level = build_levels(voxels).full
    assert (level.array()[0] == (100 if slope > 0 else 300)).all()
    assert level.span == (100, 300)


def test_what_is_no_number_becomes_the_lowest_value():
    grid = grid_of((8, 8, 8))
    array = np.ones(grid.shape, np.float32)
    array[1, 2, 3], array[4, 5, 6], array[0, 0, 0] = np.nan, np.inf, -3
    level = build_levels(Voxels.of_array(array, grid)).full
    assert level.array()[1, 2, 3] == level.array()[4, 5, 6] == -3


def test_uneven_slices_are_interpolated_to_even_ones():
    places = [0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    grid = grid_of((8, 8, 8), places)
    level = build_levels(Voxels.of_array(ramp(grid.shape, grid), grid)).full
    assert level.shape == (9, 8, 8)
    np.testing.assert_allclose(level.array(), expected(level), atol=1e-4)


def test_slices_may_lie_anywhere_in_memory():
    grid = grid_of((8, 8, 8))
    array = np.random.default_rng(4).integers(-99, 99, grid.shape).astype(np.int16)
    memory, offsets = np.zeros(8 * 100, np.int16), np.array([700, 0, 100, 600, 200, 500, 300, 400])
    for offset, piece in zip(offsets, array, strict=True):
        memory[offset : offset + 64] = piece.reshape(-1)
    apart = build_levels(Voxels(memory, offsets, grid))
    together = build_levels(Voxels.of_array(array, grid))
    for one, other in zip(apart.sizes, together.sizes, strict=True):
        np.testing.assert_array_equal(one.array(), other.array())
        np.testing.assert_array_equal(one.highest, other.highest)


def test_an_incomplete_volume_has_no_levels():
    grid = grid_of((8, 8, 8))
    offsets = np.arange(8) * 64
    offsets[3] = -1
    with pytest.raises(ValueError, match="all its slices"):
        build_levels(Voxels(np.zeros(512, np.int16), offsets, grid))


def test_building_stops_when_nobody_wants_it():
    grid = grid_of((8, 8, 8))
    with pytest.raises(CancelledError):
        build_levels(Voxels.of_array(np.zeros(grid.shape, np.int16), grid), lambda: True)
