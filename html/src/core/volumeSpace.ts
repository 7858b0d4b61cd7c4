/** Where the voxels of a volume lie in the patient (LPS, mm), and what of it a plane or camera sees. */
import type { Size } from './geometry';
import { combine, cross, dot, subtract } from './patient';
import { type Axes, lengthOf, normalise } from './rotation';
import type { Vector, VolumeGrid } from './wire';

/** Fractional column and row, and millimetres along the normal from the first slice. */
export interface GridPoint {
  readonly column: number;
  readonly row: number;
  readonly place: number;
}

export function toPatient(grid: VolumeGrid, { column, row, place }: GridPoint): Vector {
  return combine(combine(grid.origin, column, grid.across, row, grid.down), place, grid.through);
}

export function toGrid(grid: VolumeGrid, point: Vector): GridPoint {
  const { across, down, through } = grid;
  const offset = subtract(point, grid.origin);
  const volume = dot(across, cross(down, through));
  return {
    column: dot(offset, cross(down, through)) / volume,
    row: dot(offset, cross(through, across)) / volume,
    place: dot(offset, cross(across, down)) / volume,
  };
}

export function lastPlace(grid: VolumeGrid): number {
  return grid.places.at(-1) ?? 0;
}

/** Mean distance of neighbouring slices. */
export function stepOf(grid: VolumeGrid): number {
  return grid.places.length > 1 ? lastPlace(grid) / (grid.places.length - 1) : 1;
}

/** Distance of neighbouring voxels along columns, rows and slices. */
export function spacingsOf(grid: VolumeGrid): Vector {
  return [lengthOf(grid.across), lengthOf(grid.down), stepOf(grid)];
}

/** By what one notch moves along a plane's normal. */
export function smallestSpacing(grid: VolumeGrid): number {
  return Math.min(...spacingsOf(grid));
}

export function middleOfVolume(grid: VolumeGrid): Vector {
  const [, rows, columns] = grid.shape;
  return toPatient(grid, { column: (columns - 1) / 2, row: (rows - 1) / 2, place: lastPlace(grid) / 2 });
}

const ROUNDING = 1e-6;
/** A model has a little room around it. */
const MARGIN = 1.08;

/** The nearest point between the centres of the outermost voxels. */
export function insideVolume(grid: VolumeGrid, point: Vector): Vector {
  const [, rows, columns] = grid.shape;
  const at = toGrid(grid, point);
  // A point on the border is inside whatever the rounding, else it could not move along it.
  const within = (value: number, high: number): number =>
    value >= -ROUNDING && value <= high + ROUNDING ? value : Math.min(high, Math.max(0, value));
  const kept = {
    column: within(at.column, columns - 1),
    row: within(at.row, rows - 1),
    place: within(at.place, lastPlace(grid)),
  };
  const same = kept.column === at.column && kept.row === at.row && kept.place === at.place;
  return same ? point : toPatient(grid, kept);
}

export function isInside(grid: VolumeGrid, point: Vector): boolean {
  return insideVolume(grid, point) === point;
}

/** Outer corners of the voxels. */
export function cornersOfVolume(grid: VolumeGrid): Vector[] {
  const [, rows, columns] = grid.shape;
  const half = stepOf(grid) / 2;
  return [-half, lastPlace(grid) + half].flatMap((place) =>
    [-0.5, rows - 0.5].flatMap((row) => [-0.5, columns - 0.5].map((column) => toPatient(grid, { column, row, place }))),
  );
}

function spread(grid: VolumeGrid, direction: Vector): number {
  const along = cornersOfVolume(grid).map((corner) => dot(corner, direction));
  return Math.max(...along) - Math.min(...along);
}

/** Millimetres that the shorter side of a viewport must show so that all of the volume is in sight. */
export function extentToFit(grid: VolumeGrid, { row, column }: Axes, size: Size): number {
  const shorter = Math.min(size.width, size.height);
  if (shorter <= 0) return Math.max(spread(grid, row), spread(grid, column));
  return shorter * Math.max(spread(grid, row) / size.width, spread(grid, column) / size.height);
}

/** The same from every side of the patient, so that turning changes no sizes. */
export function extentToTurn(grid: VolumeGrid): number {
  const sides: readonly Vector[] = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ];
  return MARGIN * Math.max(...sides.map((side) => spread(grid, side)));
}

/** Index of the stack's slice that is nearest to a point; slices of a volume rise along its normal. */
export function nearestPlace(grid: VolumeGrid, point: Vector): number {
  const { place } = toGrid(grid, point);
  let best = 0;
  grid.places.forEach((value, index) => {
    if (Math.abs(value - place) < Math.abs((grid.places[best] as number) - place)) best = index;
  });
  return best;
}

/** Unit directions of the volume's own axes; a box is cut along them. */
export function ownAxes(grid: VolumeGrid): readonly [Vector, Vector, Vector] {
  return [normalise(grid.across), normalise(grid.down), grid.through];
}

/** Patient point of millimetres along the own axes from the first voxel's centre. */
export function ofOwn(grid: VolumeGrid, at: Vector): Vector {
  const [across, down, through] = ownAxes(grid);
  return combine(combine(grid.origin, at[0], across, at[1], down), at[2], through);
}

/** Millimetres along the own axes from the first voxel's centre. */
export function toOwn(grid: VolumeGrid, point: Vector): Vector {
  const { column, row, place } = toGrid(grid, point);
  return [column * lengthOf(grid.across), row * lengthOf(grid.down), place];
}

