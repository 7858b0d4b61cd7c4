"""The secrets of links: derived from the instance key, so that a stolen database holds none and pages can copy them for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from webviewer_control.store.models import LinkRow

Mode = Literal["anonymised", "full", "download"]
"""What a link opens: the study without who it is of, the study, or the study with the right to take it along."""
_Purpose = Literal["opening", "deanonymisation", "download"]
_BYTES = 16


def digest(secret: str) -> str:
    """Return what the database knows of an opening secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LinkTexts:
    """The queries of the three addresses of a link."""

    anonymised: str
    full: str
    download: str


class LinkSecrets:
    """Three secrets per generation of a link: none of them follows from the others."""

    def __init__(self, key: bytes) -> None:
        """``key`` is the instance key."""
        self._key = key

    def digest(self, link: str, generation: int) -> str:
        """Return what the row of a link keeps of its opening secret."""
        return digest(self._secret(link, generation, "opening"))

    def texts(self, row: LinkRow) -> LinkTexts:
        """Return the three queries."""
        opening, clear, download = (
            self._secret(row.id, row.generation, purpose) for purpose in ("opening", "deanonymisation", "download")
        )
        anonymised = f"link={opening}"
        full = f"{anonymised}&deanonymization={clear}"
        return LinkTexts(anonymised, full, f"{full}&download={download}")

    def mode(self, row: LinkRow, clear: str | None, download: str | None) -> Mode | None:
        """Return what the second and third secret open; null where one is wrong, or the second is left out.

        A wrong secret never opens less: whoever tries one learns nothing from what he gets.
        """
        wanted: tuple[tuple[str | None, _Purpose], ...] = ((clear, "deanonymisation"), (download, "download"))
        rights = [
            given is None or hmac.compare_digest(given.encode(), self._secret(row.id, row.generation, purpose).encode())
            for given, purpose in wanted
        ]
        if not all(rights) or (download is not None and clear is None):
            return None
        return "download" if download is not None else "full" if clear is not None else "anonymised"

    def _secret(self, link: str, generation: int, purpose: _Purpose) -> str:
        mac = hmac.digest(self._key, f"{link}|{generation}|{purpose}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:_BYTES]).rstrip(b"=").decode()
