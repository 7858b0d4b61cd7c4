"""Certificates as clients check them."""

import socket
import ssl
import threading
import time

import pytest

from webviewer_operator.certificates import (
    AUTHORITY_DAYS,
    DAYS,
    RENEWED_DAYS,
    Issued,
    due,
    issue,
    make_authority,
    names_of,
)

NAME = "viewer-storage.imaging.svc"
DAY = 86400


def handshake(folder, issued: Issued, authority: str, name: str) -> None:
    """Shake hands over a pair of sockets, as strictly as Python can."""
    (folder / "cert.pem").write_text(issued.certificate)
    (folder / "key.pem").write_text(issued.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    client = ssl.create_default_context(cadata=authority)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(there, server_side=True):
                pass
        except (ssl.SSLError, OSError):
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name):
            pass
    finally:
        here.close()
        thread.join()


@pytest.fixture(scope="module")
def authority() -> Issued:
    return make_authority("imaging/viewer", time.time())


def test_a_certificate_is_believed_for_its_names_by_who_believes_the_authority(tmp_path, authority):
    handshake(tmp_path, issue(authority, [NAME, "other.svc"], time.time()), authority.certificate, NAME)


def test_a_bundle_of_the_old_and_the_new_authority_believes_both(tmp_path, authority):
    newer = make_authority("imaging/viewer", time.time())
    for signer in (authority, newer):
        bundle = newer.certificate + authority.certificate
        handshake(tmp_path, issue(signer, [NAME], time.time()), bundle, NAME)


@pytest.mark.parametrize("wrong", ["name", "authority", "expired"])
def test_nothing_else_is_believed(tmp_path, authority, wrong):
    moment = time.time() - (DAYS + 1) * DAY if wrong == "expired" else time.time()
    other = make_authority("imaging/viewer", time.time())
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(
            tmp_path,
            issue(authority, [NAME], moment),
            (other if wrong == "authority" else authority).certificate,
            "else.svc" if wrong == "name" else NAME,
        )


def test_certificates_are_renewed_long_before_they_end(authority):
    made = issue(authority, [NAME], 0)
    assert not due(made.certificate, (DAYS - RENEWED_DAYS - 1) * DAY)
    assert due(made.certificate, (DAYS - RENEWED_DAYS) * DAY)
    assert due("no certificate", 0)
    assert not due(make_authority("a/b", 0).certificate, (AUTHORITY_DAYS - RENEWED_DAYS - 1) * DAY)


def test_names_are_read_back(authority):
    assert names_of(issue(authority, [NAME, "b.svc"], 0).certificate) == (NAME, "b.svc")
    assert names_of("no certificate") == ()
