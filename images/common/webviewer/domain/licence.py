"""What a licence allows: who may be logged in at once, how many openings of links, how many signed links."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import zlib
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from webviewer.domain.image import Value
from webviewer.errors import InvalidRequestError

LicenceType = Literal["trial", "personal", "concurrent", "unified"]
IssuedType = Literal["personal", "concurrent", "unified"]
"""The trial is no document: an installation gives it to itself."""
ConnectionPolicy = Literal["separate", "links-use-users", "users-use-links"]
"""Who may take a connection of the other kind when there is none of his own: nobody, openings of links, or users."""
MAX_COUNT = 1_000_000
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter looks like another sign
_CODE_LETTERS = 20
_GROUP = 5
_PREFIX = "WV"
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class Licence(Value):
    """What the vendor signs. ``personal`` is the key of one user; the other types are for the whole installation."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    product: str
    """Code of the only installation that takes it."""
    type: IssuedType
    issued: AwareDatetime
    ends: AwareDatetime | None = None
    """The moment it stops; null = never."""
    concurrents: Count = 0
    """Log-ins at once."""
    link_connections: Count = 0
    """Openings of unsigned links at once."""
    links: Count = 0
    """Links that can be signed: those open without a connection."""
    policy: ConnectionPolicy = "separate"

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        """Refuse fields that the type does not have: they would promise what nobody gets."""
        extras = {"link_connections": self.link_connections, "links": self.links}
        wrong = [name for name, value in extras.items() if value and self.type != "unified"]
        if self.policy != "separate" and self.type != "unified":
            wrong.append("policy")
        if self.concurrents and self.type == "personal":
            wrong.append("concurrents")
        if wrong:
            text = f"a licence of type {self.type} has no {' and no '.join(wrong)}"
            raise ValueError(text)
        if not self.concurrents and self.type == "concurrent":
            text = "a licence of type concurrent needs concurrents"
            raise ValueError(text)
        return self


def new_product_code() -> str:
    """Make the code of an installation: 95 random bits and a sign that catches mistypings."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LETTERS - 1))
    return _grouped(letters + _check_letter(letters))


def read_product_code(text: str) -> str:
    """Return a code as people write it in its one form. Raises InvalidRequestError for a mistyped one."""
    signs = re.sub(r"[\s-]", "", text.upper()).removeprefix(_PREFIX)
    letters = signs.translate(str.maketrans("OIL", "011"))
    whole = len(letters) == _CODE_LETTERS and set(letters) <= set(_ALPHABET)
    if not whole or letters[-1] != _check_letter(letters[:-1]):
        message = f"{text!r} is no product code: copy it from the page Server settings of the installation"
        raise InvalidRequestError(message)
    return _grouped(letters)


def _check_letter(letters: str) -> str:
    return _ALPHABET[zlib.crc32(letters.encode()) % len(_ALPHABET)]


def _grouped(letters: str) -> str:
    groups = (letters[start : start + _GROUP] for start in range(0, _CODE_LETTERS, _GROUP))
    return "-".join((_PREFIX, *groups))


def end_of(text: str) -> dt.datetime:
    """Read the end of a licence: a moment with a zone, or a day, whose last second in UTC counts.

    Raises InvalidRequestError.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(23, 59, 59), dt.UTC)
        moment = dt.datetime.fromisoformat(text)
        ends = moment.astimezone(dt.UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        ends = None
    if ends is None:
        message = f"{text!r} is no end: write a day (2027-12-31) or a moment with its zone (2027-12-31T12:00:00+03:00)"
        raise InvalidRequestError(message)
    return ends
