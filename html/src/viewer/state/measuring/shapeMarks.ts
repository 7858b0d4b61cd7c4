/** The next shape along the slices of a stack, or along the normal of a plane. */
import type { Measurement } from '@/core/measurement/shape';

import type { MeasuredViewport } from '../measuringEntry';
import type { ShapeDesk } from './shapeDesk';
import { surfaceOf } from './shapeSurface';

/** Of the series that has the hand; null where there is none in that direction. */
export function nextMark({ active, list }: ShapeDesk, direction: 1 | -1): Measurement | null {
  if (!active || !list) return null;
  let best: Measurement | null = null;
  let least = Infinity;
  for (const measurement of list.ofSeries(active.source.series)) {
    const away = direction * (distanceTo(active, measurement) ?? -1);
    if (away <= 0 || away >= least) continue;
    best = measurement;
    least = away;
  }
  return best;
}

/** In slices, or in mm beyond the thickness of the plane; 0 for what is in sight, null for what lies nowhere. */
function distanceTo(viewport: MeasuredViewport, { sheet, points }: Measurement): number | null {
  if (viewport.kind === 'image' && sheet.position !== null) {
    const index = viewport.stack?.slices.findIndex(({ position }) => position === sheet.position) ?? -1;
    return index < 0 ? null : index - viewport.index;
  }
  const surface = viewport.kind === 'volume' ? null : surfaceOf(viewport);
  const [first] = points;
  if (!surface || !first) return null;
  const { depth } = surface.place(sheet, first);
  if (!Number.isFinite(depth)) return null;
  return Math.abs(depth) <= surface.half ? 0 : depth;
}
