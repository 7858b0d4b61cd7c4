/** The crop box of a volume: millimetres along its own axes from the first voxel's centre, and how it is dragged. */
import type { Point, Size } from './geometry';
import { type Camera, projected } from './camera';
import { combine, dot, subtract } from './patient';
import { type Placed, toViewport } from './placed';
import { lookOf } from './rotation';
import { lastPlace, ofOwn, ownAxes, spacingsOf, toOwn } from './volumeSpace';
import type { Vector, VolumeGrid } from './wire';

export type Box = readonly [low: Vector, high: Vector];

/** Part of the box that is dragged: of each axis the low side, the high side or none; all none is the whole box. */
export type BoxPart = readonly [-1 | 0 | 1, -1 | 0 | 1, -1 | 0 | 1];

const LEAST_SIDE = 2;
const NEAR = 1e-6;

/** All of the volume, to the outer edges of its voxels. */
export function fullBox(grid: VolumeGrid): Box {
  const [, rows, columns] = grid.shape;
  const [across, down, step] = spacingsOf(grid);
  return [
    [-across / 2, -down / 2, -step / 2],
    [(columns - 0.5) * across, (rows - 0.5) * down, lastPlace(grid) + step / 2],
  ];
}

export function isFull(box: Box, grid: VolumeGrid): boolean {
  const [low, high] = fullBox(grid);
  return box[0].every((value, axis) => value <= low[axis]! + NEAR) && box[1].every((value, axis) => value >= high[axis]! - NEAR);
}

/** A box inside the volume whose sides are at least 2 mm. */
export function keptBox(box: Box, grid: VolumeGrid): Box {
  const [least, most] = fullBox(grid);
  const low: Vector = [0, 0, 0];
  const high: Vector = [0, 0, 0];
  for (const axis of [0, 1, 2] as const) {
    const side = Math.min(LEAST_SIDE, most[axis] - least[axis]);
    low[axis] = Math.min(most[axis] - side, Math.max(least[axis], Math.min(...[box[0][axis], box[1][axis]])));
    high[axis] = Math.min(most[axis], Math.max(low[axis] + side, Math.max(...[box[0][axis], box[1][axis]])));
  }
  return [low, high];
}

/** The box after a part of it was dragged by millimetres along the own axes. */
export function dragBox(box: Box, part: BoxPart, by: Vector, grid: VolumeGrid): Box {
  const whole = part.every((side) => side === 0);
  const [least, most] = fullBox(grid);
  const low = [...box[0]] as Vector;
  const high = [...box[1]] as Vector;
  for (const axis of [0, 1, 2] as const) {
    if (whole) {
      const move = Math.min(most[axis] - high[axis], Math.max(least[axis] - low[axis], by[axis]));
      low[axis] += move;
      high[axis] += move;
    } else if (part[axis] < 0) {
      low[axis] = Math.min(high[axis] - LEAST_SIDE, Math.max(least[axis], low[axis] + by[axis]));
    } else if (part[axis] > 0) {
      high[axis] = Math.max(low[axis] + LEAST_SIDE, Math.min(most[axis], high[axis] + by[axis]));
    }
  }
  return [low, high];
}

const SIDES = [-1, 0, 1] as const;

/** Six faces and eight corners: what carries a handle. */
export const BOX_HANDLES: readonly BoxPart[] = SIDES.flatMap((a) =>
  SIDES.flatMap((b) => SIDES.map((c): BoxPart => [a, b, c])),
).filter((part) => [1, 3].includes(part.filter((side) => side !== 0).length));

/** Patient point of a handle: the middle of a face, a corner, or the middle of the box. */
export function handlePoint(box: Box, part: BoxPart, grid: VolumeGrid): Vector {
  const at = part.map((side, axis) => {
    const low = box[0][axis] as number;
    const high = box[1][axis] as number;
    return side < 0 ? low : side > 0 ? high : (low + high) / 2;
  }) as Vector;
  return ofOwn(grid, at);
}

const CORNERS: readonly BoxPart[] = BOX_HANDLES.filter((part) => part.every((side) => side !== 0));

/** Pairs of corners that an edge joins. */
const EDGES: readonly (readonly [BoxPart, BoxPart])[] = CORNERS.flatMap((corner) =>
  ([0, 1, 2] as const).flatMap((axis) => {
    if (corner[axis] > 0) return [];
    const other = corner.map((side, at) => (at === axis ? 1 : side)) as unknown as BoxPart;
    return [[corner, other] as const];
  }),
);

export interface BoxOutline {
  readonly edges: readonly (readonly [Point, Point])[];
  readonly handles: readonly { readonly part: BoxPart; readonly at: Point }[];
}

/** The box as a camera sees it. */
export function boxOnScreen(box: Box, grid: VolumeGrid, camera: Camera, perspective: boolean, size: Size): BoxOutline {
  const place = (part: BoxPart): Point | null => projected(camera, perspective, size, handlePoint(box, part, grid));
  return {
    edges: EDGES.flatMap(([from, to]) => {
      const ends = [place(from), place(to)] as const;
      return ends[0] && ends[1] ? [[ends[0], ends[1]] as const] : [];
    }),
    handles: BOX_HANDLES.flatMap((part) => {
      const at = place(part);
      return at ? [{ part, at }] : [];
    }),
  };
}

/**
 * Millimetres along the own axes of a drag by px.
 *
 * A face moves along its axis by what the drag has of the axis' direction on the screen; a corner and the whole box move
 * in the plane of the screen.
 */
export function dragInBox(part: BoxPart, grid: VolumeGrid, view: Placed, size: Size, dx: number, dy: number): Vector {
  const scale = Math.min(size.width, size.height) / view.extent;
  const axis = part.filter((side) => side !== 0).length === 1 ? part.findIndex((side) => side !== 0) : -1;
  if (axis >= 0) {
    const direction = ownAxes(grid)[axis as 0 | 1 | 2];
    const across = dot(direction, view.row) * scale;
    const down = dot(direction, view.column) * scale;
    const length = across * across + down * down;
    // Seen along the axis nothing on the screen means a movement along it.
    const moved = length < (0.05 * scale) ** 2 ? 0 : (dx * across + dy * down) / length;
    return [0, 1, 2].map((at) => (at === axis ? moved : 0)) as Vector;
  }
  const shift = combine([0, 0, 0], dx / scale, view.row, dy / scale, view.column);
  return subtract(toOwn(grid, combine(grid.origin, 1, shift)), toOwn(grid, grid.origin));
}

/** Where a plane cuts the box: corners of a polygon on its viewport in order, empty if it passes by. */
export function boxInPlane(box: Box, grid: VolumeGrid, plane: Placed, size: Size): Point[] {
  const normal = lookOf(plane);
  const points = EDGES.flatMap(([from, to]) => {
    const start = handlePoint(box, from, grid);
    const end = handlePoint(box, to, grid);
    const a = dot(subtract(start, plane.center), normal);
    const b = dot(subtract(end, plane.center), normal);
    if (a < 0 === b < 0) return [];
    const { x, y } = toViewport(plane, size, combine(start, a / (a - b), subtract(end, start)));
    return [{ x, y }];
  });
  const middle = {
    x: points.reduce((sum, { x }) => sum + x, 0) / points.length,
    y: points.reduce((sum, { y }) => sum + y, 0) / points.length,
  };
  return points.sort((p, q) => Math.atan2(p.y - middle.y, p.x - middle.x) - Math.atan2(q.y - middle.y, q.x - middle.x));
}
