"""Series of plain pictures, placed as a test wants them."""

import math

import pytest

from webviewer.domain.image import FrameAttributes, ImageDescription, Plane, Window
from webviewer.domain.study import InstanceSource, SeriesManifest
from webviewer_render.scene.stack import build_stack

AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def slice_at(  # noqa: PLR0913 - a slice's definition
    origin, *, cosines=AXIAL, rows=6, columns=8, spacing=(0.5, 0.75), slope=1.0, intercept=0.0, **more
):
    """Describe one picture whose first pixel lies at ``origin``; None has no place."""
    plane = None if origin is None else Plane(origin=origin, row=cosines[0], column=cosines[1])
    attributes = FrameAttributes(
        plane=plane, spacing=spacing, slope=slope, intercept=intercept, windows=(Window(center=40, width=400),)
    )
    fields = {"bits_allocated": 16, "bits_stored": 12, "high_bit": 11, "photometric": "MONOCHROME2", "space": "a"}
    return ImageDescription(rows=rows, columns=columns, attributes=(attributes,), **(fields | more))


def stack_of_images(*images):
    """The stack of objects in the order of their numbers; a text instead of an image is why there is no picture."""
    sources = tuple(
        InstanceSource(
            id=str(number), number=number, digest="", size=0, transfer_syntax="1.2",
            image=None if isinstance(image, str) else image, problem=image if isinstance(image, str) else "",
        )
        for number, image in enumerate(images)
    )  # fmt: skip
    return build_stack(SeriesManifest(series="s", version="v", modality="CT", instances=sources))


@pytest.fixture
def make_slice():
    return slice_at


@pytest.fixture
def make_stack():
    return stack_of_images


@pytest.fixture
def along():
    """Origins of axial slices at the given places, sheared by degrees of gantry tilt."""

    def origins(places, tilt=0.0):
        return [(-10.0, 20.0 + place * math.tan(math.radians(tilt)), float(place)) for place in places]

    return origins
