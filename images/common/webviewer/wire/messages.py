"""JSON messages of ``/eventQueue``; the TypeScript types are generated from these models.

Browser to server: hello, open, view, ack, close, query, pick, percentiles, measure. Server to browser: hello, opened,
progress, answer, percentile-values, measured, closed, error, event. Control parses hello, open, view and close, checks
rights and keeps the merged ViewStates; it relays the rest, and every frame, unread.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from webviewer.domain.image import SpacingSource, Vector, Window
from webviewer.domain.view import Blend, Direction, Position, ViewState, WindowKind
from webviewer.domain.volume import VolumeGrid, VolumeNotice, VolumeProblem
from webviewer.errors import WebViewerError
from webviewer.reasons import Reason

PROTOCOL_VERSION = 1
MAX_MESSAGE_BYTES = 64 * 1024

Viewport = Annotated[int, Field(ge=0, le=0xFFFF)]
Sequence = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
Side = Annotated[int, Field(ge=16, le=8192)]
Size = tuple[Side, Side]
Percent = Annotated[float, Field(ge=0, le=100)]
Orientation = Literal["axial", "coronal", "sagittal"]


class Message(BaseModel):
    """Base of all messages: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClientHello(Message):
    """First message of a socket. ``token`` is for link openings; else the session cookie counts."""

    type: Literal["hello"] = "hello"
    version: int
    token: str | None = None


class _Opening(Message):
    """What both kinds of ``open`` share.

    ``view`` may restore a former state, of the same ``window``. Without it a plane of the MPR window starts in
    ``orientation`` through the middle of the volume.
    """

    type: Literal["open"] = "open"
    viewport: Viewport
    series: str
    size: Size
    window: WindowKind = "image"
    orientation: Orientation = "axial"
    view: ViewState | None = None
    sequence: Sequence = 0

    @model_validator(mode="after")
    def _view_is_of_the_window(self) -> Self:
        if self.view is not None and self.view.kind != self.window:
            text = f"a {self.view.kind} view does not belong into the {self.window} window"
            raise ValueError(text)
        return self


class Open(_Opening):
    """Bind a viewport to a series."""

    study: str


class View(Message):
    """Change the state of an open viewport.

    ``patch`` holds only changed fields of the ViewState (null resets a nullable one). Patches are
    merged on receipt in order; only merged states may be skipped. ``active`` is true while the hand
    moves: previews are sent, and the final frame when it rests.
    """

    type: Literal["view"] = "view"
    viewport: Viewport
    sequence: Sequence
    patch: dict[str, Any] = {}
    size: Size | None = None
    active: bool = False


class Ack(Message):
    """A frame was displayed; ``displayed_ms`` is the page's time from receipt to display."""

    type: Literal["ack"] = "ack"
    viewport: Viewport
    serial: Sequence
    displayed_ms: float = 0.0


class Ping(Message):
    """Ask for a pong: how long the line takes, without anything being drawn. No sign that somebody is there."""

    type: Literal["ping"] = "ping"
    id: Sequence


class Close(Message):
    """Free a viewport."""

    type: Literal["close"] = "close"
    viewport: Viewport


class Query(Message):
    """Ask for the stored value under a point (column, row of the source picture)."""

    type: Literal["query"] = "query"
    viewport: Viewport
    id: Sequence
    kind: Literal["value"] = "value"
    point: tuple[float, float]
    position: float


class Pick(Message):
    """Ask what is seen at a point of an MPR or Volume window, in its newest state.

    ``at``: millimetres to the right of the middle of the viewport and down from it, in the plane through ``center``. The
    answer holds the patient point (of a plane: that point; of a projection: what is seen there) and the value.
    """

    type: Literal["pick"] = "pick"
    viewport: Viewport
    id: Sequence
    at: tuple[float, float]


class Percentiles(Message):
    """Ask for percentiles of modality values (of colour pictures: luminance), for windows that go by the picture.

    ``of`` the slice at ``position``; a ``region`` between two opposite ``corners``, which are (column, row) on that slice in
    the Image window, millimetres right of and down from the middle of the viewport on a plane of the MPR window in its newest
    state; or the series, of which a regular sample of what has come is taken. Padding and what is no finite number is left
    out. ``non_air``: so is what is not above Otsu's threshold.
    """

    type: Literal["percentiles"] = "percentiles"
    viewport: Viewport
    id: Sequence
    of: Literal["slice", "region", "series"]
    percents: Annotated[tuple[Percent, ...], Field(min_length=1, max_length=16)]
    position: float = 0.0
    corners: tuple[tuple[float, float], tuple[float, float]] | None = None
    non_air: bool = False

    @model_validator(mode="after")
    def _a_region_has_corners(self) -> Self:
        if (self.of == "region") != (self.corners is not None):
            text = "corners belong to a region, and a region needs them"
            raise ValueError(text)
        return self


