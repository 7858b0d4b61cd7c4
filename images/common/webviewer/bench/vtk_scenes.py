"""The scenes of a run in VTK: same volume, camera, windows, transfer function and light as ours.

Needs VTK (the bench's requirements); imported by the peers' processes only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from vtkmodules import all as vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from webviewer.bench import appearance
from webviewer.bench.appearance import Style
from webviewer.bench.turntable import Array, Turntable
from webviewer.bench.volume_file import BenchVolume

Mapper = Literal["fixed-point", "opengl"]
_FAR = 2000.0


class Scene:
    """A volume, in its own axes, with the camera of a turntable. ``turn`` before each picture."""

    def __init__(self, volume: BenchVolume) -> None:
        self._axes = volume.axes
        self._origin = volume.origin
        self._source = volume
        self._step = float(np.min(volume.spacing))
        self.image = vtk.vtkImageData()
        self.image.SetDimensions(*volume.values.shape[::-1])
        self.image.SetSpacing(*volume.spacing)
        self._values = volume.values  # VTK does not keep what it shares
        self.image.GetPointData().SetScalars(numpy_to_vtk(self._values.reshape(-1), deep=0))

    def reslice(self, style: Style, side: int) -> Callable[[int], Array]:
        """Return what draws picture ``number`` by vtkImageReslice, as grey levels."""
        cut, grey = vtk.vtkImageReslice(), vtk.vtkImageMapToWindowLevelColors()
        cut.SetInputData(self.image)
        cut.SetOutputDimensionality(2)
        cut.SetInterpolationModeToLinear()
        cut.SetBackgroundLevel(-1024)
        turntable = Turntable.around(self._source, style)
        pixel = turntable.extent / side
        cut.SetOutputSpacing(pixel, pixel, 1.0)
        cut.SetOutputOrigin(*[(0.5 - side / 2) * pixel] * 2, 0.0)
        cut.SetOutputExtent(0, side - 1, 0, side - 1, 0, 0)
        if style == "slab":
            cut.SetSlabModeToMax()
            cut.SetSlabNumberOfSlices(max(1, round(appearance.SLAB_MM / self._step)))
            cut.SetSlabSliceSpacingFraction(self._step)
        grey.SetInputConnection(cut.GetOutputPort())
        grey.SetOutputFormatToLuminance()
        grey.SetLevel(appearance.PLANE_WINDOW[0])
        grey.SetWindow(appearance.PLANE_WINDOW[1])

        def draw(number: int) -> Array:
            center, right, down, ahead = self._look(turntable, number)
            cut.SetResliceAxesDirectionCosines(*right, *down, *ahead)
            cut.SetResliceAxesOrigin(*center)
            grey.Update()
            pixels: Array = vtk_to_numpy(grey.GetOutput().GetPointData().GetScalars()).reshape(side, side)
            return pixels

        return draw

    def window(self, style: Style, side: int, mapper: Mapper, *, preview: bool) -> tuple[Any, Callable[[int], None]]:
        """Return a render window, and what turns its camera to picture ``number``."""
        window, renderer = _window(side)
        if style == "oblique":
            renderer.AddViewProp(self._plane())
        else:
            renderer.AddVolume(self._volume(style, side, mapper, preview=preview))
        turntable = Turntable.around(self._source, style)
        camera = renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetParallelScale(turntable.extent / 2)

        def turn(number: int) -> None:
            center, _, down, ahead = self._look(turntable, number)
            camera.SetFocalPoint(*center)
            camera.SetPosition(*(center - _FAR * ahead))
            camera.SetViewUp(*-down)
            renderer.ResetCameraClippingRange()

        return window, turn

    def _look(self, turntable: Turntable, number: int) -> tuple[Array, Array, Array, Array]:
        """Return centre, right, down and ahead in the volume's own axes."""
        right, down, ahead = (self._axes @ direction for direction in turntable.axes(number))
        return self._axes @ (turntable.center - self._origin), right, down, ahead

    def _plane(self) -> Any:  # noqa: ANN401 - VTK has no types
        mapper, plane = vtk.vtkImageResliceMapper(), vtk.vtkImageSlice()
        mapper.SetInputData(self.image)
        mapper.SliceFacesCameraOn()
        mapper.SliceAtFocalPointOn()
        plane.SetMapper(mapper)
        plane.GetProperty().SetColorLevel(appearance.PLANE_WINDOW[0])
        plane.GetProperty().SetColorWindow(appearance.PLANE_WINDOW[1])
        return plane

    def _volume(self, style: Style, side: int, mapper: Mapper, *, preview: bool) -> Any:  # noqa: ANN401 - VTK has no types
        rays = (
            vtk.vtkFixedPointVolumeRayCastMapper() if mapper == "fixed-point" else vtk.vtkOpenGLGPUVolumeRayCastMapper()
        )
        rays.SetInputData(self.image)
        rays.SetAutoAdjustSampleDistances(0)
        rays.SetImageSampleDistance(side / appearance.PREVIEW_SIDES[side] if preview else 1.0)
        rays.SetSampleDistance(self._step * (appearance.PREVIEW_STEP if preview else appearance.FINAL_STEP))
        if style == "mip":
            rays.SetBlendModeToMaximumIntensity()
        volume = vtk.vtkVolume()
        volume.SetMapper(rays)
        volume.SetProperty(_grey_ramp() if style == "mip" else _bone(lit=style == "shaded"))
        return volume


