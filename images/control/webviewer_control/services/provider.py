"""The provider of single sign-on as OpenID Connect Discovery describes it, and what it says of a person."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from webviewer.settings import Settings
from webviewer_control.errors import SignOnRefusedError, SignOnUnavailableError

_SECONDS = 10.0
_LEEWAY_SECONDS = 60
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Never those with a shared secret, nor none: a token must prove that the provider made it."""
_DESCRIPTION = "/.well-known/openid-configuration"


class Provider:
    """Talks to the provider; nothing of it is kept between two log-ins, so its keys may change at any time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._issuer = settings.oidc_issuer

    async def describe(self) -> dict[str, Any]:
        """Return the provider's own description. Raises SignOnUnavailableError."""
        async with self._talking() as client:
            return await self._describe(client)

    def client(self, method: str = "client_secret_basic", redirect_uri: str = "") -> AsyncOAuth2Client:
        """Return our side of the protocol; ``method`` is how it proves itself."""
        secret = self._settings.oidc_client_secret
        return AsyncOAuth2Client(
            self._settings.oidc_client_id,
            secret.get_secret_value() if secret else None,
            token_endpoint_auth_method=method if secret else "none",
            scope=" ".join(self._settings.oidc_scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=_SECONDS,
        )

    async def claims(self, code: str, redirect_uri: str, verifier: str, nonce: str) -> dict[str, Any]:
        """Exchange the code and return what the provider says of the person.

        Raises SignOnUnavailableError where it does not answer, SignOnRefusedError where it refuses or cannot be believed.
        """
        async with self._talking() as plain:
            described = await self._describe(plain)
            methods = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
            async with self.client(method, redirect_uri) as client:
                token = await client.fetch_token(
                    described["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
                )
                keys = await _json(plain, described["jwks_uri"])
                claims = self._verified(token, keys, nonce)
                if not self._wanted <= claims.keys() and "userinfo_endpoint" in described:
                    more = await _json(client, described["userinfo_endpoint"])
                    if more.get("sub") != claims["sub"]:
                        text = "the provider tells of another person than the one who has logged in"
                        raise SignOnRefusedError(text)
                    claims = more | claims
        return claims

    @property
    def _wanted(self) -> set[str]:
        """Claims that have to come from somewhere; a token that holds them spares asking for the rest."""
        groups = {self._settings.oidc_group_claim.partition(".")[0]} if self._settings.oidc_roles else set()
        return {self._settings.oidc_login_claim} | groups

    def _verified(self, token: Mapping[str, Any], keys: dict[str, Any], nonce: str) -> dict[str, Any]:
        decoded = jwt.decode(str(token.get("id_token", "")), KeySet.import_key_set(keys), algorithms=[*_ALGORITHMS])  # type: ignore[arg-type]
        options = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._settings.oidc_client_id},
        }
        known = {"nonce": nonce, "client_id": self._settings.oidc_client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, options, known)
        claims.validate(now=int(time.time()), leeway=_LEEWAY_SECONDS)
        return dict(claims)

    async def _describe(self, client: httpx2.AsyncClient) -> dict[str, Any]:
        described = await _json(client, self._issuer.rstrip("/") + _DESCRIPTION)
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if described.get("issuer") != self._issuer or not all(isinstance(described.get(name), str) for name in needed):
            text = f"what answers at {self._issuer} calls itself {described.get('issuer')}: check oidc_issuer"
            raise SignOnUnavailableError(text)
        return described

    @asynccontextmanager
    async def _talking(self) -> AsyncIterator[httpx2.AsyncClient]:
        try:
            async with httpx2.AsyncClient(timeout=_SECONDS) as client:
                yield client
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            text = f"the provider of single sign-on does not answer: {type(error).__name__}; try again in a moment"
            raise SignOnUnavailableError(text) from error
        except (AuthlibBaseError, JoseError, ValueError) as error:
            # No description of theirs: it may quote the token.
            text = f"the provider of single sign-on was not believed: {type(error).__name__}"
            raise SignOnRefusedError(text) from error


async def _json(client: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    answer = await client.get(address, headers={"Accept": "application/json"})
    try:
        content = answer.raise_for_status().json()
    except ValueError as error:
        content = None
        cause: Exception | None = error
    else:
        cause = None
    if not isinstance(content, dict):
        text = f"{address} of the provider of single sign-on holds no description"
        raise SignOnUnavailableError(text) from cause
    return content
