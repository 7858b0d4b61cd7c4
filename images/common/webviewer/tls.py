"""TLS between the parts: certificates that a part shows, and whose certificates it believes."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from webviewer.errors import InvalidRequestError, PeerUnavailableError


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return how a part speaks https. Raises InvalidRequestError for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        cause = getattr(error, "reason", None) or getattr(error, "strerror", None) or "they cannot be read"
        text = f"tls_certificate {certificate} and tls_key {key} must be PEM files that belong together: {cause}"
        raise InvalidRequestError(text) from error
    return context


def client_context(authority: Path | None, setting: str = "tls_authority") -> ssl.SSLContext:
    """Return whom a part believes: certificates by ``authority`` (PEM), or by those that the system trusts.

    Raises InvalidRequestError, which names the ``setting``, for a file that cannot be used.
    """
    if authority is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(authority))
    except (OSError, ssl.SSLError) as error:
        cause = getattr(error, "reason", None) or getattr(error, "strerror", None) or "it cannot be read"
        text = f"{setting} {authority} must be a PEM file of certificates: {cause}"
        raise InvalidRequestError(text) from error


def service_name(address: str, service: str) -> str | None:
    """Return whose certificate is expected at ``address``, null for that of the address itself.

    A node that is asked by a number shows a certificate of the name in ``service``, the URL that lists its kind: pods come
    and go.
    """
    try:
        ipaddress.ip_address(urlsplit(address).hostname or "")
    except ValueError:
        return None
    return urlsplit(service).hostname


def unreachable(who: str, error: BaseException) -> PeerUnavailableError:
    """Return what to say of a peer that could not be talked to: a wrong certificate is another thing than silence."""
    return PeerUnavailableError(distrust(who, error) or f"{who} does not answer")


def distrust(who: str, error: BaseException) -> str:
    """Return what is wrong with the peer's TLS, empty if that is not why it could not be talked to."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"{who} is not trusted: {cause.verify_message}; "
                "tls_authority must hold the authority that its certificate is by, and the certificate this address"
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
            return f"{who} does not speak TLS: give it tls_certificate and tls_key, or write its address with http://"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
