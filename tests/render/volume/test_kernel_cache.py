"""Compiled kernels of an installation that cannot be written."""

import pytest

from webviewer.errors import InvalidRequestError
from webviewer_render.volume import kernel_cache
from webviewer_render.volume.kernel_cache import writable_cache


@pytest.fixture
def compiled(tmp_path):
    folder = tmp_path / "kernels"
    (folder / "scene_1").mkdir(parents=True)
    (folder / "scene_1" / "kernel.nbi").write_bytes(b"index")
    return folder


@pytest.fixture
def read_only(monkeypatch):
    """Root may write everywhere, so the question is answered for it."""
    monkeypatch.setattr(kernel_cache.os, "access", lambda *_: False)


def test_a_cache_that_can_be_written_is_used_where_it_is(compiled, tmp_path):
    assert writable_cache(compiled, tmp_path) == compiled
    assert writable_cache(tmp_path / "none", tmp_path) == tmp_path / "none"


def test_a_cache_that_cannot_be_written_is_copied_once(compiled, tmp_path, read_only):
    parent = tmp_path / "tmp"
    parent.mkdir()
    copy = writable_cache(compiled, parent)
    assert (copy / "scene_1" / "kernel.nbi").read_bytes() == b"index"
    assert copy.stat().st_mode & 0o777 == 0o700
    (copy / "scene_1" / "kernel.nbi").write_bytes(b"changed")
    assert writable_cache(compiled, parent) == copy
    assert (copy / "scene_1" / "kernel.nbi").read_bytes() == b"changed"
    assert list(parent.iterdir()) == [copy]


def test_what_others_may_write_is_not_run(compiled, tmp_path, read_only):
    parent = tmp_path / "tmp"
    parent.mkdir()
    copy = writable_cache(compiled, parent)
    copy.chmod(0o777)
    with pytest.raises(InvalidRequestError, match="belongs to somebody else: delete it, or set NUMBA_CACHE_DIR"):
        writable_cache(compiled, parent)
    copy.chmod(0o700)
    copy.rename(parent / "elsewhere")
    copy.symlink_to(parent / "elsewhere")
    with pytest.raises(InvalidRequestError, match="belongs to somebody else"):
        writable_cache(compiled, parent)
