"""The factor to SUVbw, by numbers worked out by hand."""

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from webviewer.codecs.description import describe
from webviewer.codecs.uptake import suv_factor

PLAIN = 70_000 / 400e6
"""70 kg and 400 MBq without decay: g/ml for every Bq/ml."""
DRUG = {"RadionuclideTotalDose": 400e6, "RadionuclideHalfLife": 6000.0, "RadiopharmaceuticalStartTime": "090000"}


@pytest.fixture
def pet(make_dataset):
    """Return a function that makes a PET image whose scan begins 6000 s, one half life, after the injection."""

    def make(drug=None, **changes):
        information = Dataset()
        for keyword, value in (DRUG | (drug or {})).items():
            if value is not None:
                setattr(information, keyword, value)
        plain = {
            "Modality": "PT", "Units": "BQML", "PatientWeight": 70, "DecayCorrection": "START",
            "CorrectedImage": ["NORM", "ATTN", "DECY"], "SeriesDate": "20260301", "SeriesTime": "104000",
            "AcquisitionDate": "20260301", "AcquisitionTime": "104000.000", "RescaleSlope": 2, "RescaleIntercept": 0,
            "ActualFrameDuration": 120_000,
            "RadiopharmaceuticalInformationSequence": Sequence([information]),
        }  # fmt: skip
        return make_dataset(**{name: value for name, value in (plain | changes).items() if value is not None})

    return make


def test_half_of_the_dose_is_left_after_a_half_life(pet):
    assert suv_factor(pet()) == pytest.approx(2 * PLAIN)
    assert PLAIN == 1.75e-4


def test_later_beds_are_corrected_to_the_start_of_the_scan_too(pet):
    assert suv_factor(pet(AcquisitionTime="105500")) == pytest.approx(2 * PLAIN)


def test_pixels_corrected_to_the_injection_need_no_times(pet):
    drug = {"RadiopharmaceuticalStartTime": None, "RadionuclideHalfLife": None}
    assert suv_factor(pet(drug, DecayCorrection="ADMIN")) == pytest.approx(PLAIN)


def test_uncorrected_pixels_count_when_their_frame_had_its_mean_rate(pet):
    """A frame as long as its half life: x = ln 2, the mean rate is that of ln(ln 2 / 0.5) / ln 2 = 0.47123 half lives."""
    dataset = pet(DecayCorrection="NONE", CorrectedImage=["NORM", "ATTN"], ActualFrameDuration=6_000_000)
    assert suv_factor(dataset) == pytest.approx(PLAIN * 2 ** (1 + 0.4712336), rel=1e-6)


def test_a_date_tells_the_day_of_the_injection(pet):
    drug = {"RadiopharmaceuticalStartDateTime": "20260228104000", "RadionuclideHalfLife": 86_400.0}
    assert suv_factor(pet(drug)) == pytest.approx(2 * PLAIN)


def test_zones_are_taken_into_account_where_both_are_known(pet):
    drug = {"RadiopharmaceuticalStartDateTime": "20260301080000.000000+0100"}
    assert suv_factor(pet(drug, TimezoneOffsetFromUTC="+0200")) == pytest.approx(2 * PLAIN)
    drug = {"RadiopharmaceuticalStartDateTime": "20260301090000+0100"}
    assert suv_factor(pet(drug)) == pytest.approx(2 * PLAIN)


def test_an_injection_before_midnight_was_on_the_day_before(pet):
    drug = {"RadiopharmaceuticalStartTime": "233000.5"}
    dataset = pet(drug, SeriesTime="011000.5", AcquisitionTime="011000.5")
    assert suv_factor(dataset) == pytest.approx(2 * PLAIN)


