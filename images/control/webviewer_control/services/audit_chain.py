"""The chain that seals the viewing audit: digests of entries, and what proves that we made a seal.

A seal's ``mac`` is HMAC-SHA256 under a key that is derived from the instance key, over the seal before
it and the digests of its entries. Whoever can write the database, but has not the instance key, can
change, add to or take from what is sealed only so that it shows. That all seals after some moment were
taken away shows to who has noted a later one: every seal is written to the log.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from webviewer_control.store.models import AuditRow, AuditSealRow

BEGINNING = "0" * 64


class Chain:
    """Makes and checks seals."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"webviewer viewing audit", "sha256")

    def mac(self, seal: AuditSealRow) -> str:
        """Return what ``seal.mac`` has to be."""
        return self._sign("seal", seal.time.isoformat(), seal.entries, seal.digest, seal.previous)

    def checkpoint(self, seal: AuditSealRow) -> str:
        """Return what ``seal.checkpoint`` has to be after ``seal.deleted`` entries up to it were deleted."""
        return self._sign("checkpoint", seal.id, seal.mac, seal.deleted)

    def _sign(self, *parts: object) -> str:
        return hmac.digest(self._key, _canonical(list(parts)), "sha256").hex()


def digest_of(row: AuditRow) -> str:
    """Return the SHA-256 of all that an entry says."""
    said = [
        row.id,
        row.time.isoformat(),
        row.action,
        row.login,
        row.login_key,
        row.user_id,
        row.kind,
        row.session,
        row.link,
        row.address,
        row.study,
        row.subject,
        row.details,
    ]
    return hashlib.sha256(_canonical(said)).hexdigest()


def digest_of_all(digests: Iterable[str]) -> str:
    """Return the digest of the entries of a seal."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
