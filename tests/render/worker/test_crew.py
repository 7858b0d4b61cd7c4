"""One picture by several threads."""

import threading

import numpy as np
import pytest

from webviewer.domain.image import Window
from webviewer.domain.view import MprView, Quality, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.bands import in_bands
from webviewer_render.scene.picture import CancelledError
from webviewer_render.scene.plane import render_plane
from webviewer_render.scene.projection import render_volume
from webviewer_render.volume.levels import build_levels
from webviewer_render.volume.voxels import Voxels
from webviewer_render.worker.crew import ThreadCrew
from webviewer_render.worker.threads import Threads

PATIENCE = 20
WINDOW = Window(center=500, width=3000)
TILTED = {"row": (0.8, 0.6, 0.0), "column": (0.0, 0.0, -1.0), "center": (20.0, 20.0, 20.0), "window": WINDOW}


def crew_of(threads, cores=8):
    return ThreadCrew(Threads(threads, lambda: None, 60), cores)


@pytest.fixture(scope="module")
def voxels():
    grid = VolumeGrid(
        shape=(40, 44, 48), origin=(0, 0, 0), across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1), places=range(40)
    )
    return Voxels.of_array(np.random.default_rng(3).integers(-1000, 2000, grid.shape).astype("i2"), grid)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("mode", ["composite", "mip", "mean"])
def test_a_projection_is_the_same_by_any_number_of_threads(voxels, mode, threads):
    points = (
        TransferPoint(value=0, opacity=0, colour=(1, 0, 0)),
        TransferPoint(value=2000, opacity=0.4, colour=(1, 1, 1)),
    )
    view = VolumeView(**TILTED, extent=70, mode=mode, transfer=points)
    levels = build_levels(voxels)
    for quality in (Quality.PREVIEW, Quality.FINAL):
        alone = render_volume(levels, view, (150, 250), quality)
        shared = render_volume(levels, view, (150, 250), quality, crew=crew_of(threads))
        assert np.array_equal(alone.pixels, shared.pixels)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("slab", [0.0, 9.0])
def test_a_plane_is_the_same_by_any_number_of_threads(voxels, slab, threads):
    view = MprView(**TILTED, extent=60, slab=slab)
    alone = render_plane(voxels, view, (200, 300))
    shared = render_plane(voxels, view, (200, 300), crew=crew_of(threads))
    assert np.array_equal(alone.pixels, shared.pixels)


def test_bands_are_drawn_at_the_same_time():
    together = threading.Barrier(3, timeout=PATIENCE)
    in_bands(96, 32, lambda _first, _end: together.wait() and None, crew=crew_of(3))


def test_no_more_threads_draw_than_there_are_cores():
    drawing = set()
    in_bands(320, 1, lambda _first, _end: drawing.add(threading.get_ident()), crew=crew_of(5, cores=2))
    assert len(drawing) <= 2


@pytest.mark.contract("D11")
def test_no_more_threads_draw_than_the_pool_has():
    drawing = set()
    in_bands(320, 1, lambda _first, _end: drawing.add(threading.get_ident()), crew=crew_of(1))
    assert drawing == {threading.get_ident()}


def test_all_rows_are_drawn_once():
    rows = np.zeros(101, int)
    in_bands(101, 16, lambda first, end: rows[first:end].__iadd__(1), crew=crew_of(3))
    assert (rows == 1).all()


def test_a_cancelled_picture_ends_between_bands_whoever_draws_them():
    begun = []
    with pytest.raises(CancelledError):
        in_bands(320, 16, lambda first, _end: begun.append(first), lambda: len(begun) >= 4, crew_of(3))
    assert 4 <= len(begun) <= 7


def test_what_goes_wrong_in_a_helper_reaches_the_picture():
    me = threading.get_ident()
    helped = threading.Event()

    def draw(_first, _end):
        if threading.get_ident() == me:
            helped.wait(PATIENCE)
            return
        helped.set()
        text = "broken"
        raise ValueError(text)

    with pytest.raises(ValueError, match="broken"):
        in_bands(64, 16, draw, crew=crew_of(2))


def test_a_picture_of_somebody_else_does_not_wait_for_all_of_a_large_one():
    """With a single helper: after its first band it must do what has come in, or all wait for ever."""
    threads = Threads(1, lambda: None, 60)
    crew = ThreadCrew(threads, 2)
    crew._helpers = 1
    other, submitted = threading.Event(), threading.Event()
    me = threading.get_ident()

    def draw(_first, _end):
        if threading.get_ident() != me and not submitted.is_set():
            threads.submit(other.set)
            submitted.set()
        else:
            assert other.wait(PATIENCE)

    in_bands(96, 16, draw, crew=crew)