def _window(side: int) -> tuple[Any, Any]:
    renderer, window, interactor = vtk.vtkRenderer(), vtk.vtkRenderWindow(), vtk.vtkRenderWindowInteractor()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(side, side)
    window.AddRenderer(renderer)
    interactor.SetRenderWindow(window)
    return window, renderer


def _bone(*, lit: bool) -> Any:  # noqa: ANN401 - VTK has no types
    colours, opacity, look = vtk.vtkColorTransferFunction(), vtk.vtkPiecewiseFunction(), vtk.vtkVolumeProperty()
    for value, alpha, colour in appearance.BONE:
        opacity.AddPoint(value, alpha)
        colours.AddRGBPoint(value, *colour)
    look.SetColor(colours)
    look.SetScalarOpacity(opacity)
    look.SetScalarOpacityUnitDistance(1.0)
    look.SetInterpolationTypeToLinear()
    look.SetShade(int(lit))
    look.SetAmbient(appearance.LIGHT["ambient"])
    look.SetDiffuse(appearance.LIGHT["diffuse"])
    look.SetSpecular(appearance.LIGHT["specular"])
    look.SetSpecularPower(appearance.LIGHT["power"])
    return look


def _grey_ramp() -> Any:  # noqa: ANN401 - VTK has no types
    center, width = appearance.MIP_WINDOW
    colours, opacity, look = vtk.vtkColorTransferFunction(), vtk.vtkPiecewiseFunction(), vtk.vtkVolumeProperty()
    for value, grey in ((center - width / 2, 0.0), (center + width / 2, 1.0)):
        colours.AddRGBPoint(value, grey, grey, grey)
        opacity.AddPoint(value, 1.0)
    look.SetColor(colours)
    look.SetScalarOpacity(opacity)
    look.SetInterpolationTypeToLinear()
    return look


def stack_window(values: Any, spacing: tuple[float, float, float], side: int) -> tuple[Any, Any, Any]:  # noqa: ANN401 - no types
    """Return a window on a stack of slices, the mapper that chooses the slice and the properties that window it."""
    image, mapper, plane = vtk.vtkImageData(), vtk.vtkImageSliceMapper(), vtk.vtkImageSlice()
    image.SetDimensions(*values.shape[::-1])
    image.SetSpacing(*spacing)
    image.GetPointData().SetScalars(numpy_to_vtk(values.reshape(-1), deep=1))
    mapper.SetInputData(image)
    mapper.SetOrientationToZ()
    plane.SetMapper(mapper)
    plane.GetProperty().SetColorLevel(appearance.PLANE_WINDOW[0])
    plane.GetProperty().SetColorWindow(appearance.PLANE_WINDOW[1])
    window, renderer = _window(side)
    renderer.AddViewProp(plane)
    renderer.GetActiveCamera().ParallelProjectionOn()
    renderer.ResetCamera()
    return window, mapper, plane.GetProperty()
