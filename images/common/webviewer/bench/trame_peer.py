"""The peer, as a process of its own: trame-rca's capture, scheduler and encoder on VTK scenes, no socket.

``python -m webviewer.bench.trame_peer FRAMES slice|volume`` prints JSON: CPU ms per frame by side length and action.
``volume`` takes the phantom of :mod:`webviewer.bench.render`, and measures VTK's fixed-point mapper without trame as well.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from webviewer.sample.series import PhantomSeries

SIDES = (512, 1024)
SLICES = PhantomSeries(slices=60, step=10.0, name="bench")
VOLUME = PhantomSeries(slices=300, step=2.0, name="bench volume")
_TURN = 3.0
"""Degrees between frames."""


def _image(phantom: PhantomSeries) -> Any:  # noqa: ANN401 - VTK has no types
    from vtkmodules.util.numpy_support import numpy_to_vtk  # noqa: PLC0415 - only this process needs VTK
    from vtkmodules.vtkCommonDataModel import vtkImageData  # noqa: PLC0415

    values = np.stack([phantom.stored_values(k).astype(np.int16) - 1024 for k in range(phantom.slices)])
    image = vtkImageData()
    image.SetDimensions(values.shape[2], values.shape[1], values.shape[0])
    image.SetSpacing(phantom.spacing, phantom.spacing, phantom.step)
    image.GetPointData().SetScalars(numpy_to_vtk(values.reshape(-1), deep=1))
    return image


def _window(side: int) -> tuple[Any, Any]:
    from vtkmodules.all import (  # noqa: PLC0415 - registers the OpenGL factories as well
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
    return window, renderer


def _slice(image: Any, renderer: Any) -> tuple[Any, Any]:  # noqa: ANN401 - VTK has no types
    from vtkmodules.all import vtkImageSlice, vtkImageSliceMapper  # noqa: PLC0415

    mapper, actor = vtkImageSliceMapper(), vtkImageSlice()
    mapper.SetInputData(image)
    mapper.SetOrientationToZ()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColorWindow(400)
    actor.GetProperty().SetColorLevel(40)
    renderer.AddViewProp(actor)
    renderer.GetActiveCamera().ParallelProjectionOn()
    renderer.ResetCamera()
    return mapper, actor


def _oblique(image: Any, renderer: Any) -> Callable[[int], None]:  # noqa: ANN401 - VTK has no types
    """Show the plane through the middle that faces the camera; returns what turns it."""
    from vtkmodules.all import vtkImageResliceMapper, vtkImageSlice  # noqa: PLC0415

    mapper, actor = vtkImageResliceMapper(), vtkImageSlice()
    mapper.SetInputData(image)
    mapper.SliceFacesCameraOn()
    mapper.SliceAtFocalPointOn()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColorWindow(400)
    actor.GetProperty().SetColorLevel(40)
    renderer.AddViewProp(actor)
    return _turning(renderer)


def _volume(image: Any, renderer: Any, mapper: Any) -> Callable[[int], None]:  # noqa: ANN401 - VTK has no types
    """Show bones by a composite, or by whatever ``mapper`` is set to; returns what turns them."""
    from vtkmodules.all import (  # noqa: PLC0415
        vtkColorTransferFunction,
        vtkPiecewiseFunction,
        vtkVolume,
        vtkVolumeProperty,
    )

    colours, opacity, properties, actor = (
        vtkColorTransferFunction(),
        vtkPiecewiseFunction(),
        vtkVolumeProperty(),
        vtkVolume(),
    )
    for value, alpha, colour in BONE:
        opacity.AddPoint(value, alpha)
        colours.AddRGBPoint(value, *colour)
    properties.SetColor(colours)
    properties.SetScalarOpacity(opacity)
    properties.SetScalarOpacityUnitDistance(1.0)
    properties.SetInterpolationTypeToLinear()
    mapper.SetInputData(image)
    actor.SetMapper(mapper)
    actor.SetProperty(properties)
    renderer.AddVolume(actor)
    return _turning(renderer)


BONE = (
    (150.0, 0.0, (0.42, 0.23, 0.16)),
    (250.0, 0.15, (0.73, 0.54, 0.38)),
    (450.0, 0.55, (0.87, 0.76, 0.6)),
    (900.0, 0.85, (0.96, 0.92, 0.84)),
    (3071.0, 0.95, (1.0, 1.0, 1.0)),
)


def _turning(renderer: Any) -> Callable[[int], None]:  # noqa: ANN401 - VTK has no types
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    renderer.ResetCamera()
    camera.Elevation(20)

    def turn(_number: int) -> None:
        camera.Azimuth(_TURN)
        renderer.ResetCameraClippingRange()

    return turn


class _Scheduler:
    """trame-rca's scheduler around a window."""

    def __init__(self, window: Any, frames: int) -> None:  # noqa: ANN401 - VTK has no types
        from trame_rca.schedulers import RcaImageRenderScheduler  # noqa: PLC0415 - only this process needs trame

        self._pushed = asyncio.Event()
        self._frames = frames
        self._scheduler = RcaImageRenderScheduler(
            window, push_callback=lambda _image, _meta: self._pushed.set(), target_fps=1000.0, rca_encoder="jpeg"
        )

    async def cost(self, step: Callable[[int], object]) -> float:
        """Return CPU ms per frame; three frames warm up."""
        started = 0.0
        for number in range(-3, self._frames):
            if number == 0:
                started = time.process_time()
            step(number)
            self._pushed.clear()
            self._scheduler.schedule_render()
            await self._pushed.wait()
        return (time.process_time() - started) / self._frames * 1000

    async def close(self) -> None:
        """Stop."""
        await self._scheduler.close()


