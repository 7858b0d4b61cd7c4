"""The phantoms that are measured where no series is given, as files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webviewer.sample.series import PhantomSeries

STACK = PhantomSeries(slices=60, step=10.0, name="bench")
UNCOMPRESSED = PhantomSeries(slices=400, step=1.5, name="bench 400")
VOLUME = PhantomSeries(slices=300, step=2.0, name="bench volume")


@contextmanager
def files_of(folder: Path | None, phantom: PhantomSeries) -> Iterator[list[Path]]:
    """Yield the files of a folder, or of a phantom that is there meanwhile."""
    if folder is not None:
        yield sorted(path for path in folder.iterdir() if path.is_file())
        return
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-phantom-") as scratch:
        yield [write_slice(phantom, index, Path(scratch)) for index in range(phantom.slices)]


def write_slice(phantom: PhantomSeries, index: int, folder: Path) -> Path:
    """Write slice ``index`` into a folder; returns where."""
    path = folder / f"{index + 1:05}.dcm"
    path.write_bytes(phantom.instance(index))
    return path
