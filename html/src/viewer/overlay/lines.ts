/** Reference lines and the located point of one viewport, as numbers for SVG. */
import { apply, type Point } from '@/core/geometry';
import { patientToSource, planeOf, referenceLine, sameSpace, type SlicePlane } from '@/core/patient';
import type { ViewportController } from '@/core/viewport';
import type { Vector } from '@/core/wire';

export interface Line {
  readonly from: Point;
  readonly to: Point;
  /** The slice shown by the active viewport; the first and last of its stack are thin. */
  readonly current: boolean;
}

export interface Mark {
  readonly at: Point;
  /** Distance from the slice in mm, signed. */
  readonly distance: number;
  readonly onSlice: boolean;
}

function planeAt(viewport: ViewportController, index = viewport.index): SlicePlane | null {
  const slice = viewport.stack?.slices[index];
  const raster = viewport.raster;
  return slice && raster && viewport.stack ? planeOf(slice, viewport.stack.geometry, raster) : null;
}

/** Where the active viewport's slices cut the slice that `viewport` shows. */
export function referenceLines(viewport: ViewportController, active: ViewportController | null): Line[] {
  if (!active || active === viewport || !active.stack || !viewport.stack) return [];
  if (!sameSpace(active.stack.geometry, viewport.stack.geometry)) return [];
  const shown = planeAt(viewport);
  if (!shown) return [];
  const forward = viewport.transform;
  const lines: Line[] = [];
  for (const index of new Set([0, active.count - 1, active.index])) {
    const plane = planeAt(active, index);
    const ends = plane && referenceLine(shown, plane);
    if (ends)
      lines.push({ from: apply(forward, ends[0]), to: apply(forward, ends[1]), current: index === active.index });
  }
  return lines;
}

/** The located point on this viewport; null if it lies in another space. */
export function crosshairMark(
  viewport: ViewportController,
  located: { readonly space: string; readonly point: Vector } | null,
): Mark | null {
  if (!located?.space || viewport.stack?.geometry.space !== located.space) return null;
  const plane = planeAt(viewport);
  if (!plane) return null;
  const { source, distance } = patientToSource(plane, located.point);
  const step = Math.abs(viewport.stack.geometry.step ?? viewport.stack.geometry.thickness ?? 1);
  return { at: apply(viewport.transform, source), distance, onSlice: Math.abs(distance) <= step };
}
