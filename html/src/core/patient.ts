/** Patient coordinates (LPS, mm; PS3.3 C.7.6.2): planes, orientation letters, lines between slices. */
import { apply, invert, type Point, type Raster, type Size, sourceToViewport, type Placement } from './geometry';
import type { StackFrame, StackGeometry, Vector } from './wire';

/** Where one slice lies; `row` points along increasing column index. */
export interface SlicePlane {
  readonly origin: Vector;
  readonly row: Vector;
  readonly column: Vector;
  readonly normal: Vector;
  readonly raster: Raster;
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function subtract(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

/** a + s b + t c */
export function combine(a: Vector, s: number, b: Vector, t = 0, c: Vector = [0, 0, 0]): Vector {
  return [a[0] + s * b[0] + t * c[0], a[1] + s * b[1] + t * c[1], a[2] + s * b[2] + t * c[2]];
}

/** The plane of a slice; null where the file does not say. */
export function planeOf(slice: StackFrame, geometry: StackGeometry, raster: Raster): SlicePlane | null {
  const { row, column } = geometry;
  if (!row || !column || !slice.origin || !raster.calibrated) return null;
  return { origin: slice.origin, row, column, normal: cross(row, column), raster };
}

export function sourceToPatient(plane: SlicePlane, point: Point): Vector {
  return combine(
    plane.origin,
    point.x * plane.raster.pixelWidth,
    plane.row,
    point.y * plane.raster.pixelHeight,
    plane.column,
  );
}

/** The foot of `point` on the plane in source coordinates, and its signed distance in mm. */
export function patientToSource(
  plane: SlicePlane,
  point: Vector,
): { readonly source: Point; readonly distance: number } {
  const offset = subtract(point, plane.origin);
  return {
    source: {
      x: dot(offset, plane.row) / plane.raster.pixelWidth,
      y: dot(offset, plane.column) / plane.raster.pixelHeight,
    },
    distance: dot(offset, plane.normal),
  };
}

/**
 * Where a slice lies, as readers name it: millimetres along the stack's normal, turned so that it looks
 * to the left, the back or the head, whichever is nearest (an axial slice's is its z). Null where the file does not say.
 */
export function placeAlongNormal(
  { origin }: Pick<StackFrame, 'origin'>,
  { row, column }: Pick<StackGeometry, 'row' | 'column'>,
): number | null {
  if (!row || !column || !origin) return null;
  const normal = cross(row, column);
  const largest = normal.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return Math.sign(largest) * dot(normal, origin);
}

/** Index of the slice nearest to a point; -1 for a stack without positions in space. */
export function nearestSlice(
  slices: readonly StackFrame[],
  geometry: Pick<StackGeometry, 'row' | 'column'>,
  point: Vector,
): number {
  const { row, column } = geometry;
  if (!row || !column) return -1;
  const normal = cross(row, column);
  let best = -1;
  let least = Infinity;
  slices.forEach((slice, index) => {
    if (!slice.origin) return;
    const distance = Math.abs(dot(subtract(point, slice.origin), normal));
    if (distance < least) {
      least = distance;
      best = index;
    }
  });
  return best;
}

export type OrientationStyle = 'HF' | 'SI';

/** Below this share of the direction (about 3 degrees) a letter is left out. */
const LEAST_SHARE = 0.05;

/** Letters of a direction, the largest component first. */
export function orientationLetters(direction: Vector, style: OrientationStyle = 'HF'): string {
  const [head, foot] = style === 'HF' ? ['H', 'F'] : ['S', 'I'];
  const names: readonly [string, string][] = [
    ['L', 'R'],
    ['P', 'A'],
    [head, foot],
  ];
  const length = Math.hypot(...direction);
  return direction
    .map((value, axis) => ({ share: Math.abs(value) / length, letter: names[axis]?.[value > 0 ? 0 : 1] ?? '' }))
    .filter(({ share }) => share > LEAST_SHARE)
    .sort((a, b) => b.share - a.share)
    .map(({ letter }) => letter)
    .join('');
}

export interface EdgeLetters {
  readonly top: string;
  readonly right: string;
  readonly bottom: string;
  readonly left: string;
}

/** What lies beyond each edge of the viewport; null if the orientation is unknown. */
export function edgeLetters(
  geometry: Pick<StackGeometry, 'row' | 'column'>,
  view: Pick<Placement, 'rotation' | 'flip_horizontal' | 'flip_vertical'>,
  style: OrientationStyle = 'HF',
): EdgeLetters | null {
  const { row, column } = geometry;
  if (!row || !column) return null;
  const square: Raster = { columns: 1, rows: 1, pixelWidth: 1, pixelHeight: 1, calibrated: true };
  const back = invert(sourceToViewport(square, { width: 1, height: 1 }, { ...view, zoom: 1, center: [0, 0] }));
  const letters = (x: number, y: number): string => {
    const across = back.a * x + back.c * y;
    const down = back.b * x + back.d * y;
    return orientationLetters(combine([0, 0, 0], across, row, down, column), style);
  };
  return { top: letters(0, -1), right: letters(1, 0), bottom: letters(0, 1), left: letters(-1, 0) };
}

export type PlaneName = 'axial' | 'coronal' | 'sagittal' | 'oblique';

/** The plane's name; oblique where no axis takes at least cos 25 degrees of the normal. */
export function planeName(geometry: Pick<StackGeometry, 'row' | 'column'>): PlaneName | null {
  const { row, column } = geometry;
  if (!row || !column) return null;
  const [x, y, z] = cross(row, column).map(Math.abs) as Vector;
  const least = Math.cos((25 * Math.PI) / 180);
  if (z >= least) return 'axial';
  if (y >= least) return 'coronal';
  return x >= least ? 'sagittal' : 'oblique';
}

/** Planes that cross at a smaller angle give no line that means anything. */
const LEAST_CROSSING = Math.sin((5 * Math.PI) / 180);

/** Where slice `other` cuts slice `shown`: the ends in source coordinates of `shown`, or null. */
export function referenceLine(shown: SlicePlane, other: SlicePlane): readonly [Point, Point] | null {
  if (Math.hypot(...cross(shown.normal, other.normal)) < LEAST_CROSSING) return null;
  const { columns, rows } = other.raster;
  const corners = [
    { x: -0.5, y: -0.5 },
    { x: columns - 0.5, y: -0.5 },
    { x: columns - 0.5, y: rows - 0.5 },
    { x: -0.5, y: rows - 0.5 },
  ].map((corner) => sourceToPatient(other, corner));
  const heights = corners.map((corner) => dot(subtract(corner, shown.origin), shown.normal));
  const ends: Point[] = [];
  for (let index = 0; index < 4; index += 1) {
    const from = heights[index] as number;
    const to = heights[(index + 1) % 4] as number;
    if (from < 0 === to < 0) continue;
    const start = corners[index] as Vector;
    const step = subtract(corners[(index + 1) % 4] as Vector, start);
    ends.push(patientToSource(shown, combine(start, from / (from - to), step)).source);
  }
  return ends.length === 2 ? [ends[0] as Point, ends[1] as Point] : null;
}

/** Whether two stacks lie in one frame of reference, so that their coordinates may be compared. */
export function sameSpace(a: StackGeometry, b: StackGeometry): boolean {
  return Boolean(a.space) && a.space === b.space;
}

/** Angle between two stacks' normals in degrees, 0 to 90; null where one is unknown. */
export function angleBetween(a: StackGeometry, b: StackGeometry): number | null {
  if (!a.row || !a.column || !b.row || !b.column) return null;
  const cosine = Math.min(1, Math.abs(dot(cross(a.row, a.column), cross(b.row, b.column))));
  return (Math.acos(cosine) * 180) / Math.PI;
}

/** The point of the patient in the middle of the viewport. */
export function pointInMiddle(plane: SlicePlane, size: Size, view: Placement): Vector {
  const back = invert(sourceToViewport(plane.raster, size, view));
  return sourceToPatient(plane, apply(back, { x: size.width / 2, y: size.height / 2 }));
}
