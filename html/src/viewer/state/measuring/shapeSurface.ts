/** Viewports as shapes see them. */
import { surfaceOfModel } from '@/core/measurement/modelSurface';
import { type Surface, surfaceOfPlane, surfaceOfSlice } from '@/core/measurement/surface';

import type { MeasuredViewport } from '../measuringEntry';

/** Null before a viewport has something to lie on. */
export function surfaceOf(viewport: MeasuredViewport): Surface | null {
  if (viewport.kind === 'image') return surfaceOfSlice(viewport);
  return viewport.kind === 'mpr' ? surfaceOfPlane(viewport) : surfaceOfModel(viewport);
}
