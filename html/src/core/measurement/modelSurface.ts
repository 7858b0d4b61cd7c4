/** The model of the Volume window as shapes see it: all of them lie in sight, each as its shadow on the screen. */
import { eyeDistance, projected } from '../camera';
import type { Point, Size } from '../geometry';
import { combine, dot, subtract } from '../patient';
import { pixelsPerMillimetre, pointAt } from '../placed';
import { lookOf, normalise } from '../rotation';
import { smallestSpacing } from '../volumeSpace';
import type { Opened, Vector, VolumeView } from '../wire';
import { fromPatient, planeSheet, type Sheet, toPatient } from './sheet';
import type { Placed, Surface } from './surface';
import { INITIAL_PLANE } from '../volumeViewport';

export interface ModelView {
  readonly stack: Opened | null;
  readonly view: VolumeView;
  readonly size: Size;
}

const BEHIND: Placed = { x: 0, y: 0, depth: Infinity };
/** Sheets that are seen more from the side have no point under the hand. */
const LEAST_COSINE = 0.1;

/** Null before the volume is known. */
export function surfaceOfModel({ stack, view, size }: ModelView): Surface | null {
  const grid = stack?.volume;
  if (!grid || size.width === 0) return null;
  const { center, row, column } = view;
  const pointOn = (to: Sheet, at: Point): Point => {
    const { eye, look } = rayAt(view, size, at);
    const foot = fromPatient(to, meeting(to, eye, look) ?? pointAt(view, size, at));
    return foot ? { x: foot.x, y: foot.y } : at;
  };
  return {
    size,
    sheet: planeSheet({ ...INITIAL_PLANE, center, row, column }),
    half: Infinity,
    pixel: smallestSpacing(grid) * pixelsPerMillimetre(view, size),
    place(from, point) {
      const patient = toPatient(from, point);
      const at = patient && projected(view, view.perspective, size, patient);
      return at ? { ...at, depth: 0 } : BEHIND;
    },
    pointOn,
    insideOn: pointOn,
  };
}

/** How far a patient point lies from the viewer, in mm along the look. */
export function depthIn({ center, row, column }: VolumeView, point: Vector): number {
  return dot(subtract(point, center), lookOf({ row, column }));
}

function rayAt(view: VolumeView, size: Size, at: Point): { readonly eye: Vector; readonly look: Vector } {
  const look = lookOf(view);
  const onPlane = pointAt(view, size, at);
  if (!view.perspective) return { eye: onPlane, look };
  const eye = combine(view.center, -eyeDistance(view.extent), look);
  return { eye, look: normalise(subtract(onPlane, eye)) };
}

function meeting({ origin, row, column }: Sheet, eye: Vector, look: Vector): Vector | null {
  const normal = lookOf({ row, column });
  const cosine = dot(look, normal);
  if (!origin || Math.abs(cosine) < LEAST_COSINE) return null;
  return combine(eye, dot(subtract(origin, eye), normal) / cosine, look);
}
