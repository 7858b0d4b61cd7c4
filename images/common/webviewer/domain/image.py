"""What must be known of a DICOM image to draw it, as small JSON-serialisable values.

Storage makes them once at ingest (parsing headers is the cost of opening a series) and render
reads them back; :mod:`webviewer.codecs` fills them from a data set.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Vector = tuple[float, float, float]
Box = tuple[int, int, int, int]
"""First column, first row, last column, last row; all four belong to it."""
BurntIn = Literal["yes", "no", "unstated"]
SpacingSource = Literal[
    "pixel",
    "fiducial",
    "geometry",
    "corrected",
    "unstated",
    "magnified",
    "imager",
    "film",
    "ultrasound",
    "none",
]
"""Where millimetres come from (PS3.3 10.7.1.3); of projections:

``fiducial`` and ``geometry`` are calibrations that the file states, ``corrected`` one whose kind it does not state, ``unstated``
may or may not be one; ``magnified`` is the detector's spacing divided by a stated estimate of the magnification; ``imager``
is measured at the detector, ``film`` on the film that was scanned.
"""


class Value(BaseModel):
    """Base of immutable values."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Plane(Value):
    """Where a frame lies in patient coordinates (LPS, mm; PS3.3 C.7.6.2).

    ``row`` points along increasing column index, ``column`` along increasing row index;
    ``origin`` is the centre of the first pixel.
    """

    origin: Vector
    row: Vector
    column: Vector


class Window(Value):
    """A VOI window in modality units (PS3.3 C.11.2.1.2)."""

    center: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"
    explanation: str = ""


class LookupTable(Value):
    """A modality, VOI or palette table (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5).

    ``data`` is base64 of little-endian uint16 entries; ``first`` is the first value mapped,
    ``bits`` the bit depth of the entries.
    """

    first: int
    bits: int
    data: str
    explanation: str = ""


class Palette(Value):
    """The three tables of PALETTE COLOR."""

    red: LookupTable
    green: LookupTable
    blue: LookupTable


class UltrasoundRegion(Value):
    """A part of an ultrasound picture that has scales of its own (PS3.3 C.8.5.5)."""

    box: Box
    form: Literal["2d", "m-mode", "spectral", "waveform", "other"]
    units: tuple[str, str]
    """Of the horizontal and the vertical axis: ``cm``, ``s``, ``Hz``, ``cm/s`` and others; empty where nothing is stated."""
    deltas: tuple[float, float]
    """Units per pixel to the right, and downwards; 0 where there is no unit."""
    in_front: bool = False
    """Where regions overlap, its pixels are the ones to be seen (RegionFlags, bit 0)."""
    reference: tuple[float, float] | None = None
    """A row of the picture, and what the vertical axis says there."""


class FrameAttributes(Value):
    """What may differ from frame to frame: shared functional groups are repeated by reference."""

    plane: Plane | None = None
    spacing: tuple[float, float] | None = None
    """Millimetres between rows, and between columns."""
    thickness: float | None = None
    slope: float = 1.0
    intercept: float = 0.0
    windows: tuple[Window, ...] = ()


class ImageDescription(Value):
    """Everything but the pixels."""

    rows: int
    columns: int
    frames: int = 1
    samples: int = 1
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool = False
    floating: bool = False
    """Float or Double Float Pixel Data."""
    photometric: str
    planar: int = 0
    attributes: tuple[FrameAttributes, ...]
    """One entry when all frames share it, else one per frame."""
    spacing_source: SpacingSource = "none"
    regions: tuple[UltrasoundRegion, ...] = ()
    """Of an ultrasound picture: within them lengths are theirs, beside them there are none."""
    pixel_aspect: tuple[float, float] = (1.0, 1.0)
    """Height to width of a pixel where no spacing is known."""
    modality_lut: LookupTable | None = None
    voi_luts: tuple[LookupTable, ...] = ()
    palette: Palette | None = None
    presentation_inverse: bool = False
    """Low values are bright: MONOCHROME1, or a Presentation LUT Shape of INVERSE."""
    padding: tuple[int, int] | None = None
    """Range of stored values that is background (PixelPaddingValue, PixelPaddingRangeLimit)."""
    rescale_type: str = ""
    suv_factor: float | None = None
    """PET: what modality values are multiplied with to be SUVbw in g/ml; slopes and windows do not contain it."""
    lossy_ratio: float | None = None
    """Compression ratio of the source; 0 where lossy without a stated ratio."""
    frame_time: float | None = None
    """Milliseconds per frame for cine."""
    frame_of_reference: bool = False
    burnt_in: BurntIn | None = None
    """Whether the pixels name the patient (BurnedInAnnotation); null in descriptions of former releases."""
    visible: tuple[Box, ...] | None = None
    """The only parts that may be shown; null: all. Set for anonymised sessions (:mod:`webviewer.codecs.burnt_in`)."""
    space: str = ""
    """Opaque key of the frame of reference (never its UID): coordinates of equal keys may be compared."""

    def frame(self, index: int) -> FrameAttributes:
        """Return the attributes of frame ``index`` (from 0)."""
        return self.attributes[index if len(self.attributes) > 1 else 0]


class FrameTable(Value):
    """Where the encoded pixels of each frame lie in the stored file, in bytes from its start.

    Exactly one of the three forms holds: ``native`` = (offset, bytes per frame) of uncompressed
    data; ``fragments`` = per frame its (offset, length) pieces; ``whole_file`` = the file has to be
    inflated first (Deflated Explicit VR Little Endian).
    """

    native: tuple[int, int] | None = None
    fragments: tuple[tuple[tuple[int, int], ...], ...] = ()
    whole_file: bool = False

    def ranges(self, frame: int) -> tuple[tuple[int, int], ...]:
        """Byte ranges of frame ``frame`` (from 0), in order."""
        if self.native is not None:
            offset, length = self.native
            return ((offset + frame * length, length),)
        return self.fragments[frame]
