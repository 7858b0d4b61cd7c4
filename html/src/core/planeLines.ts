/** The lines in which the other planes cut the plane of a viewport: where they and their handles lie, what a press hits. */
import type { Point, Size } from './geometry';
import { toViewport } from './placed';
import { dot } from './patient';
import { type LinkedPlanes, lineDirection, others, type PlaneId, slabHalfWidth } from './planes';

export const CENTER_GAP = 12;
const ROTATE_AT = 2 / 3;
const SLAB_AT = 1 / 3;
/** A shorter half of a line has no room for handles. */
const LEAST_HALF = 60;
const HANDLE_PX = 8;
const HANDLE_TOUCH_PX = 22;
const LINE_PX = 6;
const LINE_TOUCH_PX = 14;

export interface Segment {
  readonly from: Point;
  readonly to: Point;
}

export interface PlaneLine {
  readonly plane: PlaneId;
  /** Unit direction on the screen, pointing to the right or straight down. */
  readonly direction: Point;
  /** What is drawn: one piece on each side of the gap, as far as it is in sight. */
  readonly pieces: readonly Segment[];
  /** Round handles: they turn the line. */
  readonly rotate: readonly Point[];
  /** Square handles: they set the slab. */
  readonly slab: readonly Point[];
  /** Ends of the line on the border of the viewport, for the letters. */
  readonly ends: readonly Point[];
  /** Px from the line to either edge of its slab, 0 for a single plane. */
  readonly half: number;
}

export interface PlaneMarks {
  readonly center: Point;
  readonly lines: readonly PlaneLine[];
}

/** What is drawn over the viewport of `shown`. */
export function planeMarks(linked: LinkedPlanes, shown: PlaneId, size: Size): PlaneMarks {
  const view = linked.planes[shown];
  const { x, y } = toViewport(view, size, linked.point);
  const center = { x, y };
  const lines = others(shown).flatMap((other) => {
    const along = lineDirection(linked, shown, other);
    if (!along) return [];
    const flat = { x: dot(along, view.row), y: dot(along, view.column) };
    const back = flat.x < -1e-9 || (Math.abs(flat.x) <= 1e-9 && flat.y < 0);
    const direction = back ? { x: -flat.x, y: -flat.y } : flat;
    const half = slabHalfWidth(view, linked.planes[other], size);
    return [lineOf(other, center, direction, half, size)];
  });
  return { center, lines };
}

function lineOf(plane: PlaneId, center: Point, direction: Point, half: number, size: Size): PlaneLine {
  const range = clip(center, direction, size);
  const empty = { plane, direction, pieces: [], rotate: [], slab: [], ends: [], half };
  if (!range) return empty;
  const [low, high] = range;
  const at = (distance: number): Point => ({ x: center.x + distance * direction.x, y: center.y + distance * direction.y });
  const pieces: Segment[] = [];
  if (low < -CENTER_GAP) pieces.push({ from: at(low), to: at(Math.min(-CENTER_GAP, high)) });
  if (high > CENTER_GAP) pieces.push({ from: at(Math.max(CENTER_GAP, low)), to: at(high) });
  // Handles only while the crosshair is in sight: otherwise their places mean nothing.
  const sides = low < 0 && high > 0 ? [low, high].filter((side) => Math.abs(side) >= LEAST_HALF) : [];
  return {
    ...empty,
    pieces,
    rotate: sides.map((side) => at(side * ROTATE_AT)),
    slab: sides.map((side) => at(side * SLAB_AT)),
    ends: [at(low), at(high)],
  };
}

/** Distances from `center` along a direction between which a line is inside the viewport; null where it never is. */
function clip(center: Point, direction: Point, size: Size): [number, number] | null {
  let low = -Infinity;
  let high = Infinity;
  for (const [from, step, length] of [
    [center.x, direction.x, size.width],
    [center.y, direction.y, size.height],
  ] as const) {
    if (Math.abs(step) < 1e-9) {
      if (from < 0 || from > length) return null;
      continue;
    }
    const a = -from / step;
    const b = (length - from) / step;
    low = Math.max(low, Math.min(a, b));
    high = Math.min(high, Math.max(a, b));
  }
  return low < high ? [low, high] : null;
}

/** The edges of a line's slab: the line moved to either side. */
export function slabEdges({ direction, half, ends }: PlaneLine): readonly Segment[] {
  const [from, to] = ends;
  if (half < 1 || !from || !to) return [];
  return [half, -half].map((offset) => {
    const move = ({ x, y }: Point): Point => ({ x: x - offset * direction.y, y: y + offset * direction.x });
    return { from: move(from), to: move(to) };
  });
}

export interface PlaneHit {
  readonly part: 'center' | 'rotate' | 'slab' | 'line';
  /** Whose line it is; of the centre none. */
  readonly plane: PlaneId | null;
}

/** What a press at a point takes: the centre, then handles, then the line between the round handles. */
export function hitPlanes({ center, lines }: PlaneMarks, at: Point, touch = false): PlaneHit | null {
  if (distance(center, at) <= CENTER_GAP) return { part: 'center', plane: null };
  const reach = touch ? HANDLE_TOUCH_PX : HANDLE_PX;
  for (const part of ['rotate', 'slab'] as const) {
    const found = lines.find((line) => line[part].some((handle) => distance(handle, at) <= reach));
    if (found) return { part, plane: found.plane };
  }
  const near = touch ? LINE_TOUCH_PX : LINE_PX;
  const line = lines.find((candidate) => isOnLine(candidate, center, at, near));
  return line ? { part: 'line', plane: line.plane } : null;
}

function isOnLine({ direction, ends, rotate }: PlaneLine, center: Point, at: Point, near: number): boolean {
  const x = at.x - center.x;
  const y = at.y - center.y;
  if (ends.length === 0 || Math.abs(x * direction.y - y * direction.x) > near) return false;
  const along = x * direction.x + y * direction.y;
  const handles = rotate.map((handle) => (handle.x - center.x) * direction.x + (handle.y - center.y) * direction.y);
  const bound = handles.filter((handle) => Math.sign(handle) === Math.sign(along)).map(Math.abs);
  return bound.length === 0 || Math.abs(along) <= Math.min(...bound);
}

/** Look of the pointer over a part; a line and its slab move across themselves. */
export function cursorOf(hit: PlaneHit, { lines }: PlaneMarks): string {
  if (hit.part === 'center') return 'move';
  if (hit.part === 'rotate') return 'grab';
  const direction = lines.find(({ plane }) => plane === hit.plane)?.direction ?? { x: 1, y: 0 };
  const across = (((Math.atan2(direction.x, -direction.y) * 180) / Math.PI + 180) % 180) / 45;
  return ['ew-resize', 'nwse-resize', 'ns-resize', 'nesw-resize'][Math.round(across) % 4] ?? 'move';
}

/** Signed px from a line to a point, positive to the right of its direction when y points down. */
export function acrossLine({ direction }: PlaneLine, center: Point, at: Point): number {
  return (at.y - center.y) * direction.x - (at.x - center.x) * direction.y;
}

/** Degrees clockwise on the screen from one point to another around a centre. */
export function angleAround(center: Point, from: Point, to: Point): number {
  const start = Math.atan2(from.y - center.y, from.x - center.x);
  const end = Math.atan2(to.y - center.y, to.x - center.x);
  const turn = ((end - start) * 180) / Math.PI;
  return turn > 180 ? turn - 360 : turn <= -180 ? turn + 360 : turn;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
