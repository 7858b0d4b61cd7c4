"""The transfer syntaxes and whether their pixels can be decoded (PS3.5 section 10, annex A)."""

from __future__ import annotations

from typing import Final

from webviewer.reasons import Reason, Why

IMPLICIT_LE: Final = "1.2.840.10008.1.2"
EXPLICIT_LE: Final = "1.2.840.10008.1.2.1"
ENCAPSULATED_NATIVE: Final = "1.2.840.10008.1.2.1.98"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE: Final = "1.2.840.10008.1.2.2"
RLE: Final = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"

NATIVE: Final = frozenset({IMPLICIT_LE, EXPLICIT_LE, DEFLATED, EXPLICIT_BE})
_JPEG: Final = "1.2.840.10008.1.2.4."
JPEG_DCT: Final = frozenset(_JPEG + number for number in ("50", "51", "53", "55"))
JPEG_LOSSLESS: Final = frozenset(_JPEG + number for number in ("57", "70"))
JPEG_LS: Final = frozenset(_JPEG + number for number in ("80", "81"))
JPEG_2000: Final = frozenset(_JPEG + number for number in ("90", "91", "201", "202", "203"))
JPEG_XL: Final = frozenset(_JPEG + number for number in ("110", "111", "112"))

DECODABLE: Final = (
    NATIVE | {ENCAPSULATED_NATIVE, RLE, DEFLATED_FRAMES} | JPEG_DCT | JPEG_LOSSLESS | JPEG_LS | JPEG_2000 | JPEG_XL
)
ALWAYS_LOSSY: Final = JPEG_DCT | {_JPEG + "111"}

_VIDEO: Final = (*(f"{_JPEG}{number}" for number in range(100, 109)), "1.2.840.10008.1.2.7.")
_REASONS: Final = {
    Why.SYNTAX_OLD_JPEG: ("52", "54", "56", "58", "59", "60", "61", "62", "63", "64", "65", "66"),
    Why.SYNTAX_JPEG_2000_PART_2: ("92", "93"),
    Why.SYNTAX_JPIP: ("94", "95", "204", "205"),
}


def is_video(transfer_syntax: str) -> bool:
    """Whether the pixels are a video stream."""
    return transfer_syntax.startswith(_VIDEO)


def supported(transfer_syntax: str) -> Reason | None:
    """Return None if the syntax can be decoded, else the reason why not."""
    if transfer_syntax in DECODABLE:
        return None
    if is_video(transfer_syntax):
        return Why.VIDEO()
    for why, numbers in _REASONS.items():
        if transfer_syntax in {_JPEG + number for number in numbers}:
            return why()
    return Why.SYNTAX_UNKNOWN(syntax=transfer_syntax[:64])
