"""Text as searches compare it."""

from __future__ import annotations

import unicodedata

# Letters with strokes and ligatures, which Unicode does not decompose.
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})  # noqa: RUF001
_SEPARATORS = str.maketrans(dict.fromkeys("^=,;/\\_-", " "))


def search_form(text: str) -> str:
    """Fold case, diacritics and separators, so that what looks alike is equal."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_SEPARATORS))
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(plain.casefold().translate(_STROKES).split())
