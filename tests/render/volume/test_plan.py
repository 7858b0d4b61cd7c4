"""Which series are volumes, where their voxels lie, and what is said of them."""

import csv
import math

import numpy as np
import pytest

from webviewer.codecs.description import describe
from webviewer.codecs.header import read_header
from webviewer.domain.image import FrameAttributes, Plane
from webviewer.domain.study import InstanceSource, SeriesManifest
from webviewer.domain.volume import VolumeNotice, VolumeProblem
from webviewer_render.scene.picture import patient_point
from webviewer_render.scene.stack import build_stack
from webviewer_render.volume.plan import VolumePlan, plan_volume


def codes(plan):
    return {notice.code: notice.value for notice in plan.notices}


def assert_every_pixel_lies_where_its_header_says(plan, within=1e-6):
    for k, (image, frame) in enumerate(plan.sources):
        for column, row in ((0, 0), (image.columns - 1, 0), (0, image.rows - 1)):
            mine = plan.grid.point(column, row, plan.grid.places[k])
            assert math.dist(mine, patient_point(image.frame(frame), column, row)) <= within


def test_slices_rise_along_the_normal_whatever_their_numbers(make_slice, make_stack, along):
    plan = plan_volume(make_stack(*(make_slice(origin) for origin in along([30, 10, 20, 40]))))
    assert plan.grid.places == (0, 10, 20, 30)
    assert plan.grid.shape == (4, 6, 8)
    assert plan.grid.is_even
    assert plan.notices == ()
    assert plan.is_uniform
    assert [window.center for window in plan.windows] == [40]
    assert_every_pixel_lies_where_its_header_says(plan)


def test_slices_of_the_other_hand_rise_along_row_times_column_too(make_slice, make_stack, along):
    cosines = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
    stack = make_stack(*(make_slice(origin, cosines=cosines) for origin in along([10, 20, 30])))
    plan = plan_volume(stack)
    assert plan.grid.through == (0, 0, -1)
    assert_every_pixel_lies_where_its_header_says(plan)
    assert [stack.slices[slot].instance for slot in plan.slots] == [2, 1, 0]


@pytest.mark.parametrize("tilt", [12.5, -20.0])
def test_gantry_tilt_is_kept_exactly_and_said(make_slice, make_stack, along, tilt):
    plan = plan_volume(make_stack(*(make_slice(origin) for origin in along(range(0, 50, 5), tilt))))
    assert codes(plan) == {"tilt": pytest.approx(abs(tilt), abs=0.01)}
    assert_every_pixel_lies_where_its_header_says(plan)


def test_rounded_places_are_even_and_square(make_slice, make_stack):
    origins = [(round(-10 + 1e-3 * (k % 3 - 1), 3), 20.0, round(k * 0.6251 + 1e-3 * (k % 2), 3)) for k in range(50)]
    plan = plan_volume(make_stack(*(make_slice(origin) for origin in origins)))
    assert plan.grid.is_even
    assert plan.grid.through == (0, 0, 1)
    assert plan.notices == ()
    assert_every_pixel_lies_where_its_header_says(plan, within=5e-3)


def test_uneven_slices_keep_their_places_and_the_largest_distance_is_said(make_slice, make_stack, along):
    plan = plan_volume(make_stack(*(make_slice(origin) for origin in along([0, 2, 4, 7, 10]))))
    assert codes(plan) == {"uneven": 3}
    assert plan.grid.places == (0, 2, 4, 7, 10)
    assert not plan.grid.is_even


def test_missing_slices_are_counted(make_slice, make_stack, along):
    plan = plan_volume(make_stack(*(make_slice(origin) for origin in along([0, 2, 4, 8, 10, 12, 20]))))
    assert codes(plan) == {"missing": 4}
    assert plan.grid.places == (0, 2, 4, 8, 10, 12, 20)


def test_of_slices_at_one_place_the_first_counts(make_slice, make_stack, along):
    phases = [make_slice(origin) for _ in range(3) for origin in along([0, 5, 10, 15])]
    stack = make_stack(*phases[:-1])
    plan = plan_volume(stack)
    assert codes(plan) == {"duplicate": 7}
    assert [stack.slices[slot].instance for slot in plan.slots] == [0, 1, 2, 3]


def test_objects_without_a_picture_are_left_out(make_slice, make_stack, along):
    stack = make_stack(*(make_slice(origin) for origin in along([0, 1, 2])), "no pixels", "damaged")
    plan = plan_volume(stack)
    assert codes(plan) == {"left-out": 2}
    assert len(plan.slots) == 3


