/** Shapes whose points lie anywhere in the patient, on a surface for example: their sheet is a plane through all of them. */
import type { Point } from '../geometry';
import { combine, cross, dot, subtract } from '../patient';
import { lengthOf, normalise } from '../rotation';
import type { Vector } from '../wire';
import type { Shape, ShapeKind } from './shape';
import { fromPatient, type Sheet, toPatient } from './sheet';

/** Two points nearer to each other have no direction (mm). */
const SAME_MM = 1e-6;
const AXES: readonly Vector[] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

/** A shape through one to three points (LPS, mm), of which the first may not be missing. */
export function shapeInSpace(kind: ShapeKind, points: readonly Vector[]): Shape {
  const sheet = sheetThrough(points);
  return { kind, sheet, points: points.map((point) => footOn(sheet, point)) };
}

/** Where the points of a shape lie in the patient; null for a shape that lies nowhere. */
export function pointsInSpace({ sheet, points }: Shape): readonly Vector[] | null {
  const places = points.map((point) => toPatient(sheet, point));
  return places.some((place) => place === null) ? null : (places as Vector[]);
}

/** The shape with one of its points elsewhere in the patient. */
export function withPointInSpace<T extends Shape>(shape: T, index: number, to: Vector): T {
  const places = pointsInSpace(shape);
  if (!places) return shape;
  return { ...shape, ...shapeInSpace(shape.kind, places.map((place, at) => (at === index ? to : place))) };
}

/** The shape moved as a whole through the patient. */
export function movedInSpace<T extends Shape>(shape: T, by: Vector): T {
  const { sheet } = shape;
  return sheet.origin ? { ...shape, sheet: { ...sheet, origin: combine(sheet.origin, 1, by) } } : shape;
}

function sheetThrough([first, ...others]: readonly Vector[]): Sheet {
  const origin: Vector = first ?? [0, 0, 0];
  const offsets = others.map((point) => subtract(point, origin));
  const row = normalise(offsets.find((offset) => lengthOf(offset) > SAME_MM) ?? [1, 0, 0]);
  const beside = [...offsets, ...AXES].map((offset) => combine(offset, -dot(offset, row), row));
  const column = normalise(beside.find((offset) => lengthOf(offset) > SAME_MM) ?? [0, 1, 0]);
  // Rounding must not lead out of the plane.
  const normal = normalise(cross(row, column));
  return { position: null, origin, row, column: cross(normal, row), scale: [1, 1], slab: 0, blend: 'mip', free: true };
}

function footOn(sheet: Sheet, place: Vector): Point {
  const foot = fromPatient(sheet, place);
  return { x: foot?.x ?? 0, y: foot?.y ?? 0 };
}

