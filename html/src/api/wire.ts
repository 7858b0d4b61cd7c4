/* Generated from webviewer/wire/messages.py by `npm run generate`; do not edit. */

export type ClientMessage = ClientHello | Open | View | Ack | Close | Query;
export type ServerMessage = ServerHello | Opened | Progress | Answer | Closed | ErrorMessage | Event;

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
 * Reply to a query; ``value`` is null outside the picture, a triple for colour.
 *
 */
export interface Answer {
  id: number;
  point: [number, number, number] | null;
  type: 'answer';
  unit: string;
  value: number | [number, number, number] | null;
  viewport: number;
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
 * Bind a viewport to a series; ``view`` may restore a former state.
 *
 */
export interface Open {
  sequence?: number;
  series: string;
  /**
   * @minItems 2
   * @maxItems 2
   */
  size: [number, number];
  study: string;
  type: 'open';
  view?: ImageView | null;
  viewport: number;
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
 * A viewport was freed by the server; ``code`` and ``message`` say why.
 *
 */
export interface Closed {
  code: string;
  message: string;
  type: 'closed';
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
 * A viewport is bound; ``view`` is the state its next frames show.
 *
 */
export interface Opened {
  colour: boolean;
  frame_time: number | null;
  geometry: StackGeometry;
  lossy_ratio: number | null;
  modality: string;
  position_unit: 'mm' | 'index';
  series: string;
  slices: StackFrame[];
  type: 'opened';
  unit: string;
  value_range: [number, number] | null;
  version: string;
  view: ImageView;
  viewport: number;
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
  spacing_source: 'pixel' | 'fiducial' | 'imager' | 'ultrasound' | 'none';
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
