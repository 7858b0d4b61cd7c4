"""Why an object was not stored, or has no picture: one English sentence per cause, which pages say in their language."""

from __future__ import annotations

from enum import Enum, unique

from pydantic import BaseModel, ConfigDict


class Reason(BaseModel):
    """A cause with its values. Pages translate ``code`` and put ``values`` into their own sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    values: dict[str, int | str] = {}

    @property
    def text(self) -> str:
        """The English sentence."""
        return Why[self.code.upper()].value.format_map(self.values)


@unique
class Why(Enum):
    """All causes. The name in lower case is the code; ``Why.X(value=1)`` makes the reason.

    Attributes are named by their DICOM keyword, which is the same in every language.
    """

    # The header
    FILE_EMPTY = "the file is empty"
    NO_DICOM_FILE = "this is not a DICOM file (no DICM mark)"
    NO_DICOM_DATA = "the data set is not DICOM"
    MEDIA_DIRECTORY = "DICOMDIR is an index of other files; it is not stored"
    HEADER_DAMAGED = "the header is damaged"
    HEADER_NAMELESS = "the header is damaged: neither SOP class, modality nor study is readable"
    HEADER_NESTED = "sequences are nested too deep"
    HEADER_ELEMENTS = "the header has more elements than any real object's"
    HEADER_LARGE = "the header is larger than any real object's"
    HEADER_CUT = "the file ends in the middle of its header"
    ELEMENT_CUT = "the file ends inside element {element}: {length} bytes are announced, {left} left"
    DEFLATED_CUT = "the deflated data end early"
    DEFLATED_DAMAGED = "the deflated data are damaged"
    DEFLATED_LARGE = "the deflated data inflate to more than {limit} MB"
    UID_MISSING = "{attribute} is missing"
    UID_WRONG = "{attribute} has characters other than digits and dots, or more than 64"

    # The pixels
    PIXELS_NO_LENGTH = "the pixel data of an uncompressed object have no length"
    PIXELS_NOT_ENCAPSULATED = "the pixel data are not encapsulated although the transfer syntax asks for it"
    PIXELS_REPRESENTATION = "the pixel data element has a wrong value representation"
    PIXELS_CUT = "the pixel data end early: {available} of {needed} bytes, {complete} of {frames} frames are there"
    PIXELS_ITEM = "the pixel data are damaged: an item is expected and something else found"
    FRAGMENT_CUT = "the pixel data end early: a fragment announces {length} bytes, {left} are left"
    FRAGMENTS_MANY = "the pixel data have too many fragments"
    FRAGMENTS_MIXED = (
        "{fragments} fragments cannot be shared out to {frames} frames: the offset table is missing or wrong"
    )
    OFFSETS_LARGE = "the offset table of the pixel data is too large"
    FRAMES_MISSING = "the pixel data end early: {complete} of {frames} frames are there"

    # What contradicts the announcement, or what is stored already
    ANNOUNCED_INSTANCE = "its SOP instance UID differs from the one that the sender announced"
    ANNOUNCED_CLASS = "its SOP class differs from the one that the sender announced"
    INSTANCE_DIFFERS = "its SOP instance UID is stored already with other content; the first one was kept"
    INSTANCE_ELSEWHERE = "its SOP instance UID belongs to an object of another study; the first one was kept"
    SERIES_ELSEWHERE = "its series UID belongs to a series of another study"
    PATIENT_DIFFERS = "its study UID belongs to a study of another patient ID"

    # Uploads and archives
    OBJECT_LARGE = "the object is larger than {limit} bytes"
    NOT_INDEXED = "the index did not take the object: send it again, and see the server's log if that fails too"
    DATABASE_AWAY = "the database does not answer: try again in a moment"
    DIGEST_DIFFERS = "the content does not match its digest: send the file again"
    STORAGE_FULL = "the storage volume is full: delete studies or enlarge it"
    INTERNAL = "internal error; see the server's log"
    ARCHIVE_DAMAGED = "the archive is damaged"
    ARCHIVE_MANY = "the archive holds more than {limit} files"
    ARCHIVE_LARGE = "the files of the archive are too large together"
    MEMBER_ENCRYPTED = "it is encrypted"
    MEMBER_SUSPICIOUS = "it inflates to a suspicious size"
    MEMBER_NESTED = "archives inside archives are opened one level deep"
    MEMBER_DAMAGED = "it is damaged inside the archive"

    # Stored, but without a picture
    NO_PICTURE = "the object has no picture"
    NO_PIXELS = "the object has no pixel data"
    VIDEO = "this is a video"
    MAY_SHOW_NAMES = "it may show names burnt into the picture; ask for a link that is not anonymised"
    SYNTAX_UNKNOWN = "the transfer syntax {syntax} cannot be decoded"
    SYNTAX_OLD_JPEG = "hierarchical and arithmetic JPEG cannot be decoded"
    SYNTAX_JPEG_2000_PART_2 = "JPEG 2000 Part 2 cannot be decoded"
    SYNTAX_JPIP = "JPIP, whose pixels lie on another server, cannot be decoded"
    ATTRIBUTE_MISSING = "{attribute} is not stated"
    ATTRIBUTE_WRONG = "{attribute} cannot be {value}"
    PICTURE_LARGE = "the picture is too large: {columns} x {rows} pixels, the limit is {limit} million"
    BITS_UNKNOWN = "{bits} bits per sample cannot be shown"
    BITS_CONTRADICT = (
        "the bits of a sample contradict each other: {allocated} allocated, {stored} stored, high bit {high}"
    )
    COLOUR_BITS = "colour with {bits} bits per sample cannot be shown"
    PHOTOMETRIC_UNKNOWN = "the photometric interpretation {photometric} cannot be shown"
    SAMPLES_WRONG = "{photometric} has {expected} samples per pixel, the object says {samples}"
    PALETTE_MISSING = "the palette is missing"
    PALETTE_RED_SHORT = "the red palette is shorter than it says"
    PALETTE_GREEN_SHORT = "the green palette is shorter than it says"
    PALETTE_BLUE_SHORT = "the blue palette is shorter than it says"

    def __call__(self, **values: int | str) -> Reason:
        """Return the reason with its values."""
        return Reason(code=self.name.lower(), values=values)
