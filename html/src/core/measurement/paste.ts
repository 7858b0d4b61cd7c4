/** A shape at the same place of another series of its frame of reference. */
import type { Point } from '../geometry';
import type { Opened } from '../wire';
import type { Shape } from './shape';
import { fromPatient, planeSheet, type Sheet, sliceSheet, toPatient } from './sheet';
import { INITIAL_PLANE } from '../volumeViewport';

const LEAST_HALF = 0.5;

/** On a plane: wherever the shape lies, the volume has it too. Null for a shape that lies nowhere. */
export function onPlaneOf(shape: Shape): Shape | null {
  const { origin, row, column, slab, blend } = shape.sheet;
  return origin && moved(shape, planeSheet({ ...INITIAL_PLANE, center: origin, row, column, slab, blend }));
}

/** On the slice that holds all points within half of its thickness; null where there is none. */
export function onSliceOf(shape: Shape, stack: Opened): Shape | null {
  const { step, thickness } = stack.geometry;
  const half = Math.abs(step ?? thickness ?? 2 * LEAST_HALF) / 2;
  let best: Sheet | null = null;
  let least = half + 1e-6;
  for (let index = 0; index < stack.slices.length; index += 1) {
    const sheet = sliceSheet(stack, index);
    const distance = sheet ? farthest(shape, sheet) : Infinity;
    if (distance > least || (distance === least && best)) continue;
    best = sheet;
    least = distance;
  }
  return best && moved(shape, best);
}

function farthest({ sheet, points }: Shape, other: Sheet): number {
  const depths = points.map((point) => {
    const patient = toPatient(sheet, point);
    return Math.abs((patient && fromPatient(other, patient))?.depth ?? Infinity);
  });
  return Math.max(...depths);
}

function moved(shape: Shape, sheet: Sheet): Shape | null {
  const points = shape.points.map((point): Point | null => {
    const patient = toPatient(shape.sheet, point);
    const foot = patient && fromPatient(sheet, patient);
    return foot && { x: foot.x, y: foot.y };
  });
  const known = points.filter((point) => point !== null);
  return known.length === points.length ? { kind: shape.kind, sheet, points: known } : null;
}
