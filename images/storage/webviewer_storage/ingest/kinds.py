"""What kind of series an object belongs to, by its SOP class (PS3.4 B.5)."""

from __future__ import annotations

from webviewer.domain.study import SeriesKind

MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
# The longest matching prefix decides; a trailing dot keeps .1 from matching .11.
_PREFIXES: tuple[tuple[str, SeriesKind], ...] = (
    ("88.59.", "key-object"),
    ("88.", "report"),
    ("104.", "document"),
    ("78.6.", "report"),
    ("79.1.", "report"),
    ("11.", "presentation"),
    ("66.4.", "segmentation"),
    ("66.5.", "segmentation"),
    ("9.", "waveform"),
    ("77.1.1.1.", "video"),
    ("77.1.2.1.", "video"),
    ("77.1.4.1.", "video"),
    ("481.1.", "image"),
    ("481.2.", "rt"),
    ("481.23.", "image"),
    ("481.24.", "image"),
    ("481.", "rt"),
)
_VIDEO_SYNTAXES = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7.")


def kind_of(sop_class: str, transfer_syntax: str, *, has_pixels: bool) -> SeriesKind:
    """Return the kind; unknown classes with pixels are images."""
    if transfer_syntax.startswith(_VIDEO_SYNTAXES):
        return "video"
    if sop_class.startswith(_STORAGE):
        rest = f"{sop_class.removeprefix(_STORAGE)}."
        matching = [(len(prefix), kind) for prefix, kind in _PREFIXES if rest.startswith(prefix)]
        if matching:
            return max(matching)[1]
    return "image" if has_pixels else "other"
