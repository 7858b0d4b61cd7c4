"""The stack of a series: all its frames in display order, and what the page must know of them."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from webviewer.domain.image import FrameAttributes, ImageDescription, LookupTable, Vector, Window
from webviewer.domain.study import InstanceSource, SeriesManifest
from webviewer.domain.view import ImageView, ViewState
from webviewer.wire.messages import Opened, StackFrame, StackGeometry
from webviewer_render.scene.voi import entries

_SAME_DIRECTION = 1e-3
"""Components of direction cosines closer than this are equal: headers are rounded."""
_SAME_PLACE = 1e-3
_WRITTEN = {"BQML": "Bq/ml", "GML": "g/ml"}
"""Defined terms as they are written for people."""
_EVEN_STEP = 0.01
"""Share by which gaps may differ and still count as one step."""


@dataclass(frozen=True, slots=True)
class StackSlice:
    """One frame of the stack: ``instance`` indexes the manifest, ``frame`` counts from 0 within it."""

    instance: int
    frame: int
    position: float


@dataclass(frozen=True)
class Stack:
    """Frames in display order: along the common normal where there is one, else by number."""

    manifest: SeriesManifest
    slices: tuple[StackSlice, ...]
    position_unit: Literal["mm", "index"]

    def index_at(self, position: float) -> int:
        """Return the display index of the slice nearest to ``position``."""
        positions = self._positions
        right = bisect.bisect_left(positions, position)
        if right == 0:
            return 0
        if right == len(positions):
            return len(positions) - 1
        return right if positions[right] - position < position - positions[right - 1] else right - 1

    def source(self, index: int) -> InstanceSource:
        """Return the object that slice ``index`` belongs to."""
        return self.manifest.instances[self.slices[index].instance]

    def image(self, index: int) -> ImageDescription | None:
        """Return the description of slice ``index``, None if it has no picture."""
        return self.source(index).image

    @cached_property
    def _positions(self) -> list[float]:
        return [piece.position for piece in self.slices]

    @cached_property
    def first_image(self) -> ImageDescription | None:
        """The description of the first slice that has one."""
        return next((source.image for source in self.manifest.instances if source.image), None)

    def default_view(self) -> ImageView:
        """Return the state a viewport opens with: the first slice that has a picture, fitted, with the file's window.

        PET is looked at with high uptake dark.
        """
        shown = next((s for n, s in enumerate(self.slices) if self.image(n)), self.slices[0] if self.slices else None)
        dark = self.manifest.modality == "PT"
        return ImageView(position=shown.position if shown else 0.0, colour_map="inverted" if dark else "grey")

    def opened(self, viewport: int, view: ViewState) -> Opened:
        """Describe the stack to the page."""
        image = self.first_image
        return Opened(
            viewport=viewport,
            series=self.manifest.series,
            version=self.manifest.version,
            modality=self.manifest.modality,
            position_unit=self.position_unit,
            slices=tuple(self._frame(index) for index in range(len(self.slices))),
            geometry=self._geometry(),
            windows=_windows(image) if image else (),
            colour=bool(image and (image.samples > 1 or image.palette)),
            unit=self._unit(),
            value_range=_value_range(image) if image else None,
            frame_time=image.frame_time if image else None,
            lossy_ratio=self._lossy_ratio(),
            masked=any(source.image and source.image.visible is not None for source in self.manifest.instances),
            view=view,
        )

    def _unit(self) -> str:
        """Return the unit of all images, empty if they differ."""
        units = {_unit(source.image, self.manifest.modality) for source in self.manifest.instances if source.image}
        return units.pop() if len(units) == 1 else ""

    def _lossy_ratio(self) -> float | None:
        images = (source.image for source in self.manifest.instances if source.image)
        return max((image.lossy_ratio for image in images if image.lossy_ratio is not None), default=None)

    def _frame(self, index: int) -> StackFrame:
        piece, source = self.slices[index], self.source(index)
        image = source.image
        plane = image.frame(piece.frame).plane if image else None
        return StackFrame(
            position=piece.position,
            number=source.number,
            frame=piece.frame,
            rows=image.rows if image else 0,
            columns=image.columns if image else 0,
            origin=plane.origin if plane else None,
            problem=source.problem,
            why=source.why,
        )

    def _geometry(self) -> StackGeometry:
        frames = [(s.image, s.image.frame(p.frame)) for p, s in self._sources() if s.image]
        if not frames:
            return StackGeometry()
        image, first = frames[0]
        plane = first.plane if first.plane and all(_parallel(first, other) for _, other in frames) else None
        spacing = first.spacing if all(other.spacing == first.spacing for _, other in frames) else None
        return StackGeometry(
            row=plane.row if plane else None,
            column=plane.column if plane else None,
            spacing=spacing,
            spacing_source=image.spacing_source if spacing or image.regions else "none",
            thickness=first.thickness if all(other.thickness == first.thickness for _, other in frames) else None,
            step=_even_step([p.position for p, s in self._sources() if s.image])
            if self.position_unit == "mm"
            else None,
            pixel_aspect=image.pixel_aspect,
            space=image.space,
        )

    def _sources(self) -> list[tuple[StackSlice, InstanceSource]]:
        return [(piece, self.source(index)) for index, piece in enumerate(self.slices)]


def build_stack(manifest: SeriesManifest) -> Stack:
    """Order the frames of a series for display.

    Where all frames with a picture are parallel and at different places, they are ordered along their normal and
    positions are patient mm; else they keep the order of instance and frame numbers, and positions are ordinals.
    Objects without a picture stay in the stack with the reason, beside the object whose number precedes theirs.
    """
    pieces = [
        (index, frame)
        for index, source in enumerate(manifest.instances)
        for frame in range(source.image.frames if source.image else 1)
    ]
    shown = [piece for piece in pieces if manifest.instances[piece[0]].image is not None]
    places = _places(manifest, shown)
    if places is None:
        slices = tuple(StackSlice(i, f, float(n)) for n, (i, f) in enumerate(pieces))
        return Stack(manifest, slices, "index")
    placed = sorted(zip(places, shown, strict=True), key=lambda item: item[0])
    slices_in_space = [StackSlice(i, f, place) for place, (i, f) in placed]
    for index, source in enumerate(manifest.instances):
        if source.image is None:
            _insert(slices_in_space, index)
    return Stack(manifest, tuple(slices_in_space), "mm")


def _insert(slices: list[StackSlice], instance: int) -> None:
    """Put an object without a picture beside the one with the next lower number, half way to its neighbour."""
    rising = slices[0].instance <= slices[-1].instance
    before = max((s.instance for s in slices if s.instance < instance), default=None)
    if before is None:
        at = 0 if rising else len(slices)
    elif rising:
        at = max(n for n, s in enumerate(slices) if s.instance == before) + 1
    else:
        at = min(n for n, s in enumerate(slices) if s.instance == before)
    step = (slices[-1].position - slices[0].position) / (len(slices) - 1) if len(slices) > 1 else 1.0
    lower = slices[at - 1].position if at else slices[0].position - step
    upper = slices[at].position if at < len(slices) else slices[-1].position + step
    slices.insert(at, StackSlice(instance, 0, (lower + upper) / 2))


def _places(manifest: SeriesManifest, pieces: Sequence[tuple[int, int]]) -> list[float] | None:
    """Return mm along the common normal for every piece, None where a stack in space cannot be made."""
    attributes: list[FrameAttributes] = []
    for index, frame in pieces:
        image = manifest.instances[index].image
        if image is None or image.frame(frame).plane is None:
            return None
        attributes.append(image.frame(frame))
    if not attributes or not all(_parallel(attributes[0], other) for other in attributes):
        return None
    normal = _normal(attributes[0])
    places = [sum(n * o for n, o in zip(normal, a.plane.origin, strict=True)) for a in attributes if a.plane]
    ordered = sorted(places)
    if any(after - before < _SAME_PLACE for before, after in pairwise(ordered)):
        return None
    return places


def _parallel(one: FrameAttributes, other: FrameAttributes) -> bool:
    if one.plane is None or other.plane is None:
        return False
    mine, theirs = (*one.plane.row, *one.plane.column), (*other.plane.row, *other.plane.column)
    return all(abs(a - b) < _SAME_DIRECTION for a, b in zip(mine, theirs, strict=True))


def _normal(attributes: FrameAttributes) -> Vector:
    plane = attributes.plane
    if plane is None:
        return 0.0, 0.0, 1.0
    (a, b, c), (d, e, f) = plane.row, plane.column
    return b * f - c * e, c * d - a * f, a * e - b * d


def _even_step(positions: Sequence[float]) -> float | None:
    gaps = [after - before for before, after in pairwise(positions)]
    if not gaps:
        return None
    mean = sum(gaps) / len(gaps)
    return mean if all(abs(gap - mean) <= _EVEN_STEP * mean for gap in gaps) else None


def _windows(image: ImageDescription) -> tuple[Window, ...]:
    return (*image.frame(0).windows, *(_table_window(table) for table in image.voi_luts))


def _table_window(table: LookupTable) -> Window:
    length = len(entries(table))
    return Window(center=table.first + length / 2, width=length, explanation=f"{table.explanation} LUT".strip())


def _unit(image: ImageDescription, modality: str) -> str:
    if image.rescale_type and image.rescale_type != "US":
        return _WRITTEN.get(image.rescale_type, image.rescale_type)
    return "HU" if modality == "CT" and image.samples == 1 and not image.rescale_type else ""


def _value_range(image: ImageDescription) -> tuple[float, float] | None:
    if image.samples > 1 or image.photometric == "PALETTE COLOR":
        return 0.0, 255.0
    if image.floating:
        return None
    if image.modality_lut is not None:
        return 0.0, float((1 << image.modality_lut.bits) - 1)
    low, high = (
        (-(1 << (image.bits_stored - 1)), (1 << (image.bits_stored - 1)) - 1)
        if image.signed
        else (
            0,
            (1 << image.bits_stored) - 1,
        )
    )
    attributes = image.frame(0)
    ends = sorted((low * attributes.slope + attributes.intercept, high * attributes.slope + attributes.intercept))
    return ends[0], ends[1]
