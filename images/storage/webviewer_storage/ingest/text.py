"""Text of headers made fit for the index: bounded, without control characters; and its search form."""

from __future__ import annotations

import unicodedata

# Letters with strokes and ligatures, which Unicode does not decompose.
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})  # noqa: RUF001
_SEPARATORS = str.maketrans(dict.fromkeys("^=,;/\\_-", " "))


def clean(value: object, length: int) -> str:
    """Return ``value`` as text of at most ``length`` characters that any database and page can hold."""
    text = "" if value is None else str(value)
    text = "".join(" " if unicodedata.category(character) in {"Cc", "Cs", "Cn"} else character for character in text)
    return " ".join(text.split())[:length]


def search_form(text: str) -> str:
    """Fold case, diacritics and separators, so that what looks alike is equal."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_SEPARATORS))
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(plain.casefold().translate(_STROKES).split())


def name_groups(name: str) -> list[str]:
    """Return the groups of a person name (PS3.5 6.2.1.2) in search form, empty ones left out."""
    return [form for group in name.split("=")[:3] if (form := search_form(group))]
