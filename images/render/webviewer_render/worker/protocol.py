"""What the front and a worker process say to each other over a Unix socket.

A message is a header length and a payload length (two little-endian u32), a JSON header, and the payload. The front
checks everything a worker sends: workers decode hostile bytes. Arenas travel as file descriptors over a second socket,
each with the number of its arena (u32), because descriptors cannot be put into a buffered stream.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from webviewer.domain.image import Vector
from webviewer.domain.study import InstanceSource
from webviewer.domain.view import MprView, Quality, ViewState
from webviewer.wire.frame import Encoding
from webviewer.wire.messages import RegionStatistics, ShapeKind

PREFIX = struct.Struct("<II")
ARENA_NUMBER = struct.Struct("<I")
MAX_HEADER_BYTES = 64 * 1024 * 1024
MAX_PAYLOAD_BYTES = 512 * 1024 * 1024


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Message):
    """Where encoded pixels are fetched: local paths in the manifest, or the storage node at ``storage``."""

    token: str
    storage: str | None = None
    authority: Path | None = None
    """PEM that the certificate of ``storage`` must be by; null = the system's."""


class Attach(_Message):
    """A series to work on; its descriptor comes over the other socket, the manifest is the payload.

    ``slots`` names (manifest index, frame) of every slice in display order, ``offsets`` and ``capacities`` the place of
    its pixels in the arena in bytes. ``reduction``: blocks of so many by so many pixels are averaged.
    """

    op: Literal["attach"] = "attach"
    arena: int
    size: int
    slots: tuple[tuple[int, int], ...]
    offsets: tuple[int, ...]
    capacities: tuple[int, ...]
    reduction: int = 1


class Load(_Message):
    """Decode the slices of ``ranges`` that are absent, nearest to the ``focus`` slices first; replaces the former one.

    ``careful`` slices may have killed a worker: each is decoded alone, after the others.
    """

    op: Literal["load"] = "load"
    arena: int
    ranges: tuple[tuple[int, int], ...]
    focus: tuple[int, ...]
    careful: tuple[int, ...] = ()
    source: Source


class Detach(_Message):
    """Forget a series."""

    op: Literal["detach"] = "detach"
    arena: int


class Render(_Message):
    """Draw and encode a picture: of slice ``slot``, or of the volume, as the kind of ``view`` says."""

    op: Literal["render"] = "render"
    job: int
    arena: int
    slot: int
    view: ViewState
    size: tuple[int, int]
    quality: Quality
    jpeg_quality: int


class Value(_Message):
    """Read the value under (column, row) of a slice that is in the arena."""

    op: Literal["value"] = "value"
    job: int
    arena: int
    slot: int
    point: tuple[float, float]


class Pick(_Message):
    """Find what is seen of a volume at ``at`` (mm right and down of the middle of a viewport of ``size``)."""

    op: Literal["pick"] = "pick"
    job: int
    arena: int
    view: ViewState
    size: tuple[int, int]
    at: tuple[float, float]


class Percentiles(_Message):
    """Read percentiles of a slice that is in the arena, of a rectangle on it or on a plane, or of what has come of a series.

    ``slot`` is the slice; None with a ``view`` means the plane that it shows, without one the series. ``corners`` are
    (column, row) of the source picture, or millimetres along the plane.
    """

    op: Literal["percentiles"] = "percentiles"
    job: int
    arena: int
    slot: int | None
    percents: tuple[float, ...]
    corners: tuple[tuple[float, float], tuple[float, float]] | None = None
    view: MprView | None = None
    non_air: bool = False


class Measure(_Message):
    """Read what a shape on a slice that is in the arena measures, or with a ``view`` on the plane that it shows.

    ``points`` are (column, row) of the source picture, or millimetres along the plane from the view's centre.
    """

    op: Literal["measure"] = "measure"
    job: int
    arena: int
    slot: int | None
    kind: ShapeKind
    points: tuple[tuple[float, float], ...]
    view: MprView | None = None


class Thumbnail(_Message):
    """Fetch, decode and draw one frame outside any arena; ``index`` is its object's place in the manifest."""

    op: Literal["thumbnail"] = "thumbnail"
    job: int
    instance: InstanceSource
    index: int
    frame: int
    size: int
    source: Source


class Cancel(_Message):
    """Nobody wants the answer of a job any more."""

    op: Literal["cancel"] = "cancel"
    job: int


JobCommand = Render | Value | Pick | Percentiles | Measure | Thumbnail
"""What somebody waits for."""
Command = Annotated[
    Attach | Load | Detach | Render | Value | Pick | Percentiles | Measure | Thumbnail | Cancel,
    Field(discriminator="op"),
]
command: TypeAdapter[Command] = TypeAdapter(Command)


class Ready(_Message):
    """The worker has warmed up."""

    op: Literal["ready"] = "ready"
    seconds: float


class SlotReady(_Message):
    """A slice is in the arena; ``fetched`` is the length of its encoded bytes."""

    op: Literal["slot-ready"] = "slot-ready"
    arena: int
    slot: int
    fetched: int


class SlotFailed(_Message):
    """A slice cannot be shown, and why."""

    op: Literal["slot-failed"] = "slot-failed"
    arena: int
    slot: int
    code: str
    message: str


class LoadFailed(_Message):
    """The rest of a load order was given up; a new order tries again."""

    op: Literal["load-failed"] = "load-failed"
    arena: int
    code: str
    message: str


class Rendered(_Message):
    """A picture; the payload is the encoded image."""

    op: Literal["rendered"] = "rendered"
    job: int
    quality: Quality
    encoding: Encoding
    width: Annotated[int, Field(ge=1, le=0xFFFF)]
    height: Annotated[int, Field(ge=1, le=0xFFFF)]
    colour: bool
    window: tuple[float, float]
    seconds: float


class Valued(_Message):
    """The value at a point; ``point`` (LPS, mm) where the worker found it."""

    op: Literal["valued"] = "valued"
    job: int
    value: float | tuple[float, float, float] | None
    point: Vector | None = None
    interpolated: bool = False


class PercentilesRead(_Message):
    """One value for each percent, None where there are none to take them of; ``share`` of the asked for had come."""

    op: Literal["percentiles-read"] = "percentiles-read"
    job: int
    values: tuple[float, ...] | None
    share: Annotated[float, Field(ge=0, le=1)]


class MeasuredValues(_Message):
    """The value at a point, or the statistics of an area."""

    op: Literal["measured"] = "measured"
    job: int
    value: float | tuple[float, float, float] | None = None
    statistics: RegionStatistics | None = None
    interpolated: bool = False


class Failed(_Message):
    """A job could not be done; ``code`` is that of a domain error, or ``internal``."""

    op: Literal["failed"] = "failed"
    job: int
    code: str
    message: str


class Cancelled(_Message):
    """A job ended without a result because it was cancelled."""

    op: Literal["cancelled"] = "cancelled"
    job: int


Reply = Annotated[
    Ready
    | SlotReady
    | SlotFailed
    | LoadFailed
    | Rendered
    | Valued
    | PercentilesRead
    | MeasuredValues
    | Failed
    | Cancelled,
    Field(discriminator="op"),
]
reply: TypeAdapter[Reply] = TypeAdapter(Reply)


def pack(message: BaseModel, payload: bytes = b"") -> bytes:
    """Serialise a message."""
    header = message.model_dump_json().encode()
    return b"".join((PREFIX.pack(len(header), len(payload)), header, payload))
