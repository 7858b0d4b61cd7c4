"""Grants: only control makes them, only the right node takes them, for a short time."""

import time

import pytest
from joserfc import jwt

from webviewer.domain.identity import Action, Grant
from webviewer.errors import ForbiddenError, NotAuthenticatedError
from webviewer.wire.grants import ALGORITHM, GrantSigner, GrantVerifier

GRANT = Grant(audience="storage", subject="u1", session="s1", actions=frozenset({Action.LIST}), stores=("a", "b"))


@pytest.fixture
def signer():
    return GrantSigner.generate()


def test_a_grant_comes_back_as_it_was_signed(signer):
    assert GrantVerifier(signer.public_jwks, "storage").verify(signer.sign(GRANT), Action.LIST) == GRANT


def test_a_grant_for_one_study_comes_back_as_it_was_signed(signer):
    grant = GRANT.model_copy(update={"study": "a" * 32})
    assert GrantVerifier(signer.public_jwks, "storage").verify(signer.sign(grant), Action.LIST) == grant


def test_a_grant_of_the_former_release_names_no_study(signer):
    claims = {
        "aud": "storage", "sub": "u1", "sid": "s1", "act": ["studies:list"], "sto": ["a", "b"], "ser": None,
        "ano": False, "dow": False, "exp": int(time.time()) + 60,
    }  # fmt: skip
    token = jwt.encode({"alg": ALGORITHM, "kid": signer._key.kid}, claims, signer._key, algorithms=[ALGORITHM])
    assert GrantVerifier(signer.public_jwks, "storage").verify(token, Action.LIST) == GRANT


def test_the_public_keys_hold_no_private_part(signer):
    assert all("d" not in key for key in signer.public_jwks["keys"])


def test_another_node_refuses_it(signer):
    with pytest.raises(NotAuthenticatedError):
        GrantVerifier(signer.public_jwks, "render").verify(signer.sign(GRANT), Action.LIST)


def test_an_action_that_is_not_granted_is_forbidden(signer):
    with pytest.raises(ForbiddenError):
        GrantVerifier(signer.public_jwks, "storage").verify(signer.sign(GRANT), Action.DELETE)


def test_it_expires(signer):
    now = [1000.0]
    signer = GrantSigner(signer._key, clock=lambda: now[0])
    verifier = GrantVerifier(signer.public_jwks, "storage", clock=lambda: now[0])
    token = signer.sign(GRANT, lifetime=60)
    now[0] = 1059.0
    assert verifier.verify(token, Action.LIST)
    now[0] = 1061.0
    with pytest.raises(NotAuthenticatedError):
        verifier.verify(token, Action.LIST)


@pytest.mark.parametrize("token", ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "x" * 10_000])
def test_garbage_is_not_authenticated(signer, token):
    with pytest.raises(NotAuthenticatedError):
        GrantVerifier(signer.public_jwks, "storage").verify(token, Action.LIST)


def test_a_grant_of_another_installation_is_refused(signer):
    token = GrantSigner.generate().sign(GRANT)
    with pytest.raises(NotAuthenticatedError):
        GrantVerifier(signer.public_jwks, "storage").verify(token, Action.LIST)
