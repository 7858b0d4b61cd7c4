"""Signed grants: only control can make them, every node can check them (Ed25519, JWS compact)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import ValidationError

from webviewer.domain.identity import Action, Grant
from webviewer.errors import ForbiddenError, NotAuthenticatedError

ALGORITHM = "Ed25519"
SHORT_SECONDS = 60
VIEWPORT_SECONDS = 15 * 60
"""How long the grant of an open viewport lives before control renews it."""


class GrantSigner:
    """Holds control's private key."""

    def __init__(self, key: OKPKey, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    @classmethod
    def generate(cls) -> GrantSigner:
        """Make a signer with a fresh key."""
        return cls(OKPKey.generate_key("Ed25519", auto_kid=True))

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The private key, for the instance key file."""
        return dict(self._key.as_dict(private=True))

    @property
    def public_jwks(self) -> dict[str, Any]:
        """The key set that nodes verify with."""
        return {"keys": [dict(self._key.as_dict(private=False))]}

    def sign(self, grant: Grant, lifetime: float = SHORT_SECONDS) -> str:
        """Return a token that is valid for ``lifetime`` seconds."""
        claims = {
            "aud": grant.audience,
            "sub": grant.subject,
            "sid": grant.session,
            "act": sorted(grant.actions),
            "sto": list(grant.stores),
            "stu": grant.study,
            "ser": grant.series,
            "ano": grant.anonymised,
            "dow": grant.download,
            "exp": int(self._clock() + lifetime),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, algorithms=[ALGORITHM])


class GrantVerifier:
    """Checks tokens for one node. ``keys`` holds public keys only."""

    def __init__(self, keys: dict[str, Any], audience: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = KeySet.import_key_set(keys)  # type: ignore[arg-type]  # a plain dict of a JWKS
        self._audience = audience
        self._clock = clock

    def verify(self, token: str, action: Action) -> Grant:
        """Return the grant of ``token``.

        Raises NotAuthenticatedError for a token that is not ours, not for this node or expired,
        ForbiddenError where it lacks ``action``.
        """
        try:
            claims = jwt.decode(token, self._keys, algorithms=[ALGORITHM]).claims
            grant = Grant(
                audience=claims["aud"],
                subject=claims["sub"],
                session=claims["sid"],
                actions=frozenset(Action(name) for name in claims["act"]),
                stores=tuple(claims["sto"]),
                study=claims.get("stu"),  # controls of the former release do not say it
                series=claims["ser"],
                anonymised=claims["ano"],
                download=claims["dow"],
            )
            expired = claims["exp"] < self._clock()
        except (JoseError, ValidationError, KeyError, ValueError, TypeError) as error:
            text = "the grant is not valid here"
            raise NotAuthenticatedError(text) from error
        if grant.audience != self._audience or expired:
            text = "the grant is for another node or has expired"
            raise NotAuthenticatedError(text)
        if action not in grant.actions:
            text = f"the grant does not allow {action}"
            raise ForbiddenError(text)
        return grant
