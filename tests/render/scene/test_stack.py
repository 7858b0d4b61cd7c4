"""Stacks: the order of frames and what the page is told."""

from io import BytesIO

import pytest
from pydicom import dcmread

from webviewer.codecs.description import describe
from webviewer.domain.image import FrameAttributes, ImageDescription, Plane, Window
from webviewer.domain.study import InstanceSource, SeriesManifest
from webviewer.sample.series import PhantomSeries
from webviewer_render.scene.stack import build_stack

AXIAL = {"row": (1.0, 0.0, 0.0), "column": (0.0, 1.0, 0.0)}


def source(number, z=None, *, frames=1, direction=AXIAL, problem=""):
    attributes = tuple(
        FrameAttributes(
            plane=None if z is None else Plane(origin=(0.0, 0.0, z + frame), **direction),
            spacing=(1.0, 1.0),
            thickness=2.0,
            windows=(Window(center=40, width=400),),
        )
        for frame in range(frames)
    )
    image = ImageDescription(
        rows=4, columns=5, frames=frames, bits_allocated=16, bits_stored=12, high_bit=11, photometric="MONOCHROME2",
        attributes=attributes,
    )  # fmt: skip
    fields = {"id": str(number), "number": number, "digest": "", "size": 0, "transfer_syntax": "1.2"}
    return InstanceSource(**fields, image=None if problem else image, problem=problem)


def stack_of(*sources, modality="CT"):
    return build_stack(SeriesManifest(series="s", version="v", modality=modality, instances=sources))


def test_parallel_slices_are_ordered_in_space_whatever_their_numbers():
    stack = stack_of(source(1, 30.0), source(2, 10.0), source(3, 20.0))
    assert [piece.instance for piece in stack.slices] == [1, 2, 0]
    assert stack.position_unit == "mm"
    assert stack.opened(0, stack.default_view()).geometry.step == pytest.approx(10)
    assert stack.default_view().position == 10


@pytest.mark.parametrize(
    "sources",
    [
        (source(1, 10.0), source(2, 10.0)),
        (source(1, 10.0), source(2)),
        (source(1, 10.0), source(2, 20.0, direction={"row": (0.0, 1.0, 0.0), "column": (0.0, 0.0, 1.0)})),
        (source(1, problem="no pixels"), source(2, problem="no pixels")),
    ],
    ids=["same place", "no place", "another orientation", "no picture"],
)
def test_what_is_no_stack_in_space_keeps_its_numbers(sources):
    stack = stack_of(*sources)
    assert stack.position_unit == "index"
    assert [piece.position for piece in stack.slices] == [0.0, 1.0]


def test_the_nearest_slice_is_found_and_ends_are_ends():
    stack = stack_of(*(source(k, 10.0 * k) for k in range(5)))
    assert [stack.index_at(p) for p in (-100, 4.9, 5.1, 39, 1000)] == [0, 0, 1, 4, 4]


def test_frames_of_one_object_are_slices():
    stack = stack_of(source(1, 5.0, frames=4))
    assert [(piece.instance, piece.frame) for piece in stack.slices] == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_uneven_steps_and_problems_are_told():
    opened = stack_of(source(1, 0.0), source(2, 1.0), source(3, 3.0)).opened(2, stack_of(source(1, 0.0)).default_view())
    assert opened.geometry.step is None
    broken = stack_of(source(1, 0.0), source(2, problem="video"))
    assert [s.problem for s in broken.opened(0, broken.default_view()).slices] == ["", "video"]


def test_a_stack_without_any_picture_opens_with_its_reasons():
    stack = stack_of(source(1, problem="video"))
    opened = stack.opened(0, stack.default_view())
    assert opened.windows == ()
    assert opened.value_range is None


def test_the_phantom_opens_with_its_geometry_windows_and_unit():
    phantom = PhantomSeries(rows=16, columns=16, slices=3)
    sources = []
    for index in range(3):
        image = describe(dcmread(BytesIO(phantom.instance(index)), stop_before_pixels=True))
        fields = {"id": str(index), "number": index + 1, "digest": "", "size": 0, "transfer_syntax": "1.2"}
        sources.append(InstanceSource(**fields, image=image))
    opened = stack_of(*sources).opened(0, stack_of(*sources).default_view())
    assert opened.unit == "HU"
    assert opened.value_range == (-1024, 3071)
    assert [w.explanation for w in opened.windows] == ["SOFT TISSUE", "LUNG"]
    assert opened.geometry.spacing == (0.85, 0.85)
    assert opened.slices[2].origin == pytest.approx(phantom.origin(2))


@pytest.mark.parametrize(("heights", "order"), [((10.0, 14.0), [0, 1, 2]), ((14.0, 10.0), [2, 1, 0])])
def test_an_object_without_a_picture_stays_between_its_neighbours_and_costs_nobody_his_place(heights, order):
    stack = stack_of(source(1, heights[0]), source(2, problem="cut off"), source(3, heights[1]))
    assert stack.position_unit == "mm"
    assert [piece.instance for piece in stack.slices] == order
    assert [piece.position for piece in stack.slices] == [10, 12, 14]
    assert stack.opened(0, stack.default_view()).geometry.step == pytest.approx(4)


def test_a_stack_opens_on_the_first_slice_that_has_a_picture():
    stack = stack_of(source(1, problem="cut off"), source(2, 10.0), source(3, 12.0))
    assert [piece.position for piece in stack.slices] == [9, 10, 12]
    assert stack.default_view().position == 10


def test_pet_opens_with_high_values_dark():
    assert stack_of(source(1, 10.0), modality="PT").default_view().colour_map == "inverted"