async def _measure_slices(image: Any, side: int, frames: int) -> dict[str, float]:  # noqa: ANN401 - VTK has no types
    window, renderer = _window(side)
    mapper, actor = _slice(image, renderer)
    scheduler = _Scheduler(window, frames)
    scroll = await scheduler.cost(lambda number: mapper.SetSliceNumber(number % 60))
    level = await scheduler.cost(lambda number: actor.GetProperty().SetColorLevel(40 + number % 50))
    await scheduler.close()
    return {"scroll": scroll, "window": level}


async def _measure_volume(image: Any, side: int, frames: int) -> dict[str, float]:  # noqa: ANN401 - VTK has no types
    from vtkmodules.all import vtkFixedPointVolumeRayCastMapper, vtkSmartVolumeMapper  # noqa: PLC0415

    figures = {}
    scenes: dict[str, Callable[[Any], Callable[[int], None]]] = {
        "oblique": lambda renderer: _oblique(image, renderer),
        "composite": lambda renderer: _volume(image, renderer, vtkSmartVolumeMapper()),
    }
    for name, show in scenes.items():
        window, renderer = _window(side)
        turn = show(renderer)
        scheduler = _Scheduler(window, frames if name == "oblique" else max(3, frames // 10))
        figures[name] = await scheduler.cost(turn)
        await scheduler.close()
    for name, scale, distance in (("mip preview", 2, 1.4), ("mip still", 1, 0.7)):
        mapper = vtkFixedPointVolumeRayCastMapper()
        mapper.SetBlendModeToMaximumIntensity()
        mapper.AutoAdjustSampleDistancesOff()
        mapper.SetImageSampleDistance(1.0)
        mapper.SetSampleDistance(distance)
        window, renderer = _window(side // scale)
        figures[name] = _cost_of_vtk(window, _volume(image, renderer, mapper), max(3, frames // 10))
    return figures


def _cost_of_vtk(window: Any, turn: Callable[[int], None], frames: int) -> float:  # noqa: ANN401 - VTK has no types
    started = 0.0
    for number in range(-2, frames):
        if number == 0:
            started = time.process_time()
        turn(number)
        window.Render()
    return (time.process_time() - started) / frames * 1000


async def _main() -> None:
    frames, what = int(sys.argv[1]), sys.argv[2]
    measure, phantom = (_measure_slices, SLICES) if what == "slice" else (_measure_volume, VOLUME)
    image = _image(phantom)
    figures = {str(side): await measure(image, side, frames) for side in SIDES}
    print(json.dumps(figures), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    asyncio.run(_main())
