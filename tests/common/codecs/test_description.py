"""Descriptions: where each value comes from, and which images are refused with which reason."""

import base64

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from webviewer.codecs.description import describe
from webviewer.domain.image import Window
from webviewer.errors import UnsupportedImageError


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def entries(table):
    return np.frombuffer(base64.b64decode(table.data), "<u2").tolist()


def test_a_plain_image_is_described_by_its_pixel_module(make_dataset):
    image = describe(make_dataset(PixelRepresentation=1, RescaleSlope=2, RescaleIntercept=-1024, Modality="CT"))
    assert (image.rows, image.columns, image.frames, image.samples) == (4, 6, 1, 1)
    assert (image.bits_allocated, image.bits_stored, image.high_bit, image.signed) == (16, 12, 11, True)
    assert (image.attributes[0].slope, image.attributes[0].intercept, image.rescale_type) == (2, -1024, "HU")
    assert (image.presentation_inverse, image.padding, image.lossy_ratio) == (False, None, None)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Rows": None, "Columns": None, "BitsAllocated": None}, "no picture"),
        ({"Rows": None}, "Rows is not stated"),
        ({"Rows": 0}, "Rows cannot be 0"),
        ({"Rows": 60000, "Columns": 60000}, "too large"),
        ({"NumberOfFrames": "0"}, "NumberOfFrames cannot be 0"),
        ({"BitsAllocated": 12}, "12 bits per sample"),
        ({"BitsStored": 17}, "contradict each other"),
        ({"HighBit": 3}, "contradict each other"),
        ({"PhotometricInterpretation": "CMYK"}, "CMYK cannot be shown"),
        ({"PhotometricInterpretation": "RGB"}, "RGB has 3 samples"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "palette is missing"),
    ],
)
def test_images_that_cannot_be_shown_say_why(make_dataset, attributes, reason):
    with pytest.raises(UnsupportedImageError, match=reason):
        describe(make_dataset(**attributes))


def test_videos_are_refused(make_dataset):
    with pytest.raises(UnsupportedImageError, match="video"):
        describe(make_dataset("1.2.840.10008.1.2.4.102"))


def test_syntaxes_that_cannot_be_decoded_are_refused_before_their_frames_are_looked_for(make_dataset):
    with pytest.raises(UnsupportedImageError, match="JPIP"):
        describe(make_dataset("1.2.840.10008.1.2.4.94"))


def test_the_limit_of_pixels_is_the_callers(make_dataset):
    with pytest.raises(UnsupportedImageError, match="too large"):
        describe(make_dataset(), max_pixels=23)


def test_windows_that_make_no_sense_are_left_out(make_dataset):
    windows = (
        describe(
            make_dataset(
                WindowCenter=[40, 1, 0.5],
                WindowWidth=[400, 0, 0.5],
                WindowCenterWidthExplanation=["SOFT", "NONE", "FINE"],
            )
        )
        .attributes[0]
        .windows
    )
    assert windows == (
        Window(center=40, width=400, explanation="SOFT"),
        Window(center=0.5, width=0.5, function="LINEAR_EXACT", explanation="FINE"),
    )


def test_functional_groups_make_attributes_per_frame(make_dataset):
    shared = item(
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[0.5, 0.5], SliceThickness=3)]),
    )
    frames = [
        item(
            PlanePositionSequence=Sequence([item(ImagePositionPatient=[1, 2, z])]),
            PixelValueTransformationSequence=Sequence([item(RescaleSlope=z + 1, RescaleIntercept=-z, RescaleType="HU")]),
            FrameVOILUTSequence=Sequence([item(WindowCenter=z, WindowWidth=10, VOILUTFunction="SIGMOID")]),
        )
        for z in (0, 5)
    ]  # fmt: skip
    image = describe(
        make_dataset(
            NumberOfFrames=2,
            SharedFunctionalGroupsSequence=Sequence([shared]),
            PerFrameFunctionalGroupsSequence=Sequence(frames),
        )
    )
    second = image.frame(1)
    assert (second.plane.origin, second.spacing, second.thickness) == ((1, 2, 5), (0.5, 0.5), 3)
    assert (second.slope, second.intercept, image.rescale_type) == (6, -5, "HU")
    assert second.windows == (Window(center=5, width=10, function="SIGMOID"),)


def test_nuclear_slices_lie_along_the_normal(make_dataset):
    detector = item(ImagePositionPatient=[0, 0, 100], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    image = describe(
        make_dataset(
            NumberOfFrames=3,
            ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
            SpacingBetweenSlices=-4,
            SliceVector=[1, 2, 3],
            DetectorInformationSequence=Sequence([detector]),
        )
    )
    assert [image.frame(n).plane.origin[2] for n in range(3)] == [100, 96, 92]


@pytest.mark.parametrize("offsets", [[0, 5, 10], [-20, -15, -10]])
def test_dose_planes_lie_at_their_offsets_and_have_their_scaling(make_dataset, offsets):
    image = describe(
        make_dataset(
            NumberOfFrames=3,
            Modality="RTDOSE",
            ImagePositionPatient=[0, 0, -20],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            GridFrameOffsetVector=offsets,
            DoseGridScaling=0.001,
            DoseUnits="GY",
        )
    )
    assert [image.frame(n).plane.origin[2] for n in range(3)] == [-20, -15, -10]
    assert (image.attributes[0].slope, image.rescale_type) == (0.001, "GY")


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse"),
    [("MONOCHROME1", None, True), ("MONOCHROME1", "INVERSE", True), ("MONOCHROME2", "INVERSE", True),
     ("MONOCHROME2", "IDENTITY", False)],
)  # fmt: skip
def test_inversion_is_said_once(make_dataset, photometric, shape, inverse):
    more = {} if shape is None else {"PresentationLUTShape": shape}
    assert describe(make_dataset(PhotometricInterpretation=photometric, **more)).presentation_inverse is inverse


