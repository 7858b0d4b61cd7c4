"""Real series from file to plane."""

import csv
import io
import math

import numpy as np
import pytest

from webviewer.codecs.decode import decode_frame
from webviewer.codecs.description import describe
from webviewer.codecs.frame_table import locate_frames
from webviewer.codecs.header import read_header
from webviewer.domain.image import FrameAttributes, Plane
from webviewer.domain.study import InstanceSource, SeriesManifest
from webviewer.domain.view import ImageView, MprView
from webviewer_render.decoded.arena import Arena, ArenaLayout
from webviewer_render.scene.measure import value_at_point
from webviewer_render.scene.picture import render_image
from webviewer_render.scene.plane import render_plane
from webviewer_render.scene.stack import build_stack
from webviewer_render.volume.assembly import Assembly
from webviewer_render.volume.plan import plan_volume

pytestmark = pytest.mark.real_data


def read(path):
    """The number of an object, its description, and its decoded frames."""
    content = path.read_bytes()
    file = io.BytesIO(content)
    header = read_header(file)
    image, table = describe(header.dataset), None
    table = locate_frames(file, header, image)
    frames = [
        decode_frame(
            b"".join(content[offset : offset + size] for offset, size in table.ranges(frame)),
            image, header.transfer_syntax, frame,
        )
        for frame in range(image.frames)
    ]  # fmt: skip
    return int(header.dataset.get("InstanceNumber") or 0), image, frames


@pytest.fixture
def assembled():
    """Return a function that puts (number, description, frames) into an arena and gives plan, stack, arena and voxels."""
    arenas = []

    def make(objects):
        objects = sorted(objects, key=lambda each: each[0])
        sources = tuple(
            InstanceSource(id=str(n), number=number, digest="", size=0, transfer_syntax="", image=image)
            for n, (number, image, _) in enumerate(objects)
        )
        stack = build_stack(SeriesManifest(series="s", version="v", modality="CT", instances=sources))
        arena = Arena.create(ArenaLayout.of([stack.image(slot) for slot in range(len(stack.slices))]))
        arenas.append(arena)
        plan = plan_volume(stack)
        assembly = Assembly(plan, arena)
        for slot, piece in enumerate(stack.slices):
            arena.store(slot, objects[piece.instance][2][piece.frame])
        return plan, arena, assembly

    yield make
    for arena in arenas:
        arena.close_descriptor()


def some(real_data, folder, step=1):
    with (real_data / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        paths = [row["path"] for row in csv.DictReader(manifest, delimiter="\t") if row["path"].startswith(folder)]
    return [read(real_data / path) for path in sorted(paths)[::step]]


def flattened(image):
    """The same with square pixels, as the image window draws them one to one."""
    attributes = tuple(one.model_copy(update={"spacing": None}) for one in image.attributes)
    return image.model_copy(update={"attributes": attributes})


@pytest.mark.parametrize(
    ("folder", "step"), [("dcm_qa_ct_head1mm_jls/", 20), ("dcm_qa_decubitus_t1/", 5), ("dcm_qa_enh/", 1)]
)
def test_planes_through_the_slices_are_the_slices(real_data, assembled, folder, step):
    plan, arena, assembly = assembled(some(real_data, folder, step))
    assert not assembly.copies
    voxels, grid = assembly.voxels(), plan.grid
    assert voxels.complete
    slices, rows, columns = grid.shape
    spacing = math.hypot(*grid.across)
    assert spacing == pytest.approx(math.hypot(*grid.down))
    row, column = (tuple(part / spacing for part in axis) for axis in (grid.across, grid.down))
    for k in (0, slices // 2, slices - 1):
        image, frame = plan.sources[k]
        center = grid.point((columns - 1) / 2, (rows - 1) / 2, grid.places[k])
        view = MprView(
            center=center, row=row, column=column, extent=spacing * min(rows, columns), window=plan.windows[0]
        )
        mine = render_plane(voxels, view, (columns, rows), plan.windows).pixels
        pixels = arena.pixels(plan.slots[k])
        theirs = render_image(
            pixels, flattened(image), frame, ImageView(window=plan.windows[0]), (columns, rows)
        ).pixels
        assert np.array_equal(mine, theirs)
        point = grid.point(columns // 3, rows // 2, grid.places[k])
        stored = float(pixels[rows // 2, columns // 3])
        attributes = image.frame(frame)
        assert value_at_point(voxels, point) == (stored * attributes.slope + attributes.intercept, False)


def test_pet_slices_with_scales_of_their_own_become_one_volume(real_data, assembled):
    """One real slice, put at four places with four slopes: every one shows its own activity."""
    _, image, (pixels,) = read(real_data / "tcia_pt/pt_029.dcm")
    first = image.frame(0)
    (x, y, z), slopes = first.plane.origin, (0.5, 1.0, 2.75, 4.0)
    objects = []
    for k, slope in enumerate(slopes):
        plane = Plane(origin=(x, y, z + 3.27 * k), row=first.plane.row, column=first.plane.column)
        attributes = (FrameAttributes(plane=plane, spacing=first.spacing, slope=slope, intercept=0.0),)
        objects.append((k, image.model_copy(update={"attributes": attributes}), [pixels]))
    plan, _, assembly = assembled(objects)
    assert assembly.copies
    voxels = assembly.voxels()
    hot = np.unravel_index(int(np.argmax(pixels)), pixels.shape)
    for k, place in enumerate(plan.grid.places):
        value = value_at_point(voxels, plan.grid.point(int(hot[1]), int(hot[0]), place))
        assert value == (pytest.approx(float(pixels[hot]) * slopes[k], rel=1e-6), False)
