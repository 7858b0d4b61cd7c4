"""The peer, as a process of its own: trame-rca's capture, scheduler and encoder on VTK scenes, no socket.

``python -m webviewer.bench.trame_peer FRAMES slice`` scrolls the phantom of ``bench view``, and
``python -m webviewer.bench.trame_peer FRAMES volume VOLUME`` turns the volume of ``bench render``. Both print JSON: CPU ms
per frame by side length and action.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from trame_rca.schedulers import RcaImageRenderScheduler

from webviewer.bench import appearance
from webviewer.bench.appearance import SIDES, Style
from webviewer.bench.peer_clock import PeerClock
from webviewer.bench.phantoms import STACK
from webviewer.bench.volume_file import BenchVolume
from webviewer.bench.vtk_scenes import Scene, stack_window

_ACTIONS: tuple[tuple[Style, str], ...] = (
    ("oblique", "preview"),
    ("composite", "preview"),
    ("composite", "final"),
    ("shaded", "preview"),
    ("mip", "preview"),
    ("mip", "final"),
)
"""Shaded finals need half a minute each in software OpenGL: the plain mapper's figure says enough."""
_ACTIONS_OF_LARGE = _ACTIONS[:2]


async def _cost(window: Any, step: Callable[[int], object], frames: int, quality: int) -> float:  # noqa: ANN401 - no types
    """Return CPU ms per frame. Both of trame's qualities are ours, so that it encodes no picture twice."""
    pushed = asyncio.Event()
    scheduler = RcaImageRenderScheduler(
        window,
        push_callback=lambda _image, _meta: pushed.set(),
        target_fps=1000.0,
        rca_encoder="jpeg",
        interactive_quality=quality,
        still_quality=quality,
    )
    clock = PeerClock(frames)
    while clock.more():
        step(clock.number)
        pushed.clear()
        scheduler.schedule_render()
        await pushed.wait()
        clock.drawn()
    cost = clock.milliseconds()
    await scheduler.close()
    return cost


async def _measure_slices(frames: int) -> dict[str, dict[str, float]]:
    values = np.stack([STACK.stored_values(k).astype(np.int16) - 1024 for k in range(STACK.slices)])
    figures = {}
    for side in SIDES:
        window, mapper, look = stack_window(values, (STACK.spacing, STACK.spacing, STACK.step), side)
        steps: dict[str, Callable[[int], object]] = {
            "scroll": lambda number, mapper=mapper: mapper.SetSliceNumber(number % STACK.slices),  # type: ignore[misc]
            "window": lambda number, look=look: look.SetColorLevel(40 + number % 50),  # type: ignore[misc]
        }
        figures[str(side)] = {
            name: await _cost(window, step, frames, appearance.PREVIEW_JPEG) for name, step in steps.items()
        }
    return figures


async def _measure_volume(path: Path, frames: int) -> dict[str, dict[str, float]]:
    scene = Scene(BenchVolume.load(path))
    figures: dict[str, dict[str, float]] = {}
    for side in SIDES:
        figures[str(side)] = {}
        for style, quality in _ACTIONS if side == SIDES[0] else _ACTIONS_OF_LARGE:
            preview = quality == "preview"
            window, turn = scene.window(style, side, "opengl", preview=preview)
            strength = appearance.PREVIEW_JPEG if preview else appearance.FINAL_JPEG
            figures[str(side)][f"{style} {quality}"] = await _cost(window, turn, frames, strength)
            window.Finalize()
    return figures


async def _main(frames: int, what: str, rest: list[str]) -> None:
    figures = await (_measure_slices(frames) if what == "slice" else _measure_volume(Path(rest[0]), frames))
    print(json.dumps(figures))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