def test_a_series_made_later_is_timed_by_its_frames(pet):
    """A bed of 10 s that begins 600 s into the scan; its mean rate is at 4.9990 s."""
    times = {"SeriesTime": "180000", "AcquisitionTime": "105000", "ActualFrameDuration": 10_000}
    assert suv_factor(pet(**times, FrameReferenceTime=604_999.04)) == pytest.approx(2 * PLAIN, rel=1e-7)
    assert suv_factor(pet(**times)) is None
    dataset = pet(**times)
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20260301104000.00")
    assert suv_factor(dataset) == pytest.approx(2 * PLAIN)


def test_values_in_g_per_ml_are_uptake_already(pet):
    assert suv_factor(pet(Units="GML")) == 1
    assert suv_factor(pet(Units="GML", SUVType="BW", RadiopharmaceuticalInformationSequence=None)) == 1
    lean = pet(Units="GML", SUVType="LBM")
    assert suv_factor(lean) is None
    assert describe(lean).rescale_type == "SUVlbm g/ml"


def test_counts_have_factors_of_the_vendor(pet):
    dataset = pet(Units="CNTS")
    assert suv_factor(dataset) is None
    block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x09, "DS", "3.0")
    assert suv_factor(dataset) == pytest.approx(3 * 2 * PLAIN)
    block.add_new(0x00, "DS", "0.000551")
    assert suv_factor(dataset) == 0.000551


@pytest.mark.parametrize(
    ("drug", "changes"),
    [
        ({}, {"Modality": "NM"}),
        ({}, {"Units": "PROPCNTS"}),
        ({}, {"PatientWeight": None}),
        ({}, {"PatientWeight": 0}),
        ({}, {"PatientWeight": 70_000}),
        ({}, {"CorrectedImage": ["NORM", "DECY"]}),
        ({}, {"CorrectedImage": ["ATTN"]}),
        ({}, {"DecayCorrection": "NONE"}),
        ({}, {"DecayCorrection": "SOMETIMES"}),
        ({}, {"SeriesTime": "256199"}),
        ({}, {"SeriesDate": None}),
        ({}, {"AcquisitionTime": None}),
        ({}, {"RadiopharmaceuticalInformationSequence": None}),
        ({"RadionuclideTotalDose": 400.0}, {}),
        ({"RadionuclideTotalDose": None}, {}),
        ({"RadionuclideHalfLife": 0}, {}),
        ({"RadiopharmaceuticalStartTime": None}, {}),
        ({"RadiopharmaceuticalStartDateTime": "20260302090000"}, {}),
        ({"RadiopharmaceuticalStartDateTime": "20260101090000"}, {}),
        ({"RadionuclideHalfLife": 282_240.0}, {}),
    ],
)
def test_what_is_missing_or_contradicts_itself_gives_no_factor(pet, drug, changes):
    assert suv_factor(pet(drug, **changes)) is None


def test_two_drugs_cannot_be_told_apart(pet):
    dataset = pet()
    dataset.RadiopharmaceuticalInformationSequence.append(dataset.RadiopharmaceuticalInformationSequence[0])
    assert suv_factor(dataset) is None


def test_the_description_keeps_the_scale_of_the_file_beside_the_factor(pet):
    image = describe(pet())
    assert image.suv_factor == pytest.approx(2 * PLAIN)
    assert (image.attributes[0].slope, image.rescale_type) == (2, "BQML")


@pytest.mark.real_data
def test_a_real_pet_image_has_the_factor_of_its_header(real_data):
    """69.7344 kg, 178.34 MBq at 14:17:00, scanned from 15:23:16.921, half life 6586.2 s: 0.65801 of the dose is left."""
    image = describe(dcmread(real_data / "tcia_pt" / "pt_029.dcm", stop_before_pixels=True))
    left = 0.5 ** (3976.921 / 6586.2)
    assert left == pytest.approx(0.65801, abs=1e-5)
    assert image.suv_factor == pytest.approx(69_734.4 / (178_340_011.59668 * left))
    assert image.suv_factor == pytest.approx(5.942e-4, rel=1e-3)
