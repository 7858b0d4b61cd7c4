"""Which pictures may show names burnt into them, and what is left of these."""

import base64

import numpy as np
import pytest
from pydicom.dataset import Dataset

from webviewer.codecs.burnt_in import hide, nameless, read_annotation
from webviewer.domain.image import FrameAttributes, ImageDescription, LookupTable, Palette, UltrasoundRegion

STORAGE = "1.2.840.10008.5.1.4.1.1."
CT, US, US_FRAMES, CAPTURE, CAPTURE_FRAMES = (STORAGE + end for end in ("2", "6.1", "3.1", "7", "7.4"))
ENDOSCOPY, MICROSCOPY, PHOTO, MR = (STORAGE + end for end in ("77.1.1", "77.1.2", "77.1.4", "4"))
ECHO = UltrasoundRegion(box=(2, 1, 5, 3), form="2d", units=("cm", "cm"), deltas=(0.1, 0.1))
CURVE = UltrasoundRegion(box=(0, 6, 7, 7), form="spectral", units=("s", "cm/s"), deltas=(0.1, -1.0))


def image(**changes):
    fields = {
        "rows": 8, "columns": 10, "bits_allocated": 8, "bits_stored": 8, "high_bit": 7, "photometric": "MONOCHROME2",
        "attributes": (FrameAttributes(),), "burnt_in": "unstated",
    }  # fmt: skip
    return ImageDescription(**fields | changes)


@pytest.mark.parametrize(("stated", "read"), [("YES", "yes"), ("no", "no"), ("", "unstated"), ("MAYBE", "unstated")])
def test_the_object_says_yes_or_no_or_nothing(stated, read):
    dataset = Dataset()
    assert read_annotation(dataset) == "unstated"
    dataset.BurnedInAnnotation = stated
    assert read_annotation(dataset) == read


@pytest.mark.parametrize("sop_class", [US, US_FRAMES, CAPTURE, CAPTURE_FRAMES, ENDOSCOPY, MICROSCOPY, PHOTO])
def test_classes_that_carry_texts_are_shown_only_where_the_object_says_no(sop_class):
    assert nameless(image(), sop_class, "") is None
    assert nameless(image(burnt_in="yes"), sop_class, "") is None
    harmless = image(burnt_in="no")
    assert nameless(harmless, sop_class, "US") is harmless


@pytest.mark.parametrize("modality", ["US", "OT", "XC", "ES", "GM", "SC", "us"])
def test_modalities_that_carry_texts_count_whatever_the_class_is(modality):
    assert nameless(image(), CT, modality) is None


def test_sections_are_shown_unless_the_object_says_yes_or_they_are_captured_screens():
    section = image()
    assert nameless(section, CT, "CT") is section
    assert nameless(section, MR, "MR") is section
    assert nameless(image(burnt_in="yes"), CT, "CT") is None
    assert nameless(image(samples=3, photometric="RGB"), CT, "CT") is None


def test_a_description_that_does_not_know_is_not_trusted():
    assert nameless(image(burnt_in=None), CT, "CT") is None


@pytest.mark.parametrize("burnt_in", ["yes", "unstated"])
def test_regions_of_ultrasound_stay_visible(burnt_in):
    found = nameless(image(regions=(ECHO, CURVE), burnt_in=burnt_in), US, "US")
    assert found.visible == (ECHO.box, CURVE.box)


def palette(*entries):
    data = np.array(entries, "<u2").tobytes()
    table = LookupTable(first=0, bits=16, data=base64.b64encode(data).decode())
    return Palette(red=table, green=table, blue=table)


@pytest.mark.parametrize(
    ("changes", "dtype", "black"),
    [
        ({}, np.uint8, 0),
        ({"photometric": "MONOCHROME1", "presentation_inverse": True}, np.uint8, 255),
        ({"attributes": (FrameAttributes(slope=-1.0),)}, np.uint8, 255),
        ({"signed": True, "bits_allocated": 16, "bits_stored": 12, "high_bit": 11}, np.int16, -2048),
        ({"photometric": "PALETTE COLOR", "palette": palette(900, 500, 3, 700)}, np.uint8, 2),
        ({"samples": 3, "photometric": "RGB"}, np.uint8, 0),
        ({"floating": True, "bits_allocated": 32, "bits_stored": 32, "high_bit": 31}, np.float32, 1.0),
    ],
)
def test_everything_beside_the_regions_is_black_and_they_stay_as_they_are(changes, dtype, black):
    described = nameless(image(regions=(ECHO,), **changes), US, "US")
    shape = (8, 10, 3) if described.samples == 3 else (8, 10)
    pixels = np.random.default_rng(1).integers(1, 3, shape).astype(dtype)
    before = pixels.copy()
    pixels.setflags(write=False)
    shown = hide(pixels, described)
    assert (shown[1:4, 2:6] == before[1:4, 2:6]).all()
    beside = np.ones(shape, bool)
    beside[1:4, 2:6] = False
    assert (shown[beside] == black).all()
    assert (shown.dtype, (pixels == before).all()) == (before.dtype, True)


def test_pixels_without_a_mask_are_not_even_copied():
    pixels = np.zeros((8, 10), np.uint8)
    assert hide(pixels, image()) is pixels
