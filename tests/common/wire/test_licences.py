"""Licences as text: what was signed comes back, and nothing else is taken for a licence."""

import datetime as dt
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from webviewer.domain.identity import Action, Grant
from webviewer.domain.licence import Licence, new_product_code
from webviewer.errors import InvalidRequestError
from webviewer.wire.grants import GrantSigner
from webviewer.wire.licences import LicenceReader, LicenceTextError, Vendor, unchecked

VENDOR = Vendor.generate()
READER = LicenceReader([VENDOR.public_key])
MOMENTS = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 - hypothesis adds the zone


def licence(**fields):
    whole = {"id": secrets.token_hex(16), "product": new_product_code(), "type": "unified"}
    return Licence(**whole | {"issued": dt.datetime(2026, 1, 2, tzinfo=dt.UTC)} | fields)


@given(MOMENTS, st.none() | MOMENTS, st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_a_licence_comes_back_as_it_was_signed(issued, ends, concurrents, connections, links):
    signed = licence(issued=issued, ends=ends, concurrents=concurrents, link_connections=connections, links=links)
    text = VENDOR.sign(signed)
    assert READER.read(text) == unchecked(text) == signed
    assert "\n" not in text


TEXT = VENDOR.sign(licence(concurrents=7))


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("ABCDxyz019-_."))
def test_a_licence_with_a_changed_sign_is_refused(place, sign):
    changed = TEXT[:place] + sign + TEXT[place + 1 :]
    try:
        read = READER.read(changed)
    except LicenceTextError:
        return
    # The last signs of a base64 part hold spare bits, which change nothing.
    assert read == READER.read(TEXT)


def test_breaks_and_comments_do_not_matter():
    broken = "\n".join(TEXT[start : start + 60] for start in range(0, len(TEXT), 60))
    assert READER.read(f"# for the clinic\r\n\n  # and more\n {broken}\r\n") == READER.read(TEXT)


@given(st.text(max_size=300))
def test_whatever_else_is_pasted_is_refused_with_words(text):
    for read in (READER.read, unchecked):
        with pytest.raises(LicenceTextError, match="copy it whole"):
            read(text)


def test_another_vendor_is_not_known():
    other = Vendor.generate()
    with pytest.raises(LicenceTextError, match="known vendor"):
        LicenceReader([other.public_key]).read(TEXT)
    assert LicenceReader([other.public_key, VENDOR.public_key]).read(TEXT).concurrents == 7
    with pytest.raises(LicenceTextError, match="licence_keys"):
        LicenceReader([]).read(TEXT)


def test_another_thing_signed_by_the_same_key_is_no_licence():
    signer = GrantSigner(OKPKey.import_key(VENDOR._key.as_dict(private=True) | {"kid": VENDOR._key.thumbprint()}))
    grant = Grant(audience="storage", subject="u", session="s", actions=frozenset({Action.LIST}))
    claims = licence().model_dump(mode="json")
    header = {"alg": "Ed25519", "kid": VENDOR._key.thumbprint()}
    for text in (signer.sign(grant), jwt.encode(header, claims, VENDOR._key, algorithms=["Ed25519"])):
        with pytest.raises(LicenceTextError):
            READER.read(text)


def test_nobody_signs_with_the_public_key_as_a_password():
    header = {"alg": "HS256", "typ": "webviewer-licence", "kid": VENDOR._key.thumbprint()}
    forged = jwt.encode(header, licence().model_dump(mode="json"), OctKey.import_key(VENDOR.public_key))
    with pytest.raises(LicenceTextError):
        READER.read(forged)


def test_the_private_key_is_kept_for_its_owner_and_never_replaced(tmp_path):
    file = tmp_path / "vendor.key"
    VENDOR.save(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Vendor.load(file).public_key == VENDOR.public_key
    with pytest.raises(InvalidRequestError, match="exists already"):
        Vendor.generate().save(file)
    assert READER.read(Vendor.load(file).sign(licence(links=3))).links == 3


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"kty": "OKP"}', "\u0430", '{"kty":"oct","k":"AAAA"}'])
def test_a_file_that_is_no_key_is_named(tmp_path, content):
    file = tmp_path / "vendor.key"
    file.write_text(content)
    with pytest.raises(InvalidRequestError, match=r"vendor\.key"):
        Vendor.load(file)
    file.unlink()
    with pytest.raises(InvalidRequestError, match="cannot read"):
        Vendor.load(file)


def test_the_public_half_cannot_sign(tmp_path):
    file = tmp_path / "public.key"
    file.write_text(f'{{"kty": "OKP", "crv": "Ed25519", "x": "{VENDOR.public_key}"}}')
    with pytest.raises(InvalidRequestError, match="no private"):
        Vendor.load(file)
