"""What a back end is worth on this machine: ``python -m webviewer_render.self_test BACKEND`` draws a small test volume.

``python -m webviewer_render.self_test --must BACKEND ...`` tries each as the role does, and fails if one draws wrongly.

It is tried out by a child process, as drivers do not raise errors but end the process. The pictures are compared with what
is known of the volume from its formula, not with those of another back end.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import Window
from webviewer.domain.view import Quality, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.backends import BackendName, make_backend
from webviewer_render.backends.base import Backend, BackendUnavailableError
from webviewer_render.volume.levels import Levels, build_levels
from webviewer_render.volume.voxels import Voxels
from webviewer_render.worker.environment import worker_environment

_PATIENCE_SECONDS = 60.0
_SIDE = 96
_PIXELS = 512
_TIMES = 3
_LEAST_PSNR = 30.0
_BALLS = ((0.0, 0.0, 0.0, 30.0, 400.0), (-18.0, 10.0, 24.0, 9.0, 1000.0))
"""Centre (x, y, z), radius and value; the second is at the patient's right and above."""
_SOFT = 3.0
"""Millimetres in which the value of a ball falls to nothing."""
_WHITE = (1.0, 1.0, 1.0)
Array = npt.NDArray[Any]


class WrongPictureError(Exception):
    """What was drawn is not what the volume looks like."""


@dataclass(frozen=True, slots=True)
class Trial:
    """``milliseconds`` of a picture by ``device``, or the ``problem`` that it has here."""

    device: str = ""
    milliseconds: float = math.inf
    problem: str = ""


def try_out(name: BackendName) -> Trial:
    """Have a child process draw the test volume by a back end."""
    command = [sys.executable, "-m", "webviewer_render.self_test", name]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, env=worker_environment(), capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Trial(problem=f"it did not draw within {_PATIENCE_SECONDS:.0f} seconds")
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Trial(**json.loads(lines[-1]))
    return Trial(problem=f"it crashed (exit status {done.returncode}): check its driver")


def measured(backend: Backend) -> float:
    """Return the milliseconds of a shaded picture of 512 x 512 pixels; raises WrongPictureError."""
    levels = _levels()
    _check(backend, levels)
    points = (_point(50, 0.0), _point(250, 0.1), _point(1000, 0.9))
    view = VolumeView(mode="composite", transfer=points, extent=_SIDE, row=(0.8, 0.6, 0.0), column=(0.0, 0.0, -1.0))
    seconds = []
    for _ in range(1 + _TIMES):  # the first one copies the volume and compiles
        started = time.perf_counter()
        backend.render(levels, view, (_PIXELS, _PIXELS), Quality.FINAL)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:])) * 1000


def _check(backend: Backend, levels: Levels) -> None:
    size = 2 * _SIDE
    front = {"row": (1.0, 0.0, 0.0), "column": (0.0, 0.0, -1.0), "extent": _SIDE}
    place = (np.arange(size) + 0.5) / 2 - _SIDE / 2
    expected = _values(place[None, :], None, -place[:, None])
    window = Window(center=500, width=1000, function="LINEAR_EXACT")
    highest = backend.render(levels, VolumeView(mode="mip", window=window, **front), (size, size), Quality.FINAL).pixels
    _compare(highest, np.clip(expected / 1000 * 255, 0, 255), "highest values")
    surface = VolumeView(mode="composite", light=None, transfer=(_point(195, 0.0), _point(205, 1.0)), **front)
    solid = backend.render(levels, surface, (size, size), Quality.FINAL).pixels
    _compare(solid.max(axis=2), np.clip(expected - 150, 0, 100) * 2.55, "surfaces")


def _compare(drawn: Array, expected: Array, what: str) -> None:
    error = float(np.mean((drawn.astype(np.float64) - expected) ** 2)) if drawn.shape == expected.shape else math.inf
    ratio = 10 * math.log10(255**2 / max(error, 1e-9)) if math.isfinite(error) else -math.inf
    if ratio < (_LEAST_PSNR if what == "highest values" else _LEAST_PSNR / 2):
        text = f"its picture of {what} is wrong ({ratio:.0f} dB)"
        raise WrongPictureError(text)


def _point(value: float, opacity: float) -> TransferPoint:
    return TransferPoint(value=value, opacity=opacity, colour=_WHITE)


def _levels() -> Levels:
    half = (_SIDE - 1) / 2
    grid = VolumeGrid(
        shape=(_SIDE, _SIDE, _SIDE), origin=(-half, -half, -half), across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1),
        places=tuple(range(_SIDE)),
    )  # fmt: skip
    place = np.arange(_SIDE) - half
    values = _values(place[None, None, :], place[None, :, None], place[:, None, None])
    return build_levels(Voxels.of_array(np.rint(values).astype(np.int16), grid))


def _values(x: Array, y: Array | None, z: Array) -> Array:
    """Return the volume's values; without ``y`` the highest ones along it."""
    values: Array = np.zeros(())
    for across, through, up, radius, high in _BALLS:
        depth = 0.0 if y is None else (y - through) ** 2
        distance = np.sqrt((x - across) ** 2 + depth + (z - up) ** 2)
        values = np.maximum(values, np.clip((radius - distance) / _SOFT + 0.5, 0, 1) * high)
    return values


def main(name: str) -> int:
    """Try a back end in this process and print what came of it."""
    try:
        backend = make_backend(name)
        trial = Trial(backend.capabilities.device, measured(backend))
        backend.close()
    except (BackendUnavailableError, WrongPictureError) as error:
        trial = Trial(problem=str(error))
    print(json.dumps({key: value for key, value in asdict(trial).items() if value != math.inf}))  # noqa: T201 - the answer
    return 0


def must(names: Sequence[str]) -> int:
    """Try back ends in children, say what came of it; the exit status tells whether all drew rightly."""
    trials = {name: try_out(name) for name in get_args(BackendName) if name in names}
    for name, trial in trials.items():
        print(f"{name}: {trial.problem or f'{trial.device}, {trial.milliseconds:.1f} ms'}")  # noqa: T201 - the answer
    return 1 if any(trial.problem for trial in trials.values()) else 0


if __name__ == "__main__":
    sys.exit(must(sys.argv[2:]) if sys.argv[1] == "--must" else main(sys.argv[1]))
