/** Shapes on a sheet: their outlines, and how handles and the hand change them. */
import type { Point } from '../geometry';
import type { Pair } from '../wire';
import type { Sheet } from './sheet';
import type { Surface } from './surface';

export type ShapeKind = 'length' | 'angle' | 'rectangle' | 'ellipse' | 'point';

/**
 * Points by kind: ends of a length; arm, vertex, arm of an angle; corners of a rectangle in order; ends of one axis of an
 * ellipse and those of the other; a point.
 */
export interface Shape {
  readonly kind: ShapeKind;
  readonly sheet: Sheet;
  readonly points: readonly Point[];
}

/** A shape that was finished. */
export interface Measurement extends Shape {
  readonly id: number;
  readonly series: string;
  /** Where its text was put, on the sheet; null lets it find its place. */
  readonly plate: Point | null;
  /** What the reader calls it. */
  readonly label: string;
}

export interface Modifiers {
  readonly shift: boolean;
  readonly alt: boolean;
}

/** Points that the hand sets. */
export const CLICKS: Readonly<Record<ShapeKind, number>> = { length: 2, angle: 3, rectangle: 2, ellipse: 2, point: 1 };
const ELLIPSE_STEPS = 64;

export function isBox(kind: ShapeKind): boolean {
  return kind === 'rectangle' || kind === 'ellipse';
}

/** Closed for areas. */
export function outline({ kind, points }: Shape): readonly Point[] {
  if (kind === 'ellipse') return ellipse(points);
  const [first] = points;
  return kind === 'rectangle' && first ? [...points, first] : points;
}

function ellipse([a, b, c, d]: readonly Point[]): Point[] {
  if (!a || !b || !c || !d) return [];
  const x = (a.x + b.x + c.x + d.x) / 4;
  const y = (a.y + b.y + c.y + d.y) / 4;
  return Array.from({ length: ELLIPSE_STEPS + 1 }, (_, step) => {
    const angle = (2 * Math.PI * step) / ELLIPSE_STEPS;
    const [cos, sin] = [Math.cos(angle) / 2, Math.sin(angle) / 2];
    return { x: x + cos * (b.x - a.x) + sin * (d.x - c.x), y: y + cos * (b.y - a.y) + sin * (d.y - c.y) };
  });
}

export function translated<T extends Shape>(shape: T, dx: number, dy: number): T {
  const move = ({ x, y }: Point): Point => ({ x: x + dx, y: y + dy });
  const plate = 'plate' in shape ? { plate: shape.plate && move(shape.plate as Point) } : {};
  return { ...shape, points: shape.points.map(move), ...plate };
}

/** The shape after one of its handles was put to another place; areas stay rectangles and ellipses. */
export function withHandle<T extends Shape>(shape: T, handle: number, to: Point): T {
  const { kind, points, sheet } = shape;
  if (kind === 'rectangle') return { ...shape, points: withCorner(points, handle, to, sheet.scale) };
  if (kind === 'ellipse') return { ...shape, points: withAxisEnd(points, handle, to, sheet.scale) };
  return { ...shape, points: points.map((point, index) => (index === handle ? to : point)) };
}

/** The opposite corner stays, and so do the directions of the edges. */
function withCorner(points: readonly Point[], corner: number, to: Point, scale: Pair): Point[] {
  const fixed = at(points, corner + 2);
  const moved = difference(to, fixed, scale);
  let along = direction(difference(at(points, corner + 1), fixed, scale));
  const other = direction(difference(at(points, corner + 3), fixed, scale));
  along ??= other ? { x: -other.y, y: other.x } : { x: 1, y: 0 };
  const across = other ?? { x: -along.y, y: along.x };
  const on = (axis: Point): Point => offset(fixed, axis, moved.x * axis.x + moved.y * axis.y, scale);
  const corners: Point[] = [...points];
  corners[corner] = to;
  corners[(corner + 1) % 4] = on(along);
  corners[(corner + 3) % 4] = on(across);
  return corners;
}

/** The other end of the axis stays; the other axis follows the middle. */
function withAxisEnd(points: readonly Point[], end: number, to: Point, scale: Pair): Point[] {
  const opposite = end ^ 1;
  const fixed = at(points, opposite);
  const axis = direction(difference(at(points, end), fixed, scale)) ?? { x: 1, y: 0 };
  const moved = difference(to, fixed, scale);
  const next = offset(fixed, axis, moved.x * axis.x + moved.y * axis.y, scale);
  const dx = (next.x - at(points, end).x) / 2;
  const dy = (next.y - at(points, end).y) / 2;
  return points.map((point, index) => {
    if (index === opposite) return point;
    return index === end ? next : { x: point.x + dx, y: point.y + dy };
  });
}

/** The box between a fixed point and the hand, upright on the screen, as points of a sheet. */
export function boxPoints(kind: ShapeKind, surface: Surface, sheet: Sheet, from: Point, hand: Point, modifiers: Modifiers): Point[] {
  const start = surface.place(sheet, from);
  // The hand may be beside the picture: what counts is the point of the picture nearest to it.
  const held = surface.place(sheet, surface.insideOn(sheet, hand));
  let width = held.x - start.x;
  let height = held.y - start.y;
  if (modifiers.shift) {
    const side = Math.max(Math.abs(width), Math.abs(height));
    width = side * (Math.sign(width) || 1);
    height = side * (Math.sign(height) || 1);
  }
  const left = modifiers.alt ? start.x - width : start.x;
  const top = modifiers.alt ? start.y - height : start.y;
  const [right, bottom] = [start.x + width, start.y + height];
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const places =
    kind === 'rectangle'
      ? [[left, top], [right, top], [right, bottom], [left, bottom]]
      : [[left, y], [right, y], [x, top], [x, bottom]];
  return places.map(([px = 0, py = 0]) => surface.pointOn(sheet, { x: px, y: py }));
}

const EIGHTH = Math.PI / 4;

/** The hand moved to the nearest horizontal, vertical or diagonal through a point of the viewport. */
export function straightened(from: Point, hand: Point): Point {
  const angle = Math.round(Math.atan2(hand.y - from.y, hand.x - from.x) / EIGHTH) * EIGHTH;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const along = (hand.x - from.x) * cos + (hand.y - from.y) * sin;
  return { x: from.x + along * cos, y: from.y + along * sin };
}

function at(points: readonly Point[], index: number): Point {
  return points[index % points.length] ?? { x: 0, y: 0 };
}

/** In millimetres. */
function difference(to: Point, from: Point, scale: Pair): Point {
  return { x: (to.x - from.x) * scale[0], y: (to.y - from.y) * scale[1] };
}

function direction({ x, y }: Point): Point | null {
  const length = Math.hypot(x, y);
  return length < 1e-9 ? null : { x: x / length, y: y / length };
}

function offset(from: Point, axis: Point, millimetres: number, scale: Pair): Point {
  return { x: from.x + (millimetres * axis.x) / scale[0], y: from.y + (millimetres * axis.y) / scale[1] };
}
