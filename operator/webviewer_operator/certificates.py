"""Certificates between the parts of a cluster: an authority of its own, and what it signs. Nothing here knows Kubernetes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
DAYS = 365
RENEWED_DAYS = 60
"""So long before its end a certificate is made anew."""
_EARLIER = timedelta(hours=1)
"""Clocks of nodes differ."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key as PEM."""

    certificate: str
    key: str


def make_authority(name: str, now: float) -> Issued:
    """Return an authority that may sign certificates of servers and no other authorities; ``now`` in seconds since 1970."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = _usage(signs_certificates=True)
    built = (
        _builder(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _issued(built.sign(key, hashes.SHA256()), key)


def issue(authority: Issued, names: Sequence[str], now: float) -> Issued:
    """Return a certificate of a server that is reached by these DNS names."""
    signer = serialization.load_pem_private_key(authority.key.encode(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        text = "the key of the authority must be of an elliptic curve"
        raise TypeError(text)
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webviewer")])
    known_by = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    built = (
        _builder(subject, issuer.subject, key.public_key(), now, DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known_by), critical=False)
    )
    return _issued(built.sign(signer, hashes.SHA256()), key)


def due(certificate: str, now: float) -> bool:
    """Return whether a certificate has to be made anew: it ends soon, or it cannot be read."""
    try:
        ends = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    except ValueError:
        return True
    return ends - timedelta(days=RENEWED_DAYS) <= datetime.fromtimestamp(now, UTC)


def names_of(certificate: str) -> tuple[str, ...]:
    """Return the DNS names of a certificate, none if it cannot be read."""
    try:
        found = x509.load_pem_x509_certificate(certificate.encode()).extensions
        return tuple(found.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName))
    except (ValueError, x509.ExtensionNotFound):
        return ()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: float, days: int
) -> x509.CertificateBuilder:
    moment = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _EARLIER)
        .not_valid_after(moment + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issued(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Issued:
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return Issued(certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode())