def test_what_is_no_volume_says_why_and_how_many_are_to_blame(make_slice, make_stack, along):
    good = [make_slice(origin) for origin in along([0, 1, 2, 3])]
    sagittal = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
    cases = [
        (good[:2], "too-few", 2),
        ([good[0]] * 5, "too-few", 1),
        ([make_slice(origin, rows=1) for origin in along([0, 1, 2])], "too-few", 3),
        ([*good, make_slice(None)], "no-geometry", 1),
        ([*good, make_slice((0.0, 0.0, 9.0), cosines=sagittal)], "mixed-orientation", 1),
        ([*good, make_slice((-10.0, 20.0, 9.0), columns=9), make_slice((-10.0, 20.0, 8.0), rows=9)], "mixed-size", 2),
        ([*good, make_slice((-10.0, 20.0, 9.0), spacing=(0.5, 0.8))], "mixed-size", 1),
        ([*good, make_slice((-10.0, 20.0, 9.0), space="b")], "mixed-frame-of-reference", 1),
        ([make_slice(origin, samples=3, photometric="RGB") for origin in along([0, 1, 2])], "colour", 3),
        ([make_slice(origin, spacing=None) for origin in along([0, 1, 2])], "no-spacing", 3),
        ([*good, make_slice((40.0, 20.0, 4.0))], "no-geometry", None),
    ]
    for images, code, count in cases:
        problem = plan_volume(make_stack(*images))
        assert isinstance(problem, VolumeProblem), code
        assert problem.code == code
        assert count is None or problem.images == count


def test_frames_of_one_object_are_slices(make_slice, make_stack):
    cosines = {"row": (0.0, 1.0, 0.0), "column": (0.0, 0.0, -1.0)}
    frames = tuple(
        FrameAttributes(
            plane=Plane(origin=(4.0 - frame * 1.5, 1.0, 2.0), **cosines), spacing=(1.0, 1.0), slope=1.0 + frame
        )
        for frame in range(5)
    )
    image = make_slice((0.0, 0.0, 0.0)).model_copy(update={"frames": 5, "attributes": frames})
    stack = make_stack(image)
    plan = plan_volume(stack)
    assert [stack.slices[slot].frame for slot in plan.slots] == [0, 1, 2, 3, 4]
    assert plan.grid.through == (-1, 0, 0)
    assert not plan.is_uniform
    assert_every_pixel_lies_where_its_header_says(plan)


def test_hostile_places_end_in_a_plan_or_a_problem(make_slice, make_stack):
    generator = np.random.default_rng(3)
    for scale in (1e-12, 1e-3, 1.0, 1e9, 1e100):
        origins = generator.standard_normal((6, 3)) * scale
        found = plan_volume(make_stack(*(make_slice(tuple(map(float, origin))) for origin in origins)))
        assert isinstance(found, VolumePlan | VolumeProblem)


REAL = {
    "dcm_qa_ct_head1mm_jls/": ((140, 512, 512), {}, 1.0),
    "dcm_qa_decubitus_t1/": ((35, 256, 256), {}, 4.8),
    "datalad_fmri/": ((35, 80, 80), {"duplicate": 115}, 3.3),
    "dcm_qa_enh/": ((6, 64, 64), {"duplicate": 18}, 2.4),
    "dicom2nifti/IM-0001-0170": ((8, 256, 256), {}, 1.2),
}


@pytest.mark.real_data
@pytest.mark.parametrize("path", REAL)
def test_real_series_are_the_volumes_that_their_headers_describe(real_data, path):
    with (real_data / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        paths = [row["path"] for row in csv.DictReader(manifest, delimiter="\t") if row["path"].startswith(path)]
    sources = []
    for name in paths:
        with (real_data / name).open("rb") as file:
            header = read_header(file)
        number = int(header.dataset.get("InstanceNumber") or 0)
        sources.append(
            InstanceSource(
                id=name, number=number, digest="", size=0, transfer_syntax=header.transfer_syntax,
                image=describe(header.dataset),
            )
        )  # fmt: skip
    sources.sort(key=lambda source: source.number)
    stack = build_stack(SeriesManifest(series="s", version="v", modality="CT", instances=tuple(sources)))
    plan = plan_volume(stack)
    shape, notices, step = REAL[path]
    assert plan.grid.shape == shape
    assert codes(plan) == notices
    assert plan.grid.step == pytest.approx(step, rel=1e-3)
    assert plan.grid.is_even
    assert_every_pixel_lies_where_its_header_says(plan, within=0.011)
    assert all(isinstance(notice, VolumeNotice) for notice in plan.notices)
