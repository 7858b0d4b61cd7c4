"""VTK's volume mapper through EGL or OSMesa: for GPUs that draw, and the independent reference of our own kernels.

The one place that knows VTK, an optional part of the installation. ``python -m webviewer_render.backends.vtk`` draws a
test picture and prints what did it: without OpenGL VTK does not raise an error but kills the process, so :func:`probe`
lets a child try.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import Position, Quality, VolumeView
from webviewer_render.backends.base import BackendUnavailableError, Capabilities
from webviewer_render.scene import projection, ray_kernels
from webviewer_render.scene.bands import ALONE, Crew
from webviewer_render.scene.picture import CancelledError, Picture
from webviewer_render.scene.projection import Cast, Values
from webviewer_render.volume.levels import Level, Levels

_PROBE_SECONDS = 60.0
_NOTHING = (0, 0, 255)
"""A colour that no grey has: where no ray meets the volume."""
_EYE = 1e4
Pixels = npt.NDArray[np.uint8]


@functools.cache
def _vtk(module: str) -> Any:  # noqa: ANN401 - VTK has no types where it is not installed
    try:
        return importlib.import_module(f"vtkmodules.{module}")
    except ImportError as error:
        text = "VTK is not installed: pip install webviewer[vtk]"
        raise BackendUnavailableError(text) from error


def probe() -> Capabilities:
    """Have a child process draw; raises BackendUnavailableError with the reason where it cannot."""
    command = [sys.executable, "-m", "webviewer_render.backends.vtk"]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        text = f"VTK did not draw within {_PROBE_SECONDS:.0f} seconds"
        raise BackendUnavailableError(text) from error
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Capabilities("vtk", json.loads(lines[-1])["device"], exact_cuts=False)
    if "pip install" in done.stderr:
        text = "VTK is not installed: pip install webviewer[vtk]"
    else:
        text = "VTK cannot draw here: install libosmesa6, or libegl1 and libgl1-mesa-dri or the GPU's driver"
    raise BackendUnavailableError(text)


class VtkBackend:
    """See :class:`webviewer_render.backends.base.Backend`. All of VTK happens on one thread of its own."""

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        self.capabilities = capabilities or probe()
        self._thread = ThreadPoolExecutor(1, "vtk")
        self._scene: _Scene | None = None

    def render(  # noqa: PLR0913 - as the frame function
        self,
        levels: Levels,
        view: VolumeView,
        size: tuple[int, int],
        quality: Quality,
        windows: projection.Windows = (),
        cancelled: Callable[[], bool] | None = None,
        crew: Crew = ALONE,  # noqa: ARG002 - the device has threads of its own
    ) -> Picture:
        """Draw; ``cancelled()`` is looked at before, as VTK does not stop in the middle."""
        cast = projection.prepared(levels, view, size, quality, cancelled)
        return projection.picture_of(_VtkCast(cast, self._draw), windows, cancelled)

    def pick(self, levels: Levels, view: VolumeView, size: tuple[int, int], at: tuple[float, float]) -> Position | None:
        """Follow one ray by the kernels."""
        return projection.pick(levels, view, size, *at)

    def close(self) -> None:
        """Free the window and the thread."""
        self._thread.submit(self._close_scene).result()
        self._thread.shutdown()

    def _draw(self, cast: Cast, colours: npt.NDArray[np.float64], cancelled: Callable[[], bool] | None) -> Pixels:
        if cancelled is not None and cancelled():
            raise CancelledError
        return self._thread.submit(self._draw_here, cast, colours).result()

    def _draw_here(self, cast: Cast, colours: npt.NDArray[np.float64]) -> Pixels:
        if self._scene is None:
            self._scene = _Scene()
        return self._scene.draw(cast, colours)

    def _close_scene(self) -> None:
        if self._scene is not None:
            self._scene.close()
            self._scene = None


class _VtkCast:
    """A prepared picture drawn by VTK. Values come back through 8 bits, over the range that is told apart."""

    def __init__(
        self, cast: Cast, draw: Callable[[Cast, npt.NDArray[np.float64], Callable[[], bool] | None], Pixels]
    ) -> None:
        self._cast = cast
        self._draw = draw
        self.levels = cast.levels
        self.view = cast.view

    def composite(self, cancelled: Callable[[], bool] | None) -> Pixels:
        """Return RGB."""
        transfer = self._cast.transfer()
        values = transfer.base + np.arange(len(transfer.table)) / transfer.gain
        return self._draw(self._cast, np.column_stack([values, transfer.table]), cancelled)

    def extreme(self, apart: tuple[float, float], cancelled: Callable[[], bool] | None) -> Values:
        """Return stored values."""
        return self._values(apart, cancelled)

    def mean(self, cancelled: Callable[[], bool] | None) -> Values:
        """Return stored values."""
        low, high, _ = self._cast.averaged()
        return self._values((low, high), cancelled)

    def _values(self, apart: tuple[float, float], cancelled: Callable[[], bool] | None) -> Values:
        span = self._cast.level.span
        low, high = max(apart[0], span[0]), min(apart[1], span[1])
        high = max(high, low + 1e-6)
        ramp = np.array([[low, 0, 0, 0, 1], [high, 1, 1, 1, 1]], np.float64)
        pixels = self._draw(self._cast, ramp, cancelled)
        values = (low + pixels[:, :, 0].astype(np.float64) / 255 * (high - low)).astype(np.float32)
        values[(pixels[:, :, 2] > 0) & (pixels[:, :, 0] == 0)] = np.nan
        return values


class _Scene:
    """A window, and the volume that is in it."""

    def __init__(self) -> None:
        core = _vtk("vtkRenderingCore")
        _vtk("vtkRenderingOpenGL2")
        _vtk("vtkRenderingVolumeOpenGL2")
        self._window = core.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._renderer = core.vtkRenderer()
        self._window.AddRenderer(self._renderer)
        self._renderer.AutomaticLightCreationOff()
        self._light = core.vtkLight()
        self._light.SetLightTypeToCameraLight()
        self._renderer.AddLight(self._light)
        self._volume = core.vtkVolume()
        self._mapper = _vtk("vtkRenderingVolumeOpenGL2").vtkOpenGLGPUVolumeRayCastMapper()
        self._mapper.SetAutoAdjustSampleDistances(0)
        self._mapper.SetUseJittering(0)
        self._mapper.SetImageSampleDistance(1)
        self._volume.SetMapper(self._mapper)
        self._shown: tuple[Any, ...] | None = None

    @property
    def device(self) -> str:
        """What draws."""
        self._window.Render()
        lines = self._window.ReportCapabilities().splitlines()
        found = [line.split(":", 1)[1].strip() for line in lines if line.startswith("OpenGL renderer string")]
        return f"{found[0] if found else 'unknown'} ({self._window.GetClassName()})"

    def draw(self, cast: Cast, colours: npt.NDArray[np.float64]) -> Pixels:
        """Return RGB; ``colours`` has rows of stored value, red, green, blue, opacity per mm."""
        self._show(cast)
        self._colour(cast, colours)
        self._look(cast)
        width, height = cast.size
        self._window.SetSize(width, height)
        self._window.Render()
        buffer = _vtk("vtkCommonCore").vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, width - 1, height - 1, 1, buffer, 0)
        pixels = _vtk("util.numpy_support").vtk_to_numpy(buffer).reshape(height, width, 3)
        return np.ascontiguousarray(pixels[::-1])

    def close(self) -> None:
        """Free the window."""
        self._window.Finalize()

    def _show(self, cast: Cast) -> None:
        """Give the mapper the level, without what is hidden."""
        wanted = (cast.level, cast.visibility)
        if self._shown is not None and all(a is b for a, b in zip(self._shown, wanted, strict=True)):
            return
        level = cast.level
        values = _shown_values(cast)
        image = _vtk("vtkCommonDataModel").vtkImageData()
        image.SetDimensions(*level.shape[::-1])
        image.SetSpacing(*level.spacing)
        image.GetPointData().SetScalars(_vtk("util.numpy_support").numpy_to_vtk(values.reshape(-1), deep=1))
        self._mapper.SetInputData(image)
        self._volume.SetUserMatrix(_matrix(level))
        self._renderer.AddVolume(self._volume)  # not earlier: a mapper must have something to draw
        self._shown = wanted

    def _colour(self, cast: Cast, colours: npt.NDArray[np.float64]) -> None:
        view = cast.view
        properties = _vtk("vtkRenderingCore").vtkVolumeProperty()
        colour, opacity = (
            _vtk("vtkRenderingCore").vtkColorTransferFunction(),
            _vtk("vtkCommonDataModel").vtkPiecewiseFunction(),
        )
        for value, red, green, blue, alpha in colours.tolist():
            colour.AddRGBPoint(value, red, green, blue)
            opacity.AddPoint(value, alpha)
        properties.SetColor(colour)
        properties.SetScalarOpacity(opacity)
        properties.SetScalarOpacityUnitDistance(1.0)
        properties.SetInterpolationTypeToLinear()
        lit = view.mode == "composite" and view.light is not None
        properties.SetShade(lit)
        if view.light is not None:
            properties.SetAmbient(view.light.ambient)
            properties.SetDiffuse(view.light.diffuse)
            properties.SetSpecular(view.light.specular)
            properties.SetSpecularPower(view.light.power)
        if view.mode == "composite" and view.gradient:
            properties.SetGradientOpacity(_gradient_opacity(cast))
        self._volume.SetProperty(properties)
        blend = {
            "composite": self._mapper.SetBlendModeToComposite,
            "mip": self._mapper.SetBlendModeToMaximumIntensity,
            "minip": self._mapper.SetBlendModeToMinimumIntensity,
            "mean": self._mapper.SetBlendModeToAverageIntensity,
        }
        turned = cast.levels.slope < 0 and view.mode in {"mip", "minip"}
        blend[{"mip": "minip", "minip": "mip"}[view.mode] if turned else view.mode]()
        if view.mode == "mean":
            low, high, _ = cast.averaged()
            span = cast.level.span
            self._mapper.SetAverageIPScalarRange(max(low, span[0]), min(high, span[1]))
        self._mapper.SetSampleDistance(cast.step)
        background = (0, 0, 0) if view.mode == "composite" else _NOTHING
        self._renderer.SetBackground(*(part / 255 for part in background))

    def _look(self, cast: Cast) -> None:
        camera, seen = self._renderer.GetActiveCamera(), cast.camera
        width, height = cast.size
        half = cast.view.extent / min(width, height) * height / 2
        distance = seen.distance or _EYE
        camera.SetFocalPoint(*seen.center)
        camera.SetPosition(*(seen.center - distance * seen.ahead))
        camera.SetViewUp(*(-seen.column))
        camera.SetParallelProjection(not seen.distance)
        camera.SetParallelScale(half)
        camera.SetViewAngle(math.degrees(2 * math.atan(half / distance)))
        self._renderer.ResetCameraClippingRange()
        side = math.sin(projection.LIGHT_ANGLE) / math.sqrt(2)
        self._light.SetPosition(-side, side, math.cos(projection.LIGHT_ANGLE))
        self._light.SetFocalPoint(0, 0, 0)
        self._crop(cast)

    def _crop(self, cast: Cast) -> None:
        low, high = cast.box[:3] * cast.level.spacing, cast.box[3:] * cast.level.spacing
        self._mapper.SetCropping(cast.view.crop is not None)
        if cast.view.crop is not None:
            self._mapper.SetCroppingRegionPlanes(low[0], high[0], low[1], high[1], low[2], high[2])
            self._mapper.SetCroppingRegionFlagsToSubVolume()


def _shown_values(cast: Cast) -> npt.NDArray[Any]:
    """Return the level's values; hidden ones have the value that is never seen."""
    level, mask = cast.level, cast.visibility
    values = level.array()
    if not (mask.states != ray_kernels.DRAWN).any():
        return values
    hidden = np.ones(level.shape, bool)
    places = [
        np.clip(np.rint(np.arange(n) * mask.place[a] + mask.place[a + 3]), 0, m - 1).astype(int)
        for n, a, m in zip(level.shape, (2, 1, 0), mask.mask.shape, strict=True)
    ]
    hidden = mask.mask[np.ix_(*places)] < 128  # noqa: PLR2004 - half of the mask's range
    low, high = level.span
    lowest = (cast.view.mode == "minip") != (cast.levels.slope < 0)
    copy = values.copy()
    copy[hidden] = high if lowest else low
    return copy


def _matrix(level: Level) -> Any:  # noqa: ANN401 - VTK has no types where it is not installed
    matrix = _vtk("vtkCommonMath").vtkMatrix4x4()
    directions = level.axes / level.spacing
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, float(directions[row, column]))
        matrix.SetElement(row, 3, float(level.origin[row]))
    return matrix


def _gradient_opacity(cast: Cast) -> Any:  # noqa: ANN401 - VTK has no types where it is not installed
    function = _vtk("vtkCommonDataModel").vtkPiecewiseFunction()
    slope = abs(cast.levels.slope) or 1.0
    for point in sorted(cast.view.gradient, key=lambda point: point.magnitude):
        function.AddPoint(point.magnitude / slope, point.factor)
    return function


def _main() -> int:
    scene = _Scene()
    print(json.dumps({"device": scene.device}))  # noqa: T201 - the answer to the parent
    return 0


if __name__ == "__main__":
    sys.exit(_main())
