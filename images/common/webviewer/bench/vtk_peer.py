"""Plain VTK as a process of its own, without encoding: ``python -m webviewer.bench.vtk_peer VOLUME FRAMES WHAT PICTURES``.

``WHAT`` is ``reslice``, ``fixed-point`` or ``opengl``; ``PICTURES`` a folder for what was drawn. Prints JSON: CPU ms per
frame by side length, action and quality.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from PIL import Image
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

from webviewer.bench.appearance import PLANES, PROJECTIONS, SIDES
from webviewer.bench.peer_clock import PeerClock
from webviewer.bench.volume_file import BenchVolume
from webviewer.bench.vtk_scenes import Mapper, Scene


def _cost(draw: Callable[[int], object], frames: int) -> float:
    clock = PeerClock(frames)
    while clock.more():
        draw(clock.number)
        clock.drawn()
    return clock.milliseconds()


def _measure_planes(scene: Scene, side: int, frames: int, pictures: Path) -> dict[str, float]:
    figures = {}
    for style in PLANES:
        draw = scene.reslice(style, side)
        figures[f"{style} preview"] = figures[f"{style} final"] = _cost(draw, frames)
        Image.fromarray(draw(0)).save(pictures / f"{style}-{side}-reslice.png")
    return figures


def _measure_projections(scene: Scene, side: int, frames: int, mapper: Mapper, pictures: Path) -> dict[str, float]:
    figures = {}
    for style in PROJECTIONS:
        for quality in ("preview", "final"):
            window, turn = scene.window(style, side, mapper, preview=quality == "preview")

            def draw(number: int, window: Any = window, turn: Callable[[int], None] = turn) -> Any:  # noqa: ANN401 - no types
                turn(number)
                window.Render()
                buffer = vtkUnsignedCharArray()
                window.GetPixelData(0, 0, side - 1, side - 1, 1, buffer, 0)
                return vtk_to_numpy(buffer).reshape(side, side, 3)[::-1]

            figures[f"{style} {quality}"] = _cost(draw, frames)
            Image.fromarray(draw(0)).save(pictures / f"{style}-{quality}-{side}-{mapper}.png")
            window.Finalize()
    return figures


def _main(path: Path, frames: int, what: str, pictures: Path) -> None:
    scene = Scene(BenchVolume.load(path))
    figures = {}
    # Software OpenGL would need minutes for the larger side.
    for side in SIDES[:1] if what == "opengl" else SIDES:
        if what == "reslice":
            figures[str(side)] = _measure_planes(scene, side, frames, pictures)
        else:
            figures[str(side)] = _measure_projections(scene, side, frames, cast("Mapper", what), pictures)
    print(json.dumps(figures))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
