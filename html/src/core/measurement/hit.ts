/** What of the shapes on a viewport lies under the pointer. */
import type { Point } from '../geometry';
import type { Rect, ShapeOnScreen } from './layout';

export interface ShapeHit {
  readonly id: number;
  readonly part: 'handle' | 'text' | 'line';
  /** Of a handle its number. */
  readonly handle: number;
}

const HANDLE_PX = 8;
const HANDLE_TOUCH_PX = 22;
const LINE_PX = 6;
const LINE_TOUCH_PX = 14;

/** Handles of the selected shape first, then handles, texts and lines; of several the one drawn last. */
export function hitShapes(shapes: readonly ShapeOnScreen[], at: Point, selected: number | null, touch = false): ShapeHit | null {
  const topmost = [...shapes].reverse();
  const ordered = [...topmost.filter(({ id }) => id === selected), ...topmost.filter(({ id }) => id !== selected)];
  const reach = touch ? HANDLE_TOUCH_PX : HANDLE_PX;
  for (const { id, handles } of ordered) {
    const distances = handles.map((handle) => distance(handle, at));
    const nearest = distances.indexOf(Math.min(...distances));
    if (nearest >= 0 && (distances[nearest] as number) <= reach) return { id, part: 'handle', handle: nearest };
  }
  const text = topmost.find(({ plate }) => plate && isInside(plate, at));
  if (text) return { id: text.id, part: 'text', handle: 0 };
  const near = touch ? LINE_TOUCH_PX : LINE_PX;
  const line = topmost.find((shape) => toLine(shape.line, at) <= near);
  return line ? { id: line.id, part: 'line', handle: 0 } : null;
}

function isInside({ x, y, width, height }: Rect, at: Point): boolean {
  return at.x >= x && at.x <= x + width && at.y >= y && at.y <= y + height;
}

/** Distance to a line of several pieces, Infinity to none. */
function toLine(line: readonly Point[], at: Point): number {
  return Math.min(Infinity, ...line.slice(1).map((to, index) => toPiece(line[index] as Point, to, at)));
}

function toPiece(from: Point, to: Point, at: Point): number {
  const x = to.x - from.x;
  const y = to.y - from.y;
  const square = x * x + y * y;
  const share = square === 0 ? 0 : Math.min(1, Math.max(0, ((at.x - from.x) * x + (at.y - from.y) * y) / square));
  return distance({ x: from.x + share * x, y: from.y + share * y }, at);
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
