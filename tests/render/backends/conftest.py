"""Back ends that run here, and volumes for them to draw."""

import csv
import importlib.util
import io
import os
from pathlib import Path

import numpy as np
import pytest

from webviewer.codecs.decode import decode_frame
from webviewer.codecs.description import describe
from webviewer.codecs.frame_table import locate_frames
from webviewer.codecs.header import read_header
from webviewer.domain.volume import VolumeGrid
from webviewer_render.backends.base import BackendUnavailableError
from webviewer_render.backends.cpu import CpuBackend
from webviewer_render.backends.cuda import CudaBackend
from webviewer_render.backends.vtk import VtkBackend
from webviewer_render.volume.levels import build_levels
from webviewer_render.volume.voxels import Voxels


def unavailable(error):
    if os.environ.get("CI"):
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def vtk():
    try:
        backend = VtkBackend()
    except BackendUnavailableError as error:
        unavailable(error)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def cpu():
    return CpuBackend()


@pytest.fixture(scope="session")
def cuda(require_program, tmp_path_factory):
    """The kernels for GPUs, run on the CPU."""
    program = require_program("g++")
    place = Path(__file__).with_name("cuda_by_gpp.py")
    specification = importlib.util.spec_from_file_location("cuda_by_gpp", place)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return CudaBackend(module.stand_in(program, tmp_path_factory.mktemp("cuda")))


@pytest.fixture(params=["cpu", "cuda", "vtk"])
def backend(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def phantom():
    """Soft balls of several densities in a volume whose axes are turned, with slices thicker than pixels."""
    shape, spacing = (60, 80, 90), (1.2, 0.8, 0.9)
    angle = np.radians(15)
    across = np.array([np.cos(angle), np.sin(angle), 0])
    down = np.array([-np.sin(angle), np.cos(angle), 0])
    k, j, i = (n.astype(float) for n in np.indices(shape))
    x, y, z = ((n - (size - 1) / 2) * d for n, size, d in zip((i, j, k), shape[::-1], spacing[::-1], strict=True))
    values = np.full(shape, -1000.0)
    for center, radius, high in (
        ((0, 0, 0), 26, 40), ((-12, -4, 6), 9, 300), ((10, 8, -8), 7, 900), ((14, -12, 12), 5, -800), ((0, 14, 10), 4, 1500),
    ):  # fmt: skip
        distance = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2)
        share = np.clip((radius - distance) / 2 + 0.5, 0, 1)
        values = values * (1 - share) + high * share
    middle = across * (shape[2] - 1) / 2 * spacing[2] + down * (shape[1] - 1) / 2 * spacing[1]
    middle[2] = (shape[0] - 1) / 2 * spacing[0]
    grid = VolumeGrid(
        shape=shape, origin=(-middle).tolist(), across=(across * spacing[2]).tolist(), down=(down * spacing[1]).tolist(),
        through=(0, 0, 1), places=tuple(n * spacing[0] for n in range(shape[0])),
    )  # fmt: skip
    return build_levels(Voxels.of_array(np.rint(values + 1024).astype(np.uint16), grid, intercept=-1024.0))


def series(folder, name):
    """Levels of a real series, and its middle in patient mm."""
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        paths = [row["path"] for row in csv.DictReader(manifest, delimiter="\t") if row["path"].startswith(name)]
    slices = []
    for path in paths:
        content = (folder / path).read_bytes()
        file = io.BytesIO(content)
        header = read_header(file)
        image = describe(header.dataset)
        offset, size = locate_frames(file, header, image).ranges(0)[0]
        pixels = decode_frame(content[offset : offset + size], image, header.transfer_syntax, 0)
        slices.append((image.frame(0), pixels))
    first = slices[0][0]
    normal = np.cross(first.plane.row, first.plane.column)
    slices.sort(key=lambda piece: float(normal @ np.array(piece[0].plane.origin)))
    origins = np.array([piece[0].plane.origin for piece in slices])
    places = (origins - origins[0]) @ normal
    step = (origins[-1] - origins[0]) / places[-1]
    first = slices[0][0]
    array = np.stack([piece[1] for piece in slices])
    across, down = np.array(first.plane.row) * first.spacing[1], np.array(first.plane.column) * first.spacing[0]
    grid = VolumeGrid(
        shape=array.shape, origin=origins[0].tolist(), across=across.tolist(), down=down.tolist(), through=step.tolist(),
        places=places.tolist(),
    )  # fmt: skip
    middle = (origins[0] + origins[-1] + across * (array.shape[2] - 1) + down * (array.shape[1] - 1)) / 2
    return build_levels(Voxels.of_array(array, grid, first.slope, first.intercept)), tuple(middle.tolist())


@pytest.fixture(scope="session")
def head(real_data):
    return series(real_data, "dcm_qa_ct_head1mm_jls")


@pytest.fixture(scope="session")
def brain(real_data):
    return series(real_data, "dcm_qa_decubitus_t1")
