"""The instance key ring."""

import stat

import pytest

from webviewer.errors import InvalidRequestError
from webviewer.wire.keyring import FILE_NAME, KeyRing


def test_the_ring_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    first, second = KeyRing.load(tmp_path), KeyRing.load(tmp_path)
    assert first.secret == second.secret
    assert first.signer.public_jwks == second.signer.public_jwks
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("content", ["", "{}", '{"grants": {}, "secret": ""}', "\x00"])
def test_a_damaged_ring_is_reported_and_kept(tmp_path, content):
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(InvalidRequestError, match="damaged"):
        KeyRing.load(tmp_path)
    assert (tmp_path / FILE_NAME).read_text() == content
