"""The instance key ring: what must never be in the database (0600 file or a mounted Secret).

It holds the Ed25519 key that signs grants and the key K that secrets of links, API keys and stored
passwords are derived from or encrypted with.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from webviewer.errors import InvalidRequestError
from webviewer.wire.grants import GrantSigner

FILE_NAME = "instance.key"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys of one installation. ``secret`` is K, 32 bytes."""

    signer: GrantSigner
    secret: bytes

    @classmethod
    def load(cls, data: Path) -> KeyRing:
        """Read ``<data>/instance.key``, making it on the first start.

        Raises InvalidRequestError for a file that is damaged: a new key would silently end all
        sessions and links, so nothing is replaced.
        """
        path = data / FILE_NAME
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write(path, cls.generate().text())
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            text = f"{path} is damaged: restore it from the backup, or delete it to end all sessions and links"
            raise InvalidRequestError(text) from error

    @classmethod
    def generate(cls) -> KeyRing:
        """Make new keys."""
        return cls(GrantSigner.generate(), secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read the content of the file. Raises ValueError if it is damaged."""
        try:
            content = json.loads(text)
            key = OKPKey.import_key(content["grants"])
            secret = base64.b64decode(content["secret"], validate=True)
        except (ValueError, KeyError, TypeError, JoseError) as error:
            message = "the key ring is damaged"
            raise ValueError(message) from error
        return cls(GrantSigner(key), secret)

    def text(self) -> str:
        """Return the content of the file."""
        content = {"grants": self.signer.private_jwk, "secret": base64.b64encode(self.secret).decode()}
        return json.dumps(content)


def _write(path: Path, text: str) -> None:
    # A name of its own: in containers every process has the same number, also the one that crashed here.
    temporary = path.with_suffix(f".{secrets.token_hex(8)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    # Unlike a rename, a link never replaces a ring that another process made meanwhile.
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(temporary)
    temporary.unlink()
