"""Every real file is drawn as pydicom's own functions say, or says why it cannot be."""

import csv
import io
import math

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing, pixel_array

from webviewer.codecs.decode import decode_frame
from webviewer.codecs.description import describe
from webviewer.codecs.frame_table import inflate, locate_frames
from webviewer.codecs.header import read_header
from webviewer.domain.view import ImageView
from webviewer.errors import DamagedObjectError, UnsupportedImageError
from webviewer_render.scene.picture import render_image

pytestmark = pytest.mark.real_data

NO_PICTURE = "has no picture"
NO_PIXELS = "has no pixel data"
NO_IDENTITY = "neither SOP class"
INSIDE = "the file ends inside element"
EARLY = "the pixel data end early"
REASONS = {
    "pydicom/waveform_ecg.dcm": NO_PICTURE,
    "pydicom/rtplan.dcm": NO_PICTURE,
    "pydicom/rtstruct.dcm": NO_PICTURE,
    "pydicom/test-SR.dcm": NO_PICTURE,
    "pydicom/reportsi.dcm": NO_PICTURE,
    "pydicom/ExplVR_BigEndNoMeta.dcm": NO_PICTURE,
    "pydicom/badVR.dcm": "NumberOfFrames cannot be 1A",
    "pydicom/MR_truncated.dcm": EARLY,
    "pydicom/rtplan_truncated.dcm": INSIDE,
    "pydicom/no_meta.dcm": "not a DICOM file",
    "pydicom/UN_sequence.dcm": NO_IDENTITY,
    "pydicom/nested_priv_SQ.dcm": NO_IDENTITY,
    "pydicom/JPEG2000-embedded-sequence-delimiter.dcm": "too many tiles",
    "pydicom_charset/chrJapMulti.dcm": NO_PIXELS,
    "pydicom_charset/chrJapMultiExplicitIR6.dcm": NO_PIXELS,
    "pydicom_charset/chrKoreanMulti.dcm": NO_PIXELS,
    "pydicom_charset/chrSQEncoding.dcm": NO_IDENTITY,
    "pydicom_charset/chrSQEncoding1.dcm": NO_IDENTITY,
    "fo-dicom/GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm": "the header is damaged",
    "fo-dicom/Issue1097_FailToOpenDeflatedFileWithSQ.dcm": NO_PICTURE,
    "dcmqi/rwvm.dcm": NO_PICTURE,
    "dcmqi/sr.dcm": NO_PICTURE,
    "highdicom/sm_annotations.dcm": NO_PICTURE,
    "highdicom/sr_document.dcm": NO_PICTURE,
    "dicompyler/rtplan.dcm": NO_PICTURE,
    "dicompyler/rtss.dcm": NO_PICTURE,
    "made/gsps.dcm": NO_PICTURE,
    "made/pdf.dcm": NO_PICTURE,
    "made/ko.dcm": NO_PICTURE,
    "made/video_libx264.dcm": "a video",
    "malformed/m000_k0.dcm": EARLY,
    "malformed/m001_k1.dcm": INSIDE,
    "malformed/m003_k3.dcm": NO_PICTURE,
    "malformed/m004_k4.dcm": "not a DICOM file",
    "malformed/m005_k5.dcm": INSIDE,
    "malformed/m006_k0.dcm": EARLY,
    "malformed/m007_k1.dcm": INSIDE,
    "malformed/m008_k2.dcm": INSIDE,
    "malformed/m009_k3.dcm": NO_IDENTITY,
    "malformed/m010_k4.dcm": "not a DICOM file",
    "malformed/m011_k5.dcm": EARLY,
    "malformed/m012_k0.dcm": EARLY,
    "malformed/m013_k1.dcm": INSIDE,
    "malformed/m014_k2.dcm": NO_PICTURE,
    "malformed/m015_k3.dcm": INSIDE,
    "malformed/m016_k4.dcm": NO_PICTURE,
    "malformed/m018_k0.dcm": "in the middle of its header",
    "malformed/m019_k1.dcm": INSIDE,
    "malformed/m020_k2.dcm": NO_IDENTITY,
}
MANY = ("dcm_qa_ct_head1mm_jls", "datalad_fmri", "dcm_qa_decubitus_t1")
"""Series of like files: one of ten is compared pixel by pixel."""


def draw(path, number_of_frames=2):
    """Draw the first and the last frame 1:1; yields (frame, image, stored values, picture)."""
    content = path.read_bytes()
    file = io.BytesIO(content)
    header = read_header(file)
    image = describe(header.dataset)
    table = locate_frames(file, header, image)
    if table.whole_file:
        content, table = inflate(file, header, image)
    view = ImageView(interpolation="linear")
    for frame in sorted({0, image.frames - 1})[:number_of_frames]:
        data = b"".join(content[offset : offset + length] for offset, length in table.ranges(frame))
        stored = decode_frame(data, image, header.transfer_syntax, frame)
        square = image.model_copy(
            update={
                "pixel_aspect": (1.0, 1.0),
                "attributes": tuple(a.model_copy(update={"spacing": None}) for a in image.attributes),
            }
        )
        yield frame, image, stored, render_image(stored, square, frame, view, (image.columns, image.rows))


def flattened(dataset, frame):
    """The attributes of one frame as those of a single-frame object, which is all that pydicom's functions know."""
    flat = Dataset()
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        items = dataset.get(groups)
        if items:
            chosen = items[min(frame, len(items) - 1)]
            for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                for part in chosen.get(name, ()):
                    flat.update(part)
    plain = Dataset()
    plain.update({element.tag: element for element in dataset if element.tag.group in {0x28, 0x3004}})
    plain.update(flat)
    plain.set_original_encoding(*dataset.original_encoding)
    if "DoseGridScaling" in plain:
        plain.RescaleSlope, plain.RescaleIntercept = plain.DoseGridScaling, 0
    return plain


