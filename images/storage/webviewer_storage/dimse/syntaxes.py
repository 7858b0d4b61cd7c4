"""Which of the proposed transfer syntaxes is taken: what keeps the sender's encoding comes first."""

from __future__ import annotations

_UNCOMPRESSED = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
)
_LOSSLESS = (
    "1.2.840.10008.1.2.4.80",  # JPEG-LS
    "1.2.840.10008.1.2.4.201",  # HTJ2K
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.90",  # JPEG 2000
    "1.2.840.10008.1.2.4.92",
    "1.2.840.10008.1.2.4.70",  # JPEG SV1
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.110",  # JPEG XL
    "1.2.840.10008.1.2.4.111",
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.8.1",  # Deflated frames
)
_LAST = (
    "1.2.840.10008.1.2.1.99",  # Deflated: the whole file must be inflated to read a frame
    "1.2.840.10008.1.2.2",  # Big endian
)
_ORDER = {uid: rank for rank, uid in enumerate((*_LOSSLESS, *_UNCOMPRESSED))}
_LOSSY_RANK = len(_ORDER)
_LAST_RANK = _LOSSY_RANK + 1


def preference(uid: str) -> int:
    """Return the rank of a proposed syntax, smallest first.

    Lossy and unknown syntaxes come after the uncompressed ones: a sender that offers both may still
    hold the original.
    """
    return _LAST_RANK if uid in _LAST else _ORDER.get(uid, _LOSSY_RANK)
