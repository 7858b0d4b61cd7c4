"""The same ViewState gives the same bytes in every process, freshly compiled or from the cache."""

import os
import subprocess
import sys

import pytest

from webviewer_render.worker.environment import worker_environment

PROGRAM = """
import hashlib
import numpy as np
from webviewer.domain.image import FrameAttributes, ImageDescription, Window
from webviewer.domain.view import ImageView, Quality
from webviewer_render.encode import encode
from webviewer_render.scene.picture import render_image
from webviewer.domain.view import Cut, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.projection import render_volume
from webviewer_render.volume.levels import build_levels
from webviewer_render.volume.voxels import Voxels

pixels = np.random.default_rng(7).integers(-1000, 2000, (61, 83)).astype("i2")
image = ImageDescription(
    rows=61, columns=83, bits_allocated=16, bits_stored=16, high_bit=15, signed=True, photometric="MONOCHROME2",
    attributes=(FrameAttributes(slope=1.5, intercept=-7, spacing=(0.7, 0.9)),),
)
window = Window(center=40.5, width=812)
for view in (
    ImageView(window=window, zoom=1.7),
    ImageView(window=window, rotation=33, interpolation="cubic"),
    ImageView(window=window.model_copy(update={"function": "SIGMOID"}), zoom=0.3, interpolation="nearest"),
    ImageView(window=window, colour_map="viridis", flip_horizontal=True),
):
    picture = render_image(pixels, image, 0, view, (128, 96))
    print(hashlib.sha256(encode(picture.pixels, Quality.LOSSLESS).data).hexdigest())

from webviewer.domain.view import MprView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.plane import render_plane
from webviewer_render.volume.voxels import Voxels

grid = VolumeGrid(
    shape=(9, 21, 23), origin=(0, 0, 0), across=(0.7, 0, 0), down=(0, 0.9, 0), through=(0, 0.3, 1),
    places=(0, 1, 2, 3.5, 4, 5, 6, 7, 9),
)
voxels = Voxels.of_array(np.random.default_rng(8).integers(-1000, 2000, grid.shape).astype("i2"), grid, 1.5, -7)
tilted = {"row": (0.8, 0.6, 0.0), "column": (0.0, 0.0, -1.0), "center": (7.0, 8.0, 4.0), "extent": 14, "window": window}
for view in (
    MprView(**tilted),
    MprView(**tilted, slab=5.1, blend="mean"),
    MprView(**tilted, slab=5.1, blend="mip", colour_map="viridis"),
    MprView(**tilted | {"row": (1.0, 0.0, 0.0)}),
):
    print(hashlib.sha256(render_plane(voxels, view, (96, 64)).pixels.tobytes()).hexdigest())

grid = VolumeGrid(
    shape=(21, 34, 40), origin=(0, 0, 0), across=(0.7, 0, 0), down=(0, 0.8, 0), through=(0, 0.1, 1), places=range(21),
)
values = np.random.default_rng(8).integers(-1000, 2000, grid.shape).astype("i2")
levels = build_levels(Voxels.of_array(values, grid))
points = tuple(TransferPoint(value=v, opacity=o, colour=(1, o, 0.5)) for v, o in ((-200, 0), (900, 0.2), (1500, 0.9)))
cut = Cut(center=(14, 13, 10), row=(1, 0, 0), column=(0, 1, 0), extent=30, corners=((0, 0), (9, 2), (3, 8)))
for fields in ({}, {"perspective": True, "cuts": (cut,)}, {"mode": "mip"}, {"mode": "mean"}):
    transfer = () if "mode" in fields else points
    view = VolumeView(
        center=(14, 13, 10), row=(0.8, 0.6, 0), column=(0, 0, -1), extent=40, transfer=transfer, window=window, **fields
    )
    for quality in (Quality.PREVIEW, Quality.FINAL):
        picture = render_volume(levels, view, (128, 96), quality)
        print(hashlib.sha256(picture.pixels.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def run_apart():
    def run(cache):
        environment = worker_environment() | {"NUMBA_CACHE_DIR": str(cache)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True, timeout=170
        )
        return done.stdout.split()

    return run


@pytest.mark.timeout(400)  # all kernels are compiled
def test_frames_are_the_same_freshly_compiled_and_from_the_cache(run_apart, tmp_path):
    compiled = run_apart(tmp_path)
    assert any(name.endswith(".nbi") for _, _, names in os.walk(tmp_path) for name in names)
    assert len(set(compiled)) == len(compiled) == 16
    assert run_apart(tmp_path) == compiled
