"""Where compiled kernels are kept when the installation is read-only: in a copy, as numba wants to write beside them.

Images name :class:`KernelCacheLocator` in ``NUMBA_CACHE_LOCATOR_CLASSES``: numba's own locators pass over a folder that they
cannot write, and would compile everything again at each start.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import UserProvidedCacheLocator

from webviewer import __version__
from webviewer.errors import InvalidRequestError


class KernelCacheLocator(UserProvidedCacheLocator):
    """Finds kernels in ``NUMBA_CACHE_DIR``, or in a copy of it."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)  # type: ignore[no-untyped-call]
        folder = writable_cache(Path(str(config.CACHE_DIR)))  # type: ignore[attr-defined]
        self._cache_path = str(folder / self.get_suitable_cache_subpath(py_file))  # type: ignore[no-untyped-call]


def writable_cache(compiled: Path, parent: Path | None = None) -> Path:
    """Return ``compiled`` if it can be written, else a copy of it in ``parent`` (the folder of temporary files).

    The copy is made once for a release and a user. Raises InvalidRequestError where its place is somebody else's: what lies
    there is run.
    """
    if not compiled.is_dir() or os.access(compiled, os.W_OK):
        return compiled
    parent = parent or Path(tempfile.gettempdir())
    copy = parent / f"webviewer-kernels-{__version__}-{os.geteuid()}"
    if not _is_there(copy):
        started = Path(tempfile.mkdtemp(dir=parent, prefix="webviewer-kernels-"))
        shutil.copytree(compiled, started, dirs_exist_ok=True, copy_function=shutil.copyfile)
        started.chmod(stat.S_IRWXU)
        try:
            started.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(started, ignore_errors=True)
            _is_there(copy)
    return copy


def _is_there(copy: Path) -> bool:
    try:
        found = copy.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        text = (
            f"{copy} belongs to somebody else: delete it, or set NUMBA_CACHE_DIR to a folder that this user may write"
        )
        raise InvalidRequestError(text)
    return True
