"""Where millimetres come from: of slices, of projections and films, of ultrasound regions."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    XRayAngiographicImageStorage,
)

from webviewer.codecs.description import describe
from webviewer.sample.duplex import SPECTRUM, TISSUE, Region


@pytest.mark.parametrize(
    ("attributes", "spacing", "source"),
    [
        ({}, None, "none"),
        ({"PixelSpacing": [0.5, 0.25]}, (0.5, 0.25), "pixel"),
        ({"PixelSpacing": [0, 0.5]}, None, "none"),
        ({"SOPClassUID": CTImageStorage, "PixelSpacing": [0.5, 0.5], "Modality": "CT"}, (0.5, 0.5), "pixel"),
        # What a file calls calibrated.
        ({"PixelSpacing": [0.5, 0.25], "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.5, 0.25), "fiducial"),
        ({"PixelSpacing": [0.5, 0.25], "PixelSpacingCalibrationType": "GEOMETRY"}, (0.5, 0.25), "geometry"),
        (
            {"PixelSpacing": [0.5, 0.5], "ImagerPixelSpacing": [0.5, 0.5], "PixelSpacingCalibrationType": "FIDUCIAL"},
            (0.5, 0.5),
            "fiducial",
        ),
        ({"PixelSpacing": [0.4, 0.4], "ImagerPixelSpacing": [0.5, 0.5]}, (0.4, 0.4), "corrected"),
        # What is measured at the detector.
        ({"PixelSpacing": [0.5, 0.5], "ImagerPixelSpacing": [0.5, 0.5]}, (0.5, 0.5), "imager"),
        ({"ImagerPixelSpacing": [0.15, 0.15]}, (0.15, 0.15), "imager"),
        (
            {"ImagerPixelSpacing": [0.15, 0.3], "EstimatedRadiographicMagnificationFactor": 1.5},
            (0.1, 0.2),
            "magnified",
        ),
        (
            {
                "PixelSpacing": [0.15, 0.3],
                "ImagerPixelSpacing": [0.15, 0.3],
                "EstimatedRadiographicMagnificationFactor": 1.5,
            },
            (0.1, 0.2),
            "magnified",
        ),
        ({"ImagerPixelSpacing": [0.15, 0.15], "EstimatedRadiographicMagnificationFactor": 0.5}, (0.15, 0.15), "imager"),
        ({"ImagerPixelSpacing": [0.15, 0.15], "EstimatedRadiographicMagnificationFactor": 99}, (0.15, 0.15), "imager"),
        (
            {
                "PixelSpacing": [0.12, 0.12],
                "PixelSpacingCalibrationType": "GEOMETRY",
                "ImagerPixelSpacing": [0.15, 0.15],
                "EstimatedRadiographicMagnificationFactor": 1.5,
            },
            (0.12, 0.12),
            "geometry",
        ),
        # A projection whose file does not say what its spacing is.
        ({"SOPClassUID": ComputedRadiographyImageStorage, "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "unstated"),
        ({"SOPClassUID": DigitalXRayImageStorageForPresentation, "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "unstated"),
        ({"SOPClassUID": XRayAngiographicImageStorage, "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "unstated"),
        ({"Modality": "CR", "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "unstated"),
        # Films.
        ({"NominalScannedPixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "film"),
        ({"NominalScannedPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "film"),
        ({"NominalScannedPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "corrected"),
        (
            {"NominalScannedPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.2, 0.2], "ImagePositionPatient": [0, 0, 0]},
            (0.2, 0.2),
            "pixel",
        ),
        (
            {"NominalScannedPixelSpacing": [0.1, 0.1], "EstimatedRadiographicMagnificationFactor": 2},
            (0.1, 0.1),
            "film",
        ),
        ({"ConversionType": "DF", "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "unstated"),
    ],
)
def test_spacing_tells_where_it_comes_from(make_dataset, attributes, spacing, source):
    image = describe(make_dataset(**attributes))
    assert image.attributes[0].spacing == (spacing and pytest.approx(spacing))
    assert image.spacing_source == source


def test_enhanced_angiography_is_measured_at_the_detector(make_dataset):
    properties, shared = Dataset(), Dataset()
    properties.ImagerPixelSpacing = [0.3, 0.3]
    shared.FramePixelDataPropertiesSequence = Sequence([properties])
    image = describe(make_dataset(SharedFunctionalGroupsSequence=Sequence([shared])))
    assert (image.attributes[0].spacing, image.spacing_source) == ((0.3, 0.3), "imager")


# ---------------------------------------------------------------- ultrasound

FINER = Region((40, 20, 599, 279), 1, 1, (3, 3), (0.02, 0.02))
GREY_BAR = Region((10, 20, 30, 200), 0, 13, (0, 0), (0.0, 0.0))
CURVE = Region((40, 250, 599, 279), 4, 10, (4, 0), (0.01, 0.0))
UNKNOWN_UNITS = Region((40, 20, 599, 279), 1, 1, (77, 3), (0.02, 0.02))
LARGER = Region((40, 20, 699, 279), 1, 1, (3, 3), (0.02, 0.02))


def ultrasound(make_dataset, *regions, **more):
    size = {"Rows": 480, "Columns": 640, "SequenceOfUltrasoundRegions": Sequence([each.item() for each in regions])}
    return describe(make_dataset(**(size | more)))


@pytest.mark.parametrize(
    ("regions", "spacing"),
    [
        ((TISSUE,), (0.25, 0.25)),
        ((TISSUE, TISSUE), (0.25, 0.25)),
        ((TISSUE, GREY_BAR), (0.25, 0.25)),
        ((TISSUE, CURVE), (0.25, 0.25)),
        ((TISSUE, FINER), None),
        ((TISSUE, SPECTRUM), None),
        ((SPECTRUM,), None),
        ((UNKNOWN_UNITS,), None),
    ],
)
def test_a_picture_as_a_whole_has_the_spacing_that_holds_everywhere(make_dataset, regions, spacing):
    image = ultrasound(make_dataset, *regions)
    assert (image.attributes[0].spacing, image.spacing_source) == (spacing, "ultrasound")


def test_regions_are_kept_with_their_axes_and_bars_are_not(make_dataset):
    tissue, spectrum = ultrasound(make_dataset, TISSUE, SPECTRUM, GREY_BAR).regions
    assert (tissue.form, tissue.box, tissue.units, tissue.deltas) == (
        "2d", (40, 20, 599, 279), ("cm", "cm"), (0.025, 0.025),
    )  # fmt: skip
    assert (spectrum.form, spectrum.units, spectrum.deltas) == ("spectral", ("s", "cm/s"), (0.005, -1.25))
    assert spectrum.reference == (400, 0)
    assert ultrasound(make_dataset, UNKNOWN_UNITS).regions[0].units == ("", "cm")


def test_a_spacing_beside_regions_says_nothing(make_dataset):
    image = ultrasound(make_dataset, SPECTRUM, PixelSpacing=[0.5, 0.5])
    assert (image.attributes[0].spacing, image.spacing_source) == (None, "ultrasound")


@pytest.mark.parametrize("regions", [(LARGER,), (TISSUE, LARGER)])
def test_regions_of_a_picture_that_was_cut_or_made_smaller_are_not_believed(make_dataset, regions):
    image = ultrasound(make_dataset, *regions, PixelSpacing=[0.5, 0.5])
    assert (image.attributes[0].spacing, image.spacing_source, image.regions) == (None, "none", ())


def test_a_region_that_counts_from_one_is_believed(make_dataset):
    image = ultrasound(make_dataset, Region((1, 1, 640, 480), 1, 1, (3, 3), (0.02, 0.02)))
    assert image.regions[0].box == (1, 1, 639, 479)


@pytest.mark.parametrize(
    "broken",
    [
        {"RegionLocationMinX0": None},
        {"RegionLocationMinX0": 700, "RegionLocationMaxX1": 60},
        {"RegionLocationMinX0": "x"},
        {"PhysicalDeltaX": float("nan")},
        {"PhysicalDeltaX": 0.0, "PhysicalDeltaY": 1e30},
        {"PhysicalUnitsXDirection": None, "PhysicalUnitsYDirection": None},
    ],
)
def test_a_region_with_wrong_numbers_gives_no_millimetres(make_dataset, broken):
    item = TISSUE.item()
    for keyword, value in broken.items():
        if value is None:
            delattr(item, keyword)
        elif isinstance(value, str):
            item.add_new(keyword, "LO", value)
        else:
            setattr(item, keyword, value)
    image = describe(make_dataset(Rows=480, Columns=640, SequenceOfUltrasoundRegions=Sequence([item])))
    assert image.attributes[0].spacing is None
