"""ViewState: everything that decides how a picture looks, and nothing else.

``render(pixels, ViewState, size, quality)`` is a pure function of it, so ViewStates can be stored,
merged, sent to another node and used as cache keys.

Directions and places of the MPR and Volume windows are patient coordinates (LPS, mm; PS3.3 C.7.6.2).
``row`` points to the right of the screen and ``column`` down; the viewer looks along row x column.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, TypeAdapter

from webviewer.domain.image import Value, Window

ColourMap = Literal["grey", "inverted", "hot-iron", "hot-metal-blue", "pet-20", "rainbow", "viridis"]
WindowKind = Literal["image", "mpr", "volume"]
Blend = Literal["mip", "minip", "mean", "sum"]
VolumeMode = Literal["composite", "mip", "minip", "mean"]
Unit = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Millimetres = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Position = tuple[Millimetres, Millimetres, Millimetres]
_UNIT_LENGTH = 1e-3
MAX_POINTS = 64
MAX_CUTS = 32
MAX_CORNERS = 256


class Quality(IntEnum):
    """How faithful the pixels of a frame are. The numbers are on the wire."""

    PREVIEW = 0
    FINAL = 1
    LOSSLESS = 2


def _is_direction(vector: Position) -> Position:
    if abs(sum(part * part for part in vector) - 1) > _UNIT_LENGTH:
        text = "a direction has length 1"
        raise ValueError(text)
    return vector


Direction = Annotated[Position, AfterValidator(_is_direction)]


class ImageView(Value):
    """One frame of a stack.

    The source picture has pixel centres at integer (column, row) coordinates. It is placed on the
    viewport so that ``center`` lies in the middle, is mirrored if asked, then turned clockwise by
    ``rotation`` degrees, and enlarged by ``zoom`` relative to fitting the whole (turned) frame.
    Non-square pixels are shown with their true aspect.
    """

    kind: Literal["image"] = "image"
    position: float = 0.0
    """Millimetres along the stack's normal, or an ordinal where the stack says ``index``."""
    voi: int = 0
    """Which of the file's windows and VOI tables applies while ``window`` is null."""
    window: Window | None = None
    """Explicit window in modality units; for colour images on 0..255."""
    invert: bool = False
    zoom: Annotated[float, Field(ge=0.01, le=1000, allow_inf_nan=False)] = 1.0
    center: tuple[float, float] | None = None
    """(column, row) of the source picture in the middle of the viewport; null = its middle."""
    rotation: Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)] = 0.0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    interpolation: Literal["linear", "cubic", "nearest"] = "linear"
    colour_map: ColourMap = "grey"


class _Placed(Value):
    """What MPR and Volume windows share: a place in the patient, and grey levels."""

    center: Position = (0.0, 0.0, 0.0)
    """Point in the middle of the viewport."""
    row: Direction = (1.0, 0.0, 0.0)
    column: Direction = (0.0, 1.0, 0.0)
    extent: Annotated[float, Field(ge=0.1, le=1e5, allow_inf_nan=False)] = 300.0
    """Millimetres that the shorter side of the viewport shows, measured through ``center``."""
    voi: int = 0
    """Which of the file's windows applies while ``window`` is null."""
    window: Window | None = None
    """Explicit window in modality units."""
    invert: bool = False
    colour_map: ColourMap = "grey"


class MprView(_Placed):
    """A plane through a volume, or a slab around it: ``slab`` millimetres, half to either side, joined by ``blend``."""

    kind: Literal["mpr"] = "mpr"
    slab: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    blend: Blend = "mip"
    interpolation: Literal["linear", "nearest"] = "linear"


class TransferPoint(Value):
    """``opacity`` is per millimetre of path. Values, opacities and colours are linear between points."""

    value: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
    opacity: Unit
    colour: tuple[Unit, Unit, Unit]


class GradientPoint(Value):
    """Opacity is multiplied by ``factor`` where the gradient has this magnitude (modality units per mm)."""

    magnitude: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
    factor: Unit


class Light(Value):
    """A headlight from 20 degrees up left; normals by central differences."""

    ambient: Unit = 0.15
    diffuse: Unit = 0.85
    specular: Unit = 0.3
    power: Annotated[float, Field(ge=1, le=200, allow_inf_nan=False)] = 20.0


class Cut(Value):
    """A lasso of the scissors: what projects inside (or outside) of ``corners`` becomes invisible.

    The camera of the moment is kept. Corners are millimetres along ``row`` and ``column`` from ``center`` in the plane
    through it; with ``perspective`` the rays go from the eye of a VolumeView of that ``extent``.
    """

    center: Position
    row: Direction
    column: Direction
    extent: Annotated[float, Field(ge=0.1, le=1e5, allow_inf_nan=False)]
    perspective: bool = False
    corners: Annotated[tuple[tuple[Millimetres, Millimetres], ...], Field(min_length=3, max_length=MAX_CORNERS)]
    inside: bool = True


class VolumeView(_Placed):
    """A projection of a volume.

    ``mode`` composite uses ``transfer`` and ``light`` (null = unlit); the others use the window. With ``perspective`` the
    shorter side subtends 30 degrees and ``extent`` holds in the plane through ``center``.
    """

    kind: Literal["volume"] = "volume"
    mode: VolumeMode = "composite"
    transfer: Annotated[tuple[TransferPoint, ...], Field(max_length=MAX_POINTS)] = ()
    gradient: Annotated[tuple[GradientPoint, ...], Field(max_length=MAX_POINTS)] = ()
    light: Light | None = Light()
    perspective: bool = False
    crop: tuple[Position, Position] | None = None
    """Lowest and highest corner in millimetres along the volume's own across, down and through axes from its first
    voxel's centre."""
    cuts: Annotated[tuple[Cut, ...], Field(max_length=MAX_CUTS)] = ()
    hide_table: bool = False
    """Hide all but the body (CT)."""


def _kind(value: Any) -> str:  # noqa: ANN401 - before it is validated it may be anything
    """Tell the kind of a state; one that does not say it is of the Image window, as it was when there was no other."""
    kind = value.get("kind", "image") if isinstance(value, dict) else getattr(value, "kind", "image")
    return str(kind)


ViewState = Annotated[
    Annotated[ImageView, Tag("image")] | Annotated[MprView, Tag("mpr")] | Annotated[VolumeView, Tag("volume")],
    Discriminator(_kind),
]
view_state: TypeAdapter[ImageView | MprView | VolumeView] = TypeAdapter(ViewState)
