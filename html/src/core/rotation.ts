/** Turning directions and points of the patient (LPS, mm) about axes; angles are degrees, right-handed. */
import { combine, cross, dot, subtract } from './patient';
import type { Vector } from './wire';

/** Two directions of the screen in the patient: to the right and down. The viewer looks along row x column. */
export interface Axes {
  readonly row: Vector;
  readonly column: Vector;
}

const DEGREE = Math.PI / 180;
const TINY = 1e-9;

export function lengthOf(vector: Vector): number {
  return Math.hypot(...vector);
}

/** The direction of a vector; a vector of no length stays as it is. */
export function normalise(vector: Vector): Vector {
  const length = lengthOf(vector);
  return length < TINY ? vector : scaled(vector, 1 / length);
}

export function scaled(vector: Vector, factor: number): Vector {
  return [vector[0] * factor, vector[1] * factor, vector[2] * factor];
}

/** `vector` turned about the direction `axis` (Rodrigues). */
export function turned(vector: Vector, axis: Vector, degrees: number): Vector {
  const cos = Math.cos(degrees * DEGREE);
  const sin = Math.sin(degrees * DEGREE);
  const along = combine(scaled(vector, cos), sin, cross(axis, vector));
  return combine(along, dot(axis, vector) * (1 - cos), axis);
}

/** `point` turned about an axis through `pivot`. */
export function turnedAbout(point: Vector, pivot: Vector, axis: Vector, degrees: number): Vector {
  return combine(pivot, 1, turned(subtract(point, pivot), axis, degrees));
}

export function lookOf({ row, column }: Axes): Vector {
  return cross(row, column);
}

/** Both axes turned and made square and of unit length again: errors of many small turns must not add up. */
export function turnedAxes({ row, column }: Axes, axis: Vector, degrees: number): Axes {
  return squared({ row: turned(row, axis, degrees), column: turned(column, axis, degrees) });
}

export function squared({ row, column }: Axes): Axes {
  const across = normalise(row);
  return { row: across, column: normalise(combine(column, -dot(across, column), across)) };
}

/** The axes of a picture that was turned clockwise on the screen. */
export function rolledAxes({ row, column }: Axes, degrees: number): Axes {
  const cos = Math.cos(degrees * DEGREE);
  const sin = Math.sin(degrees * DEGREE);
  return squared({
    row: combine(scaled(row, cos), -sin, column),
    column: combine(scaled(column, cos), sin, row),
  });
}

/** The turn that brings `from` to `to`: a direction and degrees in 0..180. */
export function turnBetween(from: Axes, to: Axes): { readonly axis: Vector; readonly degrees: number } {
  const start = [from.row, from.column, lookOf(from)] as const;
  const end = [to.row, to.column, lookOf(to)] as const;
  const trace = start.reduce((sum, vector, index) => sum + dot(vector, end[index] as Vector), 0);
  const degrees = Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2))) / DEGREE;
  const twist = start.reduce<Vector>((sum, vector, index) => combine(sum, 1, cross(vector, end[index] as Vector)), [
    0, 0, 0,
  ]);
  if (lengthOf(twist) > 1e-6) return { axis: normalise(twist), degrees };
  if (degrees < 90) return { axis: [0, 0, 1], degrees: 0 };
  // Half a turn: the axis is what stays, found as the largest sum of a direction and its image.
  const sums = start.map((vector, index) => combine(vector, 1, end[index] as Vector));
  const axis = sums.reduce((best, sum) => (lengthOf(sum) > lengthOf(best) ? sum : best));
  return { axis: normalise(axis), degrees: 180 };
}
