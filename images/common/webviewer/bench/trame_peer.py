"""The peer, as a process of its own: trame-rca's capture, scheduler and encoder on a VTK image slice, no socket.

``python -m webviewer.bench.trame_peer FRAMES`` prints JSON: CPU ms per frame by side length and action.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import numpy as np

SIDES = (512, 1024)


def _volume() -> Any:  # noqa: ANN401 - VTK has no types
    from vtkmodules.util.numpy_support import numpy_to_vtk  # noqa: PLC0415 - only this process needs VTK
    from vtkmodules.vtkCommonDataModel import vtkImageData  # noqa: PLC0415

    from webviewer.sample.series import PhantomSeries  # noqa: PLC0415

    phantom = PhantomSeries(slices=60, step=10.0, name="bench")
    values = np.stack([phantom.stored_values(k).astype(np.int16) - 1024 for k in range(phantom.slices)])
    image = vtkImageData()
    image.SetDimensions(values.shape[2], values.shape[1], values.shape[0])
    image.SetSpacing(phantom.spacing, phantom.spacing, phantom.step)
    image.GetPointData().SetScalars(numpy_to_vtk(values.reshape(-1), deep=1))
    return image


def _window(image: Any, side: int) -> tuple[Any, Any, Any]:  # noqa: ANN401 - VTK has no types
    from vtkmodules.all import (  # noqa: PLC0415 - registers the OpenGL factories as well
        vtkImageSlice,
        vtkImageSliceMapper,
        vtkRenderer,
        vtkRenderWindow,
        vtkRenderWindowInteractor,
    )

    renderer, window, interactor = vtkRenderer(), vtkRenderWindow(), vtkRenderWindowInteractor()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(side, side)
    window.AddRenderer(renderer)
    interactor.SetRenderWindow(window)
    mapper, actor = vtkImageSliceMapper(), vtkImageSlice()
    mapper.SetInputData(image)
    mapper.SetOrientationToZ()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColorWindow(400)
    actor.GetProperty().SetColorLevel(40)
    renderer.AddViewProp(actor)
    renderer.GetActiveCamera().ParallelProjectionOn()
    renderer.ResetCamera()
    return window, interactor, (mapper, actor)


async def _measure(image: Any, side: int, frames: int) -> dict[str, float]:  # noqa: ANN401 - VTK has no types
    from trame_rca.schedulers import RcaImageRenderScheduler  # noqa: PLC0415 - only this process needs trame

    window, _interactor, (mapper, actor) = _window(image, side)
    pushed = asyncio.Event()

    def push(_image: object, _meta: object) -> None:
        pushed.set()

    scheduler = RcaImageRenderScheduler(window, push_callback=push, target_fps=1000.0, rca_encoder="jpeg")

    async def cost(step: Any) -> float:  # noqa: ANN401 - a local function
        started = 0.0
        for number in range(-3, frames):  # three to warm up
            if number == 0:
                started = time.process_time()
            step(number)
            pushed.clear()
            scheduler.schedule_render()
            await pushed.wait()
        return (time.process_time() - started) / frames * 1000

    scroll = await cost(lambda number: mapper.SetSliceNumber(number % 60))
    level = await cost(lambda number: actor.GetProperty().SetColorLevel(40 + number % 50))
    await scheduler.close()
    return {"scroll": scroll, "window": level}


async def _main() -> None:
    image, frames = _volume(), int(sys.argv[1])
    figures = {str(side): await _measure(image, side, frames) for side in SIDES}
    print(json.dumps(figures), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    asyncio.run(_main())
