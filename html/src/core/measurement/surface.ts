/** A viewport as shapes see it: what lies on it, and where points of sheets appear. */
import { apply, invert, type Point, type Raster, type Size, sourceToViewport } from '../geometry';
import { patientToSource, planeOf } from '../patient';
import { pixelsPerMillimetre, pointAt, toViewport } from '../placed';
import { insideVolume, smallestSpacing } from '../volumeSpace';
import type { ImageView, MprView, Opened, Vector, VolumeGrid } from '../wire';
import { fromPatient, planeSheet, type Sheet, sliceSheet, toPatient } from './sheet';

/** CSS px, and how many mm behind the viewport's plane; Infinity where the two have nothing in common. */
export interface Placed extends Point {
  readonly depth: number;
}

export interface Surface {
  readonly size: Size;
  /** What a shape that is begun here lies on. */
  readonly sheet: Sheet;
  /** Millimetres to either side that still count as in the viewport's plane. */
  readonly half: number;
  /** CSS px of one image pixel. */
  readonly pixel: number;
  place(sheet: Sheet, point: Point): Placed;
  /** The point of a sheet under a viewport point. */
  pointOn(sheet: Sheet, at: Point): Point;
  /** The same, moved into the picture. */
  insideOn(sheet: Sheet, at: Point): Point;
}

const LEAST_HALF = 0.5;
const AWAY: Placed = { x: 0, y: 0, depth: Infinity };

export interface SliceView {
  readonly stack: Opened | null;
  readonly view: ImageView;
  readonly size: Size;
  readonly raster: Raster | null;
  readonly index: number;
}

/** A viewport of the Image window; null before it has a picture. */
export function surfaceOfSlice({ stack, view, size, raster, index }: SliceView): Surface | null {
  const slice = stack?.slices[index];
  const sheet = stack && sliceSheet(stack, index);
  if (!stack || !slice || !sheet || !raster || size.width === 0) return null;
  const plane = planeOf(slice, stack.geometry, raster);
  const forward = sourceToViewport(raster, size, view);
  // Slices of a stack share their pixels' places.
  const onto = (to: Sheet, source: Point): Point => {
    const patient = to.position === null ? toPatient(sheet, source) : null;
    return (patient && footOn(to, patient)) ?? source;
  };
  const back = invert(forward);
  const { step, thickness } = stack.geometry;
  return {
    size,
    sheet,
    half: Math.abs(step ?? thickness ?? 2 * LEAST_HALF) / 2,
    pixel: Math.hypot(forward.a, forward.b),
    place(from, point) {
      if (from.position !== null && from.position === sheet.position) return { ...apply(forward, point), depth: 0 };
      const patient = toPatient(from, point);
      if (!patient || !plane) return AWAY;
      const { source, distance } = patientToSource(plane, patient);
      return { ...apply(forward, source), depth: distance };
    },
    pointOn: (to, at) => onto(to, apply(back, at)),
    insideOn(to, at) {
      const { x, y } = apply(back, at);
      return onto(to, { x: clamp(x, -0.5, raster.columns - 0.5), y: clamp(y, -0.5, raster.rows - 0.5) });
    },
  };
}

export interface PlaneView {
  readonly stack: Opened | null;
  readonly view: MprView;
  readonly size: Size;
}

/** A plane of the MPR window; null before its volume is known. */
export function surfaceOfPlane({ stack, view, size }: PlaneView): Surface | null {
  const grid: VolumeGrid | null = stack?.volume ?? null;
  if (!grid || size.width === 0) return null;
  return {
    size,
    sheet: planeSheet(view),
    half: Math.max(LEAST_HALF, view.slab / 2),
    pixel: smallestSpacing(grid) * pixelsPerMillimetre(view, size),
    place(from, point) {
      const patient = toPatient(from, point);
      return patient ? toViewport(view, size, patient) : AWAY;
    },
    pointOn: (to, at) => footOn(to, pointAt(view, size, at)) ?? at,
    insideOn: (to, at) => footOn(to, insideVolume(grid, pointAt(view, size, at))) ?? at,
  };
}

/** Whether all points lie in the viewport's plane. */
export function contains(surface: Surface, sheet: Sheet, points: readonly Point[]): boolean {
  return points.every((point) => Math.abs(surface.place(sheet, point).depth) <= surface.half + 1e-6);
}

function footOn(sheet: Sheet, patient: Vector): Point | null {
  const foot = fromPatient(sheet, patient);
  return foot && { x: foot.x, y: foot.y };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
