"""ViewState: everything that decides how a picture looks, and nothing else.

``render(pixels, ViewState, size, quality)`` is a pure function of it, so ViewStates can be stored,
merged, sent to another node and used as cache keys.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import Field

from webviewer.domain.image import Value, Window

ColourMap = Literal["grey", "inverted", "hot-iron", "hot-metal-blue", "pet-20", "rainbow", "viridis"]


class Quality(IntEnum):
    """How faithful the pixels of a frame are. The numbers are on the wire."""

    PREVIEW = 0
    FINAL = 1
    LOSSLESS = 2


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


ViewState = ImageView
"""A union by ``kind`` as soon as MPR and Volume windows exist."""
