/* Generated from webviewer/wire/messages.py by `npm run generate`; do not edit. */

export type ClientMessage = ClientHello | Open | View | Ack | Ping | Close | Query | Pick | Percentiles | Measure;
export type ServerMessage =
  ServerHello | Opened | Progress | Answer | PercentileValues | Measured | Closed | ErrorMessage | Event | Pong;

/**
 * A frame was displayed; ``displayed_ms`` is the page's time from receipt to display.
 *
 */
export interface Ack {
  displayed_ms?: number;
  serial: number;
  type: 'ack';
  viewport: number;
}
/**
 * Reply to a query or pick; ``value`` is null outside the picture, a triple for colour.
 *
 * ``interpolated``: the value lies between stored ones.
 *
 */
export interface Answer {
  id: number;
  interpolated: boolean;
  point: [number, number, number] | null;
  type: 'answer';
  unit: string;
  value: number | [number, number, number] | null;
  viewport: number;
}
/**
 * What an axis of an ultrasound region says: of a length the distance of its ends, of a point its place.
 *
 */
export interface AxisValue {
  axis: 'x' | 'y';
  unit: string;
  value: number;
}
/**
 * First message of a socket. ``token`` is for link openings; else the session cookie counts.
 *
 */
export interface ClientHello {
  token?: string | null;
  type: 'hello';
  version: number;
}
/**
 * Bind a viewport to a series.
 *
 */
export interface Open {
  orientation?: 'axial' | 'coronal' | 'sagittal';
  sequence?: number;
  series: string;
  /**
   * @minItems 2
   * @maxItems 2
   */
  size: [number, number];
  study: string;
  type: 'open';
  view?: (ImageView | MprView | VolumeView) | null;
  viewport: number;
  window?: 'image' | 'mpr' | 'volume';
}
/**
 * One frame of a stack.
 *
 * The source picture has pixel centres at integer (column, row) coordinates. It is placed on the
 * viewport so that ``center`` lies in the middle, is mirrored if asked, then turned clockwise by
 * ``rotation`` degrees, and enlarged by ``zoom`` relative to fitting the whole (turned) frame.
 * Non-square pixels are shown with their true aspect.
 *
 */
export interface ImageView {
  center: [number, number] | null;
  colour_map: 'grey' | 'inverted' | 'hot-iron' | 'hot-metal-blue' | 'pet-20' | 'rainbow' | 'viridis';
  flip_horizontal: boolean;
  flip_vertical: boolean;
  interpolation: 'linear' | 'cubic' | 'nearest';
  invert: boolean;
  kind: 'image';
  position: number;
  rotation: number;
  voi: number;
  window: Window | null;
  zoom: number;
}
/**
 * A VOI window in modality units (PS3.3 C.11.2.1.2).
 *
 */
export interface Window {
  center: number;
  explanation: string;
  function: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';
  width: number;
}
/**
 * A plane through a volume, or a slab around it: ``slab`` millimetres, half to either side, joined by ``blend``.
 *
 */
export interface MprView {
  blend: 'mip' | 'minip' | 'mean' | 'sum';
  /**
   * @minItems 3
   * @maxItems 3
   */
  center: [number, number, number];
  colour_map: 'grey' | 'inverted' | 'hot-iron' | 'hot-metal-blue' | 'pet-20' | 'rainbow' | 'viridis';
  /**
   * @minItems 3
   * @maxItems 3
   */
  column: [number, number, number];
  extent: number;
  interpolation: 'linear' | 'nearest';
  invert: boolean;
  kind: 'mpr';
  /**
   * @minItems 3
   * @maxItems 3
   */
  row: [number, number, number];
  slab: number;
  voi: number;
  window: Window | null;
}
/**
 * A projection of a volume.
 *
 * ``mode`` composite uses ``transfer`` and ``light`` (null = unlit); the others use the window. With ``perspective`` the
 * shorter side subtends 30 degrees and ``extent`` holds in the plane through ``center``.
 *
 */
