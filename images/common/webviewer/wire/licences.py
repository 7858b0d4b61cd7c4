"""Licences as signed text: made by the vendor's private key, checked offline by public ones (Ed25519, JWS compact)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import ValidationError

from webviewer.domain.licence import Licence
from webviewer.errors import InvalidRequestError

ALGORITHM = "Ed25519"
_TYPE = "webviewer-licence"
_PUBLIC_BYTES = 32
_MAX_TEXT = 8192


class LicenceTextError(InvalidRequestError):
    """A text is no licence, or no known vendor has signed it."""

    code = "licence_invalid"


class Vendor:
    """Holds the private key that licences are signed with."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> Vendor:
        """Make a vendor with a fresh key."""
        while True:
            vendor = cls(OKPKey.generate_key("Ed25519"))
            if not vendor.public_key.startswith("-"):  # it would look like an option on a command line
                return vendor

    @classmethod
    def load(cls, path: Path) -> Vendor:
        """Read the file of :meth:`save`. Raises InvalidRequestError."""
        try:
            key = OKPKey.import_key(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            text = f"cannot read {path}: {error.strerror}"
            raise InvalidRequestError(text) from error
        except (ValueError, TypeError, KeyError, JoseError) as error:
            text = f"{path} holds no key of `webviewer license keygen`"
            raise InvalidRequestError(text) from error
        if not key.is_private or key.as_dict().get("crv") != "Ed25519":
            text = f"{path} holds no private Ed25519 key: licences cannot be signed with it"
            raise InvalidRequestError(text)
        return cls(key)

    def save(self, path: Path) -> None:
        """Write the private key, for its owner only. Raises InvalidRequestError, also for a file that is there."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            text = (
                f"{path} exists already: licences signed with the key in it would be lost with it; choose another name"
            )
            raise InvalidRequestError(text) from error
        except OSError as error:
            text = f"cannot write {path}: {error.strerror}"
            raise InvalidRequestError(text) from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(self._key.as_dict(private=True), file)
            file.write("\n")

    @property
    def public_key(self) -> str:
        """What installations check with: 43 characters for the setting ``licence_keys``."""
        return str(self._key.as_dict(private=False)["x"])

    def sign(self, licence: Licence) -> str:
        """Return the licence as text in one line."""
        header = {"alg": ALGORITHM, "typ": _TYPE, "kid": self._key.thumbprint()}
        claims: dict[str, Any] = licence.model_dump(mode="json", exclude_defaults=True)
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


class LicenceReader:
    """Checks licences against the public keys of known vendors."""

    def __init__(self, public_keys: Sequence[str]) -> None:
        self._keys = KeySet([_public_key(text) for text in public_keys])

    def read(self, text: str) -> Licence:
        """Return the licence of a text, as it stands in an e-mail or a file. Raises LicenceTextError."""
        token = _token(text)
        if not self._keys.keys:
            message = "no vendor's key is configured (licence_keys): no licence can be checked"
            raise LicenceTextError(message)
        try:
            read = jwt.decode(token, self._keys, algorithms=[ALGORITHM])
            return _licence(read.header, read.claims)
        except (JoseError, ValidationError, ValueError, TypeError, KeyError) as error:
            message = "this is no licence key of a known vendor: copy it whole"
            raise LicenceTextError(message) from error


def unchecked(text: str) -> Licence:
    """Return what a text says without asking who has signed it. Raises LicenceTextError."""
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        header, claims = (json.loads(_base64(part)) for part in _token(text).split(".")[:2])
        return _licence(header, claims)
    message = "this is no licence key: copy it whole"
    raise LicenceTextError(message)


def _licence(header: dict[str, Any], claims: dict[str, Any]) -> Licence:
    """Return the licence, if the signed thing is one. Raises ValueError."""
    if header.get("typ") != _TYPE:
        raise ValueError(_TYPE)
    return Licence.model_validate_json(json.dumps(claims))


def _public_key(text: str) -> OKPKey:
    if len(_base64(text)) != _PUBLIC_BYTES:
        message = f"{text!r} is no public key: `webviewer license keygen` prints it, 43 characters"
        raise ValueError(message)
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": text})
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": text, "kid": key.thumbprint()})


def _base64(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _token(text: str) -> str:
    """Leave out comments (``#``), and the breaks that mail programs put into long lines."""
    lines = (line for line in text[:_MAX_TEXT].splitlines() if not line.lstrip().startswith("#"))
    return "".join("".join(lines).split())
