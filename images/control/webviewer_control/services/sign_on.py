"""Single sign-on: a log-in is begun here, happens at the provider (OpenID Connect), and ends here with a person."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from webviewer.settings import Settings
from webviewer_control.errors import SignOnExpiredError, SignOnRefusedError
from webviewer_control.services.journal import Clock
from webviewer_control.services.provider import Provider
from webviewer_control.services.users import MAX_LOGIN

Role = Literal["administrator", "user", "auditor"]
ATTEMPT_SECONDS = 600
"""So long may a person take at the provider."""
_SECRET_BYTES = 32
_NONCE_BYTES = 12
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for. ``subject`` names him for ever, ``login`` is made of a claim."""

    subject: str
    login: str
    roles: frozenset[Role]
    """Empty if none of his groups has one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in that was begun: it is kept, sealed, by the browser that began it, so every replica can end it."""

    state: str
    nonce: str
    verifier: str
    next: str
    expires: float


class SignOn:
    """Begins and ends log-ins at the provider of the settings."""

    def __init__(self, settings: Settings, key: bytes, clock: Clock) -> None:
        self._settings = settings
        self._provider = Provider(settings)
        self._cipher = AESGCM(hmac.digest(key, b"single sign-on", "sha256"))
        self._clock = clock

    @property
    def is_on(self) -> bool:
        """Whether there is a provider."""
        return bool(self._settings.oidc_issuer)

    async def begin(self, redirect_uri: str, following: str) -> tuple[str, str]:
        """Return the address of the provider's log-in and the sealed attempt. Raises SignOnUnavailableError."""
        described = await self._provider.describe()
        attempt = Attempt(
            state=secrets.token_urlsafe(_SECRET_BYTES),
            nonce=secrets.token_urlsafe(_SECRET_BYTES),
            verifier=secrets.token_urlsafe(_SECRET_BYTES),
            next=following,
            expires=self._clock().timestamp() + ATTEMPT_SECONDS,
        )
        async with self._provider.client(redirect_uri=redirect_uri) as client:
            address, _ = client.create_authorization_url(
                described["authorization_endpoint"],
                state=attempt.state,
                code_verifier=attempt.verifier,
                nonce=attempt.nonce,
            )
        return str(address), self._seal(attempt)

    def open(self, sealed: str) -> Attempt:
        """Return the attempt of a browser. Raises SignOnExpiredError."""
        try:
            raw = base64.urlsafe_b64decode(sealed.encode())
            content = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)
            attempt = Attempt(**json.loads(content))
        except (ValueError, InvalidTag) as error:
            raise SignOnExpiredError from error
        if attempt.expires < self._clock().timestamp():
            raise SignOnExpiredError
        return attempt

    async def finish(self, attempt: Attempt, redirect_uri: str, answer: Mapping[str, str]) -> Person:
        """Return the person that the provider's answer (the query of the call-back) is about.

        Raises SignOnExpiredError for an answer to another attempt, SignOnRefusedError and SignOnUnavailableError.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignOnExpiredError
        if answer.get("iss", self._settings.oidc_issuer) != self._settings.oidc_issuer:
            raise SignOnExpiredError
        if "code" not in answer:
            text = f"the provider of single sign-on refuses: {_word(answer.get('error', ''))}"
            raise SignOnRefusedError(text)
        claims = await self._provider.claims(answer["code"], redirect_uri, attempt.verifier, attempt.nonce)
        subject = str(claims["sub"])
        return Person(
            subject=f"{self._settings.oidc_issuer} {subject}",
            login=login_of(claims.get(self._settings.oidc_login_claim), subject),
            roles=self._roles(claims),
        )

    async def log_out_address(self, back: str) -> str | None:
        """Return where the person ends his session at the provider, null if it has no such page."""
        described = await self._provider.describe()
        address = described.get("end_session_endpoint")
        if not isinstance(address, str):
            return None
        query = urlencode({"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": back})
        return f"{address}{'&' if '?' in address else '?'}{query}"

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        wanted = self._settings.oidc_roles
        if not wanted:
            return frozenset({"user"})
        found: Any = claims
        for part in self._settings.oidc_group_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        groups = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return frozenset(wanted[group] for group in groups if isinstance(group, str) and group in wanted)

    def _seal(self, attempt: Attempt) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = self._cipher.encrypt(nonce, json.dumps(asdict(attempt)).encode(), None)
        return base64.urlsafe_b64encode(nonce + content).decode()


def login_of(claim: object, subject: str) -> str:
    """Make a login of a claim: without accents and the domain of an address, with ``_`` for what a login may not hold."""
    text = claim if isinstance(claim, str) else ""
    plain = unicodedata.normalize("NFKD", text.partition("@")[0]).encode("ascii", "ignore").decode()
    login = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    login = re.sub(r"^[^A-Za-z]+", "", login)[:MAX_LOGIN]
    return login or f"user_{hashlib.sha256(subject.encode()).hexdigest()[:_DIGITS]}"


def _word(text: str) -> str:
    """Return an error code of the protocol, and nothing that only looks like one."""
    return text if re.fullmatch(r"[a-z_]{1,40}", text) else "without a reason"