export interface VolumeView {
  /**
   * @minItems 3
   * @maxItems 3
   */
  center: [number, number, number];
  colour_map: 'grey' | 'inverted' | 'hot-iron' | 'hot-metal-blue' | 'pet-20' | 'rainbow' | 'viridis';
  /**
   * @minItems 3
   * @maxItems 3
   */
  column: [number, number, number];
  crop: [[number, number, number], [number, number, number]] | null;
  /**
   * @maxItems 32
   */
  cuts: Cut[];
  extent: number;
  /**
   * @maxItems 64
   */
  gradient: GradientPoint[];
  hide_table: boolean;
  invert: boolean;
  kind: 'volume';
  light: Light | null;
  mode: 'composite' | 'mip' | 'minip' | 'mean';
  perspective: boolean;
  /**
   * @minItems 3
   * @maxItems 3
   */
  row: [number, number, number];
  /**
   * @maxItems 64
   */
  transfer: TransferPoint[];
  voi: number;
  window: Window | null;
}
/**
 * A lasso of the scissors: what projects inside (or outside) of ``corners`` becomes invisible.
 *
 * The camera of the moment is kept. Corners are millimetres along ``row`` and ``column`` from ``center`` in the plane
 * through it; with ``perspective`` the rays go from the eye of a VolumeView of that ``extent``.
 *
 */
export interface Cut {
  /**
   * @minItems 3
   * @maxItems 3
   */
  center: [number, number, number];
  /**
   * @minItems 3
   * @maxItems 3
   */
  column: [number, number, number];
  /**
   * @minItems 3
   * @maxItems 256
   */
  corners: [[number, number], [number, number], [number, number], ...[number, number][]];
  extent: number;
  inside: boolean;
  perspective: boolean;
  /**
   * @minItems 3
   * @maxItems 3
   */
  row: [number, number, number];
}
/**
 * Opacity is multiplied by ``factor`` where the gradient has this magnitude (modality units per mm).
 *
 */
export interface GradientPoint {
  factor: number;
  magnitude: number;
}
/**
 * A headlight from 20 degrees up left; normals by central differences.
 *
 */
export interface Light {
  ambient: number;
  diffuse: number;
  power: number;
  specular: number;
}
/**
 * ``opacity`` is per millimetre of path. Values, opacities and colours are linear between points.
 *
 */
export interface TransferPoint {
  /**
   * @minItems 3
   * @maxItems 3
   */
  colour: [number, number, number];
  opacity: number;
  value: number;
}
/**
 * Change the state of an open viewport.
 *
 * ``patch`` holds only changed fields of the ViewState (null resets a nullable one). Patches are
 * merged on receipt in order; only merged states may be skipped. ``active`` is true while the hand
 * moves: previews are sent, and the final frame when it rests.
 *
 */
export interface View {
  active?: boolean;
  patch?: {
    [k: string]: unknown;
  };
  sequence: number;
  size?: [number, number] | null;
  type: 'view';
  viewport: number;
}
/**
 * Ask for a pong: how long the line takes, without anything being drawn. No sign that somebody is there.
 *
 */
export interface Ping {
  id: number;
  type: 'ping';
}
/**
 * Free a viewport.
 *
 */
export interface Close {
  type: 'close';
  viewport: number;
}
/**
 * Ask for the stored value under a point (column, row of the source picture).
 *
 */
export interface Query {
  id: number;
  kind: 'value';
  /**
   * @minItems 2
   * @maxItems 2
   */
  point: [number, number];
  position: number;
  type: 'query';
  viewport: number;
}
/**
 * Ask what is seen at a point of an MPR or Volume window, in its newest state.
 *
 * ``at``: millimetres to the right of the middle of the viewport and down from it, in the plane through ``center``. The
 * answer holds the patient point (of a plane: that point; of a projection: what is seen there) and the value.
 *
 */
export interface Pick {
  /**
   * @minItems 2
   * @maxItems 2
   */
  at: [number, number];
  id: number;
  type: 'pick';
  viewport: number;
}
/**
 * Ask for percentiles of modality values (of colour pictures: luminance), for windows that go by the picture.
 *
 * ``of`` the slice at ``position``; a ``region`` between two opposite ``corners``, which are (column, row) on that slice in
 * the Image window, millimetres right of and down from the middle of the viewport on a plane of the MPR window in its newest
 * state; or the series, of which a regular sample of what has come is taken. Padding and what is no finite number is left
 * out. ``non_air``: so is what is not above Otsu's threshold.
 *
 */
