"""Text of headers made fit for the index: bounded, without control characters."""

from __future__ import annotations

import unicodedata

from webviewer.domain.search_form import search_form


def clean(value: object, length: int) -> str:
    """Return ``value`` as text of at most ``length`` characters that any database and page can hold."""
    text = "" if value is None else str(value)
    text = "".join(" " if unicodedata.category(character) in {"Cc", "Cs", "Cn"} else character for character in text)
    return " ".join(text.split())[:length]


def name_groups(name: str) -> list[str]:
    """Return the groups of a person name (PS3.5 6.2.1.2) in search form, empty ones left out."""
    return [form for group in name.split("=")[:3] if (form := search_form(group))]