def expected_grey(dataset, frame, image, stored, picture):
    """pydicom's modality and VOI functions, scaled to 0..255."""
    flat = flattened(dataset, frame)
    values = apply_modality_lut(stored, flat)
    if "VOILUTSequence" in flat and not image.attributes[0].windows:
        bits = flat.VOILUTSequence[0].LUTDescriptor[2]
        grey = apply_voi(values, flat) * (255 / (2**bits - 1))
    else:
        flat.WindowCenter, flat.WindowWidth = picture.window.center, picture.window.width
        flat.VOILUTFunction = picture.window.function
        flat.BitsStored = 16 if image.floating else image.bits_stored
        flat.PixelRepresentation = int(image.signed)
        low = -(2 ** (flat.BitsStored - 1)) if image.signed else 0
        ends = np.array([low, low + 2**flat.BitsStored - 1], float)
        if "ModalityLUTSequence" in flat:
            ends = np.array([0, 2 ** flat.ModalityLUTSequence[0].LUTDescriptor[2] - 1], float)
        elif "RescaleSlope" in flat:
            ends = ends * float(flat.RescaleSlope) + float(flat.RescaleIntercept)
        windowed = apply_windowing(values.astype(float), flat)
        grey = (windowed - ends[0]) / (ends[1] - ends[0]) * 255
    grey = 255 - grey if image.presentation_inverse else grey
    if image.padding is not None:
        grey = np.where((stored >= image.padding[0]) & (stored <= image.padding[1]), 0, grey)
    return grey


def expected_colour(dataset, image, stored):
    if image.samples == 3:
        return stored
    rgb = apply_color_lut(stored, dataset)
    return rgb >> 8 if rgb.dtype.itemsize > 1 else rgb


def compare_with_pydicom(path):
    """Draw and compare; returns how many frames pydicom could decode itself."""
    drawn = list(draw(path))
    dataset = dcmread(path, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    decoded = 0
    for frame, image, stored, picture in drawn:
        try:
            theirs = pixel_array(dataset, index=frame)
        except (RuntimeError, NotImplementedError):
            pass  # pydicom has no decoder for it here
        else:
            decoded += 1
            assert np.abs(stored.astype(float) - theirs).max() <= (1 if image.samples == 3 else 0)
        if image.palette is not None and image.photometric == "MONOCHROME2":
            coloured = stored >= image.palette.red.first
            assert np.array_equal(picture.pixels[~coloured].min(axis=-1), picture.pixels[~coloured].max(axis=-1))
            continue
        if picture.pixels.ndim == 3:
            wanted = expected_colour(dataset, image, stored)
        else:
            wanted = expected_grey(dataset, frame, image, stored, picture)
        assert np.abs(picture.pixels - wanted.astype(float)).max() <= 1
    return decoded


def test_every_file_is_drawn_right_or_says_why_not(real_data):
    with (real_data / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        paths = [row["path"] for row in csv.DictReader(manifest, delimiter="\t")]
    wrong, drawn, decoded = [], 0, 0
    for number, path in enumerate(paths):
        if path.startswith(MANY) and number % 10:
            continue
        reason = ""
        try:
            decoded += compare_with_pydicom(real_data / path)
            drawn += 1
        except (DamagedObjectError, UnsupportedImageError) as error:
            reason = error.message
        except (AssertionError, OSError, ValueError) as error:
            reason = f"differs: {error!r}"
        expected = REASONS.get(path, "")
        if (expected not in reason) if expected else reason:
            wrong.append(f"{path}: {reason or 'was drawn'} (expected: {expected or 'a picture'})")
    assert not wrong, "\n".join(wrong)
    assert (drawn, decoded) >= (100, 80)


SAMPLES = {
    "CT": "dcm_qa_ct_raw/I100",
    "signed CT": "cornerstone3D/CTImage.dcm",
    "signed MR": "dcmqi/pm-example-slice.dcm",
    "MONOCHROME1": "highdicom/dx_image.dcm",
    "RGB": "cornerstone3D/TestPattern_RGB.dcm",
    "palette 8": "cornerstone3D/TestPattern_Palette.dcm",
    "palette 16": "cornerstone3D/TestPattern_Palette_16.dcm",
    "YBR native": "pydicom/SC_ybr_full_422_uncompressed.dcm",
    "YBR JPEG": "pydicom/examples_ybr_color.dcm",
    "modality table": "pydicom-data/mlut_18.dcm",
    "VOI table": "pydicom-data/vlut_04.dcm",
}


@pytest.mark.parametrize("path", SAMPLES.values(), ids=SAMPLES.keys())
def test_grey_values_at_one_to_one_are_those_of_an_independent_reference(real_data, path):
    assert compare_with_pydicom(real_data / path) >= 1


def test_supplemental_palettes_colour_the_upper_values_only(real_data):
    path = real_data / "pydicom-data/eCT_Supplemental.dcm"
    _, image, stored, picture = next(draw(path))
    first = image.palette.red.first
    dataset = dcmread(path)
    del dataset.PixelPresentation  # pydicom would refuse
    rgb = apply_color_lut(stored, dataset)
    assert np.array_equal(picture.pixels[stored >= first], (rgb >> 8)[stored >= first])
    assert math.isclose(picture.window.width, 102)