export interface Percentiles {
  corners?: [[number, number], [number, number]] | null;
  id: number;
  non_air?: boolean;
  of: 'slice' | 'region' | 'series';
  /**
   * @minItems 1
   * @maxItems 16
   */
  percents:
    | [number]
    | [number, number]
    | [number, number, number]
    | [number, number, number, number]
    | [number, number, number, number, number]
    | [number, number, number, number, number, number]
    | [number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number, number, number, number, number, number]
    | [number, number, number, number, number, number, number, number, number, number, number, number, number, number]
    | [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number
      ]
    | [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number
      ];
  position?: number;
  type: 'percentiles';
  viewport: number;
}
/**
 * Ask what a shape measures, in stored values and true millimetres; the state of the viewport does not count.
 *
 * Points by ``kind``: the ends of a length; arm, vertex and arm of an angle; the corners of a rectangle in order; the ends
 * of one axis of an ellipse and those of the other; a point.
 *
 */
export interface Measure {
  id: number;
  kind: 'length' | 'angle' | 'rectangle' | 'ellipse' | 'point';
  place: OnSlice | OnPlane;
  type: 'measure';
  viewport: number;
}
/**
 * A shape on a slice of the stack; ``points`` are (column, row) with pixel centres at whole numbers (PS3.3 C.7.6.3).
 *
 */
export interface OnSlice {
  kind: 'slice';
  /**
   * @minItems 1
   * @maxItems 4
   */
  points:
    | [[number, number]]
    | [[number, number], [number, number]]
    | [[number, number], [number, number], [number, number]]
    | [[number, number], [number, number], [number, number], [number, number]];
  position: number;
}
/**
 * A shape on a plane through the volume, or on a slab around it, in patient coordinates (LPS, mm).
 *
 * ``row`` and ``column`` span the plane as in a ViewState; all points lie in it.
 *
 */
export interface OnPlane {
  blend?: 'mip' | 'minip' | 'mean' | 'sum';
  /**
   * @minItems 3
   * @maxItems 3
   */
  column: [number, number, number];
  kind: 'plane';
  /**
   * @minItems 1
   * @maxItems 4
   */
  points:
    | [[number, number, number]]
    | [[number, number, number], [number, number, number]]
    | [[number, number, number], [number, number, number], [number, number, number]]
    | [[number, number, number], [number, number, number], [number, number, number], [number, number, number]];
  /**
   * @minItems 3
   * @maxItems 3
   */
  row: [number, number, number];
  slab?: number;
}
/**
 * A viewport was freed by the server.
 *
 */
export interface Closed {
  code: string;
  message: string;
  type: 'closed';
  values: {
    [k: string]: string;
  };
  viewport: number;
}
/**
 * A message was refused, or a picture cannot be made.
 *
 */
export interface ErrorMessage {
  code: string;
  message: string;
  type: 'error';
  values: {
    [k: string]: string;
  };
  viewport: number | null;
}
/**
 * Something happened beyond a viewport.
 *
 */
export interface Event {
  name: 'series-changed' | 'render-lost' | 'render-restored' | 'queue' | 'session-ending';
  series: string | null;
  type: 'event';
  value: number | null;
}
/**
 * Reply to measure.
 *
 * ``value``: millimetres or pixels, degrees, or the value at a point (a triple of colours), in ``unit``; null where there is
 * none, and of a rectangle or ellipse, whose values (in ``unit`` too) are in ``statistics``. ``interpolated``: values lie
 * between stored ones. ``spacing`` says where the millimetres come from (``regions``: there are none, the points are not in
 * one ultrasound region with a scale), ``point`` where a point lies in the patient. ``axes`` is what can be told over
 * Doppler spectra, M-mode and curves, where a length has no millimetres.
 * ``code`` says why nothing could be measured: ``not_loaded`` (pixels have not come) and ``busy`` (too much at once) are
 * worth asking again, others are those of errors.
 *
 */
export interface Measured {
  axes: AxisValue[];
  code: string;
  id: number;
  interpolated: boolean;
  point: [number, number, number] | null;
  spacing:
    | (
        | 'pixel'
        | 'fiducial'
        | 'geometry'
        | 'corrected'
        | 'unstated'
        | 'magnified'
        | 'imager'
        | 'film'
        | 'ultrasound'
        | 'none'
      )
    | ('volume' | 'regions');
  statistics: RegionStatistics | null;
  type: 'measured';
  unit: string;
  value: number | [number, number, number] | null;
  viewport: number;
}
/**
 * What is known of the pixels whose centres lie in a rectangle or ellipse, or on its edge (padding left out).
 *
 * ``n`` of them; ``area`` in mm2 is that of the shape, null without a spacing. Values are null where there are too few
 * pixels; ``deviation`` divides by n - 1.
 *
 */