@pytest.mark.parametrize(
    ("representation", "value", "limit", "padding"),
    [(0, 0, None, (0, 0)), (1, 63536, None, (-2000, -2000)), (0, 4095, 4000, (4000, 4095))],
)
def test_padding_is_a_range_of_stored_values(make_dataset, representation, value, limit, padding):
    dataset = make_dataset(PixelRepresentation=representation)
    dataset.add_new("PixelPaddingValue", "US", value)
    if limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", "US", limit)
    assert describe(dataset).padding == padding


def table_item(descriptor, data, vr="OW"):
    dataset = Dataset()
    dataset.add_new("LUTDescriptor", "US", descriptor)
    dataset.add_new("LUTData", vr, data)
    return dataset


@pytest.mark.parametrize(
    ("data", "vr"),
    [(np.array([1, 2, 300], "<u2").tobytes(), "OW"), ([1, 2, 300], "US")],
)
def test_voi_tables_are_read_from_words_and_numbers(make_dataset, data, vr):
    (table,) = describe(make_dataset(VOILUTSequence=Sequence([table_item([3, 65535, 8], data, vr)]))).voi_luts
    assert entries(table) == [1, 2, 300]
    assert (table.first, table.bits) == (65535, 9)  # too few bits for its entries: corrected


def test_the_first_value_of_a_table_is_signed_where_values_are(make_dataset):
    sequence = Sequence([table_item([2, 64512, 8], b"\x01\x00\x02\x00")])
    image = describe(make_dataset(PixelRepresentation=1, ModalityLUTSequence=sequence))
    assert image.modality_lut.first == -1024


def test_tables_of_bytes_and_wrong_tables(make_dataset):
    bytes_table = table_item([4, 0, 8], b"\x01\x02\x03\x04")
    short = table_item([9, 0, 8], b"\x01\x02")
    image = describe(make_dataset(VOILUTSequence=Sequence([bytes_table, short, item(LUTExplanation="none")])))
    assert [entries(table) for table in image.voi_luts] == [[1, 2, 3, 4]]


def with_palette(dataset, data, *, segmented=False, entries=8, bits=16):
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [entries, 0, bits])
        prefix = "Segmented" if segmented else ""
        dataset.add_new(f"{prefix}{colour}PaletteColorLookupTableData", "OW", np.array(data, "<u2").tobytes())
    return dataset


def test_segmented_palettes_are_expanded(make_dataset):
    # Two entries, a ramp of four to 500, and the first segment again.
    image = describe(with_palette(make_dataset(), [0, 2, 100, 100, 1, 4, 500, 2, 1, 0, 0], segmented=True))
    assert entries(image.palette.red) == [100, 100, 200, 300, 400, 500, 100, 100]


@pytest.mark.parametrize("data", [[], [0], [1, 4, 500], [3, 1, 1], [0, 2, 1], [2, 65535, 0, 0], [0, 1, 1, 2, 9, 3, 0]])
def test_damaged_segments_are_refused(make_dataset, data):
    with pytest.raises(UnsupportedImageError, match="palette"):
        describe(with_palette(make_dataset(), data, segmented=True))


def test_a_palette_shorter_than_it_says_is_refused(make_dataset):
    with pytest.raises(UnsupportedImageError, match="red palette is shorter"):
        describe(with_palette(make_dataset(), [1, 2]))


def test_compression_and_cine_are_told(make_dataset):
    image = describe(
        make_dataset(
            NumberOfFrames=3,
            FrameTimeVector=[0, 40, 60],
            LossyImageCompression="01",
            LossyImageCompressionRatio=[4, 12.5],
        )
    )
    assert (image.lossy_ratio, image.frame_time) == (12.5, 50)
    assert describe(make_dataset("1.2.840.10008.1.2.4.50")).lossy_ratio == 0


def test_frames_of_reference_are_opaque(make_dataset):
    image = describe(make_dataset(FrameOfReferenceUID="1.2.3.4"))
    assert image.frame_of_reference
    assert "1.2.3.4" not in image.model_dump_json()
    assert image.space == describe(make_dataset(FrameOfReferenceUID="1.2.3.4")).space != ""
    assert describe(make_dataset()).space == ""


def test_values_that_cannot_be_read_count_as_absent(make_dataset):
    dataset = make_dataset()
    dataset.add_new("RescaleSlope", "LO", "many")
    dataset.add_new("WindowCenter", "LO", "x")
    dataset.add_new("ModalityLUTSequence", "LO", "no sequence")
    assert describe(dataset).attributes[0].slope == 1
