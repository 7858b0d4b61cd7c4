"""From a data set to an :class:`~webviewer.domain.image.ImageDescription`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian

from webviewer.codecs import attributes
from webviewer.codecs.burnt_in import read_annotation
from webviewer.codecs.functional_groups import frame_attributes
from webviewer.codecs.lookup_tables import read_palette, read_table
from webviewer.codecs.spacing import read_aspect, read_spacing
from webviewer.codecs.syntaxes import ALWAYS_LOSSY, is_video, supported
from webviewer.codecs.ultrasound import read_regions
from webviewer.codecs.uptake import suv_factor
from webviewer.domain.image import FrameAttributes, ImageDescription, LookupTable
from webviewer.errors import UnsupportedImageError
from webviewer.reasons import Reason, Why

MAX_PIXELS = 512 * 1000 * 1000
_SAMPLES = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_422": 3,
    "YBR_PARTIAL_420": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "XYB": 3,
}
_UPTAKE_UNITS = {"LBM": "SUVlbm g/ml", "LBMJAMES128": "SUVlbm g/ml", "LBMJANMA": "SUVlbm g/ml", "IBW": "SUVibw g/ml"}
_ALLOCATED = (1, 8, 16, 32, 64)


@dataclass(frozen=True)
class _Pixels:
    """The attributes of the Image Pixel module that decide how bytes become samples."""

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    floating: bool


def describe(dataset: Dataset, max_pixels: int = MAX_PIXELS) -> ImageDescription:
    """Describe the image of ``dataset``, as :func:`webviewer.codecs.header.read_header` returns it.

    ``max_pixels`` limits the pixels of one frame. Raises UnsupportedImageError, saying why, for objects without
    pixels, transfer syntaxes that cannot be decoded, and images whose attributes contradict each other.
    """
    syntax = str(getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", ""))
    if is_video(syntax):
        _refuse(Why.VIDEO())
    pixels = _pixels(dataset, max_pixels)
    reason = supported(syntax) if syntax else None
    if reason is not None:
        _refuse(reason)
    little = syntax != ExplicitVRBigEndian
    regions = read_regions(dataset, pixels.rows, pixels.columns)
    spacing, source = read_spacing(dataset, regions)
    frames = frame_attributes(dataset, pixels.frames, spacing)
    if frames[0].spacing != spacing:
        source = "pixel"
    frame_of_reference = attributes.text(dataset, "FrameOfReferenceUID")
    modality_lut = _modality_table(dataset, pixels, little=little)
    voi_luts = _voi_tables(dataset, frames, pixels, little=little)
    return ImageDescription(
        rows=pixels.rows,
        columns=pixels.columns,
        frames=pixels.frames,
        samples=pixels.samples,
        bits_allocated=pixels.bits_allocated,
        bits_stored=pixels.bits_stored,
        high_bit=pixels.high_bit,
        signed=pixels.signed,
        floating=pixels.floating,
        photometric=pixels.photometric,
        planar=attributes.integer(dataset, "PlanarConfiguration") or 0,
        attributes=frames,
        spacing_source=source,
        regions=regions or (),
        pixel_aspect=read_aspect(dataset),
        modality_lut=modality_lut,
        voi_luts=voi_luts,
        palette=_palette(dataset, pixels, little=little),
        presentation_inverse=_is_inverse(dataset, pixels.photometric),
        padding=_padding(dataset, pixels),
        rescale_type=_unit(dataset),
        # Tables are of the values of the file.
        suv_factor=suv_factor(dataset) if modality_lut is None and not voi_luts else None,
        lossy_ratio=_lossy_ratio(dataset, syntax),
        frame_time=_frame_time(dataset) if pixels.frames > 1 else None,
        frame_of_reference=bool(frame_of_reference),
        burnt_in=read_annotation(dataset),
        space=_space_key(frame_of_reference),
    )


def _refuse(reason: Reason) -> None:
    raise UnsupportedImageError(reason)


def _whole(dataset: Dataset, keyword: str, low: int, high: int) -> int:
    value = attributes.integer(dataset, keyword)
    if value is None or not low <= value <= high:
        stated = attributes.text(dataset, keyword)[:16]
        is_missing = value is None and not stated
        _refuse(
            Why.ATTRIBUTE_MISSING(attribute=keyword)
            if is_missing
            else Why.ATTRIBUTE_WRONG(attribute=keyword, value=stated)
        )
        raise AssertionError
    return value


def _pixels(dataset: Dataset, max_pixels: int) -> _Pixels:
    if "Rows" not in dataset and "Columns" not in dataset and "BitsAllocated" not in dataset:
        _refuse(Why.NO_PICTURE())
    rows = _whole(dataset, "Rows", 1, 0xFFFF)
    columns = _whole(dataset, "Columns", 1, 0xFFFF)
    if rows * columns > max_pixels:
        _refuse(Why.PICTURE_LARGE(columns=columns, rows=rows, limit=max_pixels // 10**6))
    frames = 1
    if attributes.text(dataset, "NumberOfFrames"):
        frames = _whole(dataset, "NumberOfFrames", 1, 0x7FFFFFFF)
    photometric, samples = _photometric(dataset)
    allocated = _whole(dataset, "BitsAllocated", 1, 64)
    if allocated not in _ALLOCATED:
        _refuse(Why.BITS_UNKNOWN(bits=allocated))
    floating = allocated >= 32 and "BitsStored" not in dataset  # noqa: PLR2004
    stored = allocated if floating else attributes.integer(dataset, "BitsStored") or allocated
    high = attributes.integer(dataset, "HighBit")
    high = stored - 1 if high is None or floating else high
    if not (1 <= stored <= allocated and stored - 1 <= high < allocated):
        _refuse(Why.BITS_CONTRADICT(allocated=allocated, stored=stored, high=high))
    if samples > 1 and allocated not in {8, 16}:
        _refuse(Why.COLOUR_BITS(bits=allocated))
    signed = not floating and samples == 1 and attributes.integer(dataset, "PixelRepresentation") == 1
    return _Pixels(rows, columns, frames, samples, photometric, allocated, stored, high, signed, floating)


def _photometric(dataset: Dataset) -> tuple[str, int]:
    samples = attributes.integer(dataset, "SamplesPerPixel")
    photometric = attributes.text(dataset, "PhotometricInterpretation").upper()
    if not photometric:
        photometric = "RGB" if samples == 3 else "MONOCHROME2"  # noqa: PLR2004
    if photometric not in _SAMPLES:
        _refuse(Why.PHOTOMETRIC_UNKNOWN(photometric=photometric[:16]))
    expected = _SAMPLES[photometric]
    if samples is not None and samples != expected:
        _refuse(Why.SAMPLES_WRONG(photometric=photometric, expected=expected, samples=samples))
    return photometric, expected


def _stored_range(pixels: _Pixels) -> tuple[int, int]:
    low = -(1 << (pixels.bits_stored - 1)) if pixels.signed else 0
    return low, low + (1 << pixels.bits_stored) - 1


def _modality_table(dataset: Dataset, pixels: _Pixels, *, little: bool) -> LookupTable | None:
    sequence = attributes.item(dataset, "ModalityLUTSequence")
    if sequence is None or pixels.samples != 1 or pixels.floating:
        return None
    return read_table(sequence, signed=pixels.signed, little=little)


def _voi_tables(
    dataset: Dataset, frames: tuple[FrameAttributes, ...], pixels: _Pixels, *, little: bool
) -> tuple[LookupTable, ...]:
    if pixels.samples != 1:
        return ()
    low = _stored_range(pixels)[0] * frames[0].slope + frames[0].intercept
    tables = (
        read_table(sequence, signed=low < 0, little=little) for sequence in attributes.items(dataset, "VOILUTSequence")
    )
    return tuple(table for table in tables if table is not None)


def _palette(dataset: Dataset, pixels: _Pixels, *, little: bool) -> object:
    """Read the palette of PALETTE COLOR, or the supplemental one that colours the upper values of grey images."""
    supplemental = pixels.photometric == "MONOCHROME2" and "RedPaletteColorLookupTableDescriptor" in dataset
    if pixels.photometric != "PALETTE COLOR" and not supplemental:
        return None
    palette = read_palette(dataset, little=little)
    if palette is None and not supplemental:
        _refuse(Why.PALETTE_MISSING())
    return palette


def _is_inverse(dataset: Dataset, photometric: str) -> bool:
    """C.11.6.1.2: MONOCHROME1 and the shape INVERSE say the same, once."""
    if photometric == "MONOCHROME1":
        return True
    return photometric == "MONOCHROME2" and attributes.text(dataset, "PresentationLUTShape").upper() == "INVERSE"


def _padding(dataset: Dataset, pixels: _Pixels) -> tuple[int, int] | None:
    if pixels.samples != 1 or pixels.floating:
        return None
    first = attributes.integer(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = attributes.integer(dataset, "PixelPaddingRangeLimit")
    ends = sorted(_as_stored(value, pixels) for value in (first, first if last is None else last))
    return ends[0], ends[1]


def _as_stored(value: int, pixels: _Pixels) -> int:
    """Read a US value of a signed image as what it stands for, and the other way round."""
    modulus = 1 << pixels.bits_allocated
    value %= modulus
    return value - modulus if pixels.signed and value >= modulus // 2 else value


def _unit(dataset: Dataset) -> str:
    """Return the unit of modality values; ``US`` (unspecified) is none."""
    modality = attributes.text(dataset, "Modality")
    # Units says what the values of PET are (PS3.3 C.8.9.1); the type of rescaling repeats it at best.
    stated = attributes.text(dataset, "Units") if modality == "PT" else ""
    if stated.upper() == "GML":
        stated = _UPTAKE_UNITS.get(attributes.text(dataset, "SUVType").upper(), stated)
    stated = stated or attributes.text(dataset, "RescaleType")
    if not stated:
        shared = attributes.item(dataset, "SharedFunctionalGroupsSequence")
        frames = attributes.items(dataset, "PerFrameFunctionalGroupsSequence")
        for groups in ([shared] if shared is not None else []) + frames[:1]:
            transformation = attributes.item(groups, "PixelValueTransformationSequence")
            if transformation is not None:
                stated = stated or attributes.text(transformation, "RescaleType")
    if not stated:
        table = attributes.item(dataset, "ModalityLUTSequence")
        stated = attributes.text(table, "ModalityLUTType") if table is not None else ""
    if not stated and modality == "RTDOSE":
        stated = attributes.text(dataset, "DoseUnits")
    if not stated and modality == "CT" and "RescaleIntercept" in dataset:
        stated = "HU"
    return "" if stated.upper() == "US" else stated


def _lossy_ratio(dataset: Dataset, syntax: str) -> float | None:
    lossy = attributes.text(dataset, "LossyImageCompression") == "01" or syntax in ALWAYS_LOSSY
    if not lossy:
        return None
    ratios = attributes.numbers(dataset, "LossyImageCompressionRatio")
    return ratios[-1] if ratios and ratios[-1] > 0 else 0.0


def _frame_time(dataset: Dataset) -> float | None:
    rate = attributes.number(dataset, "RecommendedDisplayFrameRate") or attributes.number(dataset, "CineRate")
    time = attributes.number(dataset, "FrameTime")
    steps = attributes.numbers(dataset, "FrameTimeVector")[1:]
    if time is None and steps:
        time = sum(steps) / len(steps)
    if rate is not None and rate > 0:
        time = 1000 / rate
    return time if time is not None and 0.1 <= time <= 60_000 else None  # noqa: PLR2004


def _space_key(uid: str) -> str:
    return hashlib.sha256(f"space:{uid}".encode()).hexdigest()[:16] if uid else ""