ShapeKind = Literal["length", "angle", "rectangle", "ellipse", "point"]
MAX_SHAPE_POINTS = 4
_SHAPE_POINTS: dict[ShapeKind, int] = {"length": 2, "angle": 3, "rectangle": 4, "ellipse": 4, "point": 1}


class OnSlice(Message):
    """A shape on a slice of the stack; ``points`` are (column, row) with pixel centres at whole numbers (PS3.3 C.7.6.3)."""

    kind: Literal["slice"] = "slice"
    position: float
    points: Annotated[tuple[tuple[float, float], ...], Field(min_length=1, max_length=MAX_SHAPE_POINTS)]


class OnPlane(Message):
    """A shape on a plane through the volume, or on a slab around it, in patient coordinates (LPS, mm).

    ``row`` and ``column`` span the plane as in a ViewState; all points lie in it.
    """

    kind: Literal["plane"] = "plane"
    row: Direction
    column: Direction
    slab: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    blend: Blend = "mip"
    points: Annotated[tuple[Position, ...], Field(min_length=1, max_length=MAX_SHAPE_POINTS)]


class Measure(Message):
    """Ask what a shape measures, in stored values and true millimetres; the state of the viewport does not count.

    Points by ``kind``: the ends of a length; arm, vertex and arm of an angle; the corners of a rectangle in order; the ends
    of one axis of an ellipse and those of the other; a point.
    """

    type: Literal["measure"] = "measure"
    viewport: Viewport
    id: Sequence
    kind: ShapeKind
    place: Annotated[OnSlice | OnPlane, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _the_shape_has_its_points(self) -> Self:
        wanted = _SHAPE_POINTS[self.kind]
        if len(self.place.points) != wanted:
            text = f"the number of points of this kind of shape is {wanted}"
            raise ValueError(text)
        return self


ClientMessage = Annotated[
    ClientHello | Open | View | Ack | Ping | Close | Query | Pick | Percentiles | Measure, Field(discriminator="type")
]
client_message: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


class ServerHello(Message):
    """The socket is accepted."""

    type: Literal["hello"] = "hello"
    version: int = PROTOCOL_VERSION
    session: str
    anonymised: bool = False


class StackFrame(Message):
    """One slice of an opened stack, in display order."""

    position: float
    number: int | None = None
    """InstanceNumber."""
    frame: int = 0
    """Frame number from 0 within the object."""
    rows: int
    columns: int
    origin: Vector | None = None
    """Centre of the first pixel, LPS mm."""
    problem: str = ""
    """Why this slice cannot be shown, in English; ``why`` is the same for translation."""
    why: Reason | None = None


class StackGeometry(Message):
    """What all slices of a stack share; null where they differ or nothing is known."""

    row: Vector | None = None
    column: Vector | None = None
    spacing: tuple[float, float] | None = None
    """mm between rows, between columns."""
    spacing_source: SpacingSource = "none"
    thickness: float | None = None
    step: float | None = None
    """Distance of neighbouring slices in mm, null if uneven."""
    pixel_aspect: tuple[float, float] = (1.0, 1.0)
    space: str = ""
    """Opaque key of the frame of reference: stacks with the same key share coordinates; empty = unknown."""


class Opened(Message):
    """A viewport is bound; ``view`` is the state its next frames show."""

    type: Literal["opened"] = "opened"
    viewport: Viewport
    series: str
    version: str
    modality: str
    position_unit: Literal["mm", "index"]
    slices: tuple[StackFrame, ...]
    geometry: StackGeometry
    windows: tuple[Window, ...] = ()
    """The file's own VOI windows, then its VOI tables as the range they cover (explanation ends in LUT)."""
    colour: bool = False
    unit: str = ""
    """Unit of modality values: ``HU`` or the file's own, empty if unknown."""
    value_range: tuple[float, float] | None = None
    """Possible modality values of the stored depth."""
    frame_time: float | None = None
    volume: VolumeGrid | None = None
    """Where the voxels lie if the series is fit for the MPR and Volume windows."""
    volume_problem: VolumeProblem | None = None
    """Why it is not."""
    volume_notices: tuple[VolumeNotice, ...] = ()
    masked: bool = False
    """Parts of pictures are black, because names may be burnt into them."""
    lossy_ratio: float | None = None
    """Greatest stated compression ratio of lossy sources; 0 where none is stated, null where all are lossless."""
    view: ViewState


class Progress(Message):
    """Which slices have arrived: half-open ranges in display order."""

    type: Literal["progress"] = "progress"
    viewport: Viewport
    received: int
    total: int
    ranges: tuple[tuple[int, int], ...] = ()


class Answer(Message):
    """Reply to a query or pick; ``value`` is null outside the picture, a triple for colour.

    ``interpolated``: the value lies between stored ones.
    """

    type: Literal["answer"] = "answer"
    viewport: Viewport
    id: Sequence
    value: float | tuple[float, float, float] | None
    unit: str = ""
    point: Vector | None = None
    """Patient coordinates (LPS, mm)."""
    interpolated: bool = False


class PercentileValues(Message):
    """Reply to percentiles: one value for each of ``percents``, null where there is nothing to take them of.

    ``share``: how much of what was asked for had come, 0..1.
    """

    type: Literal["percentile-values"] = "percentile-values"
    viewport: Viewport
    id: Sequence
    values: tuple[float, ...] | None
    unit: str = ""
    share: float = 0.0


class RegionStatistics(Message):
    """What is known of the pixels whose centres lie in a rectangle or ellipse, or on its edge (padding left out).

    ``n`` of them; ``area`` in mm2 is that of the shape, null without a spacing. Values are null where there are too few
    pixels; ``deviation`` divides by n - 1.
    """

    n: int
    area: float | None
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None


class AxisValue(Message):
    """What an axis of an ultrasound region says: of a length the distance of its ends, of a point its place."""

    axis: Literal["x", "y"]
    value: float
    unit: str
    """``mm``, ``s``, ``Hz``, ``cm/s`` or another of PS3.3 C.8.5.5.1.4."""


class Measured(Message):
    """Reply to measure.

    ``value``: millimetres or pixels, degrees, or the value at a point (a triple of colours), in ``unit``; null where there is
    none, and of a rectangle or ellipse, whose values (in ``unit`` too) are in ``statistics``. ``interpolated``: values lie
    between stored ones. ``spacing`` says where the millimetres come from (``regions``: there are none, the points are not in
    one ultrasound region with a scale), ``point`` where a point lies in the patient. ``axes`` is what can be told over
    Doppler spectra, M-mode and curves, where a length has no millimetres.
    ``code`` says why nothing could be measured: ``not_loaded`` (pixels have not come) and ``busy`` (too much at once) are
    worth asking again, others are those of errors.
    """

    type: Literal["measured"] = "measured"
    viewport: Viewport
    id: Sequence
    value: float | tuple[float, float, float] | None = None
    unit: str = ""
    statistics: RegionStatistics | None = None
    interpolated: bool = False
    spacing: SpacingSource | Literal["volume", "regions"] = "none"
    point: Vector | None = None
    axes: tuple[AxisValue, ...] = ()
    code: str = ""


class Trouble(Message):
    """What went wrong, as a domain error says it."""

    code: str
    message: str
    values: dict[str, str] = Field(default_factory=dict)
    """What a translation of the message needs, by name."""

    @classmethod
    def of(cls, error: WebViewerError, viewport: int | None = None) -> Self:
        """Tell an error."""
        told = {"code": error.code, "message": error.message, "values": error.values}
        return cls.model_validate({**told, "viewport": viewport})


class Closed(Trouble):
    """A viewport was freed by the server."""

    type: Literal["closed"] = "closed"
    viewport: Viewport


class ErrorMessage(Trouble):
    """A message was refused, or a picture cannot be made."""

    type: Literal["error"] = "error"
    viewport: Viewport | None = None


class Pong(Message):
    """The answer to a ping, at once."""

    type: Literal["pong"] = "pong"
    id: Sequence


class Event(Message):
    """Something happened beyond a viewport."""

    type: Literal["event"] = "event"
    name: Literal["series-changed", "render-lost", "render-restored", "queue", "session-ending"]
    series: str | None = None
    value: int | None = None
    """Place in the queue, or seconds."""


ServerMessage = Annotated[
    ServerHello | Opened | Progress | Answer | PercentileValues | Measured | Closed | ErrorMessage | Event | Pong,
    Field(discriminator="type"),
]
server_message: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)


class PixelSource(Message):
    """What control adds to ``open`` on its way to the render node."""

    token: str
    """Grant for the storage node, action ``pixels:read``."""
    storage: str | None = None
    """Address of the storage node; null in unified mode."""


class NodeOpen(_Opening):
    """``open`` as the render node receives it."""

    pixels: PixelSource


NodeMessage = Annotated[
    NodeOpen | View | Ack | Close | Query | Pick | Percentiles | Measure, Field(discriminator="type")
]
node_message: TypeAdapter[NodeMessage] = TypeAdapter(NodeMessage)


class CloseCode:
    """WebSocket close codes of our own."""

    MOVE = 4001
    """The node goes away: reconnect, the same picture will be there."""
    NOT_AUTHENTICATED = 4401
    FORBIDDEN = 4403
    RELOAD = 4426
    """The page is older than the server speaks: reload it."""
    SESSION_ENDED = 4440