export interface RegionStatistics {
  area: number | null;
  deviation: number | null;
  high: number | null;
  low: number | null;
  mean: number | null;
  n: number;
}
/**
 * A viewport is bound; ``view`` is the state its next frames show.
 *
 */
export interface Opened {
  colour: boolean;
  frame_time: number | null;
  geometry: StackGeometry;
  lossy_ratio: number | null;
  masked: boolean;
  modality: string;
  position_unit: 'mm' | 'index';
  series: string;
  slices: StackFrame[];
  type: 'opened';
  unit: string;
  value_range: [number, number] | null;
  version: string;
  view: ImageView | MprView | VolumeView;
  viewport: number;
  volume: VolumeGrid | null;
  volume_notices: VolumeNotice[];
  volume_problem: VolumeProblem | null;
  windows: Window[];
}
/**
 * What all slices of a stack share; null where they differ or nothing is known.
 *
 */
export interface StackGeometry {
  column: [number, number, number] | null;
  /**
   * @minItems 2
   * @maxItems 2
   */
  pixel_aspect: [number, number];
  row: [number, number, number] | null;
  space: string;
  spacing: [number, number] | null;
  spacing_source:
    | 'pixel'
    | 'fiducial'
    | 'geometry'
    | 'corrected'
    | 'unstated'
    | 'magnified'
    | 'imager'
    | 'film'
    | 'ultrasound'
    | 'none';
  step: number | null;
  thickness: number | null;
}
/**
 * One slice of an opened stack, in display order.
 *
 */
export interface StackFrame {
  columns: number;
  frame: number;
  number: number | null;
  origin: [number, number, number] | null;
  position: number;
  problem: string;
  rows: number;
  why: Reason | null;
}
/**
 * A cause with its values. Pages translate ``code`` and put ``values`` into their own sentence.
 *
 */
export interface Reason {
  code: string;
  values: {
    [k: string]: number | string;
  };
}
/**
 * Where voxels lie (LPS, mm).
 *
 * The centre of the voxel in column i, row j of slice k is ``origin + i * across + j * down + place[k] * through``.
 * ``through`` is what one millimetre along the normal moves the first pixel: with gantry tilt it is not square to the
 * slices. ``places`` are the millimetres of each slice along the normal, rising from 0.
 *
 */
export interface VolumeGrid {
  /**
   * @minItems 3
   * @maxItems 3
   */
  across: [number, number, number];
  /**
   * @minItems 3
   * @maxItems 3
   */
  down: [number, number, number];
  /**
   * @minItems 3
   * @maxItems 3
   */
  origin: [number, number, number];
  places: number[];
  /**
   * @minItems 3
   * @maxItems 3
   */
  shape: [number, number, number];
  /**
   * @minItems 3
   * @maxItems 3
   */
  through: [number, number, number];
}
/**
 * What the reader must know of a volume.
 *
 * ``value``: degrees of gantry tilt; the largest distance of neighbours in mm; how many slices are missing, occur twice or
 * were left out; by which factor the voxels are larger than the file's.
 *
 */
export interface VolumeNotice {
  code: 'tilt' | 'uneven' | 'missing' | 'duplicate' | 'left-out' | 'reduced';
  value: number;
}
/**
 * Why a series cannot be a volume. ``images`` is how many are to blame.
 *
 */
export interface VolumeProblem {
  code:
    | 'too-few'
    | 'no-geometry'
    | 'mixed-orientation'
    | 'mixed-size'
    | 'mixed-frame-of-reference'
    | 'colour'
    | 'no-spacing';
  images: number;
}
/**
 * Reply to percentiles: one value for each of ``percents``, null where there is nothing to take them of.
 *
 * ``share``: how much of what was asked for had come, 0..1.
 *
 */
export interface PercentileValues {
  id: number;
  share: number;
  type: 'percentile-values';
  unit: string;
  values: number[] | null;
  viewport: number;
}
/**
 * The answer to a ping, at once.
 *
 */
export interface Pong {
  id: number;
  type: 'pong';
}
/**
 * Which slices have arrived: half-open ranges in display order.
 *
 */
export interface Progress {
  ranges: [number, number][];
  received: number;
  total: number;
  type: 'progress';
  viewport: number;
}
/**
 * The socket is accepted.
 *
 */
export interface ServerHello {
  anonymised: boolean;
  session: string;
  type: 'hello';
  version: number;
}
