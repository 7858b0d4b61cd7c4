/** The small cube that shows how the patient lies, and turns the camera: six faces, twelve edges, eight corners. */
import type { Point } from './geometry';
import { dot } from './patient';
import { type Axes, lookOf } from './rotation';
import { STANDARD_VIEWS, type StandardView } from './camera';
import type { Vector } from './wire';

/** Half the edge of the cube as a share of its drawing, so that it fits however it is turned. */
const HALF = 0.285;
/** From here to the rim a press on a face means its edge or corner. */
const EDGE_FROM = 0.6;
const LEAST_FACING = 1e-6;

export interface CubeFace {
  readonly view: StandardView;
  /** Corners of the face in the drawing, clockwise or not. */
  readonly corners: readonly Point[];
  readonly middle: Point;
  /** How much it faces the viewer, 0..1. */
  readonly facing: number;
}

const FACES = Object.entries(STANDARD_VIEWS) as [StandardView, Vector][];

/** The two other axes of a face of direction `normal`. */
function sides(normal: Vector): [Vector, Vector] {
  const axis = normal.findIndex((part) => part !== 0);
  const unit = (at: number): Vector => [0, 1, 2].map((index) => (index === at ? 1 : 0)) as Vector;
  return [unit((axis + 1) % 3), unit((axis + 2) % 3)];
}

const sum = (...vectors: readonly Vector[]): Vector =>
  vectors.reduce<Vector>((total, vector) => [total[0] + vector[0], total[1] + vector[1], total[2] + vector[2]], [0, 0, 0]);
const times = (vector: Vector, factor: number): Vector => vector.map((part) => part * factor) as Vector;

/** Faces that are seen, in a drawing of `side` px, the one that faces most last. */
export function cubeFaces(axes: Axes, side: number): CubeFace[] {
  const look = lookOf(axes);
  const flat = (corner: Vector): Point => ({
    x: side * (0.5 + HALF * dot(corner, axes.row)),
    y: side * (0.5 + HALF * dot(corner, axes.column)),
  });
  return FACES.flatMap(([view, normal]) => {
    const facing = -dot(normal, look);
    if (facing <= LEAST_FACING) return [];
    const [a, b] = sides(normal);
    const corners = [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
    ].map(([s = 0, t = 0]) => flat(sum(normal, times(a, s), times(b, t))));
    return [{ view, corners, middle: flat(normal), facing }];
  }).sort((first, second) => first.facing - second.facing);
}

/** The direction from which a press on the cube looks: one, two or three parts are not 0. Null beside it. */
export function cubeDirection(axes: Axes, side: number, at: Point): Vector | null {
  const look = lookOf(axes);
  const x = (at.x / side - 0.5) / HALF;
  const y = (at.y / side - 0.5) / HALF;
  for (const [, normal] of FACES) {
    const facing = -dot(normal, look);
    if (facing <= LEAST_FACING) continue;
    // The point of the face under the press: x row + y column - t look lies on normal . p = 1.
    const t = (1 - x * dot(normal, axes.row) - y * dot(normal, axes.column)) / facing;
    const point = sum(times(axes.row, x), times(axes.column, y), times(look, -t));
    if (sides(normal).some((axis) => Math.abs(dot(axis, point)) > 1)) continue;
    return point.map((part) => (Math.abs(part) >= EDGE_FROM ? Math.sign(part) : 0)) as Vector;
  }
  return null;
}
