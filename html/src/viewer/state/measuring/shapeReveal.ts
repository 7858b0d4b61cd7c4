/** Goes to where a shape can be seen. */
import { outline, type Measurement } from '@/core/measurement/shape';
import { toPatient } from '@/core/measurement/sheet';
import { contains } from '@/core/measurement/surface';
import { nearestSlice } from '@/core/patient';

import type { MeasuredViewport } from '../measuringEntry';
import { visibleViewports } from '../shapeValues';
import type { Workspace } from '../workspace';
import { surfaceOf } from './shapeSurface';

/** Smaller ones are enlarged, to this size (CSS px). */
const TINY_PX = 40;
const LARGE_PX = 160;
const MOST_ZOOM = 40;

function viewportsOf(workspace: Workspace, series: string): readonly MeasuredViewport[] {
  return visibleViewports(workspace).filter((viewport) => viewport.source.series === series);
}

/** Whether a viewport shows all of a shape. */
export function isInSight(workspace: Workspace, { series, sheet, points }: Measurement): boolean {
  const flat = viewportsOf(workspace, series).filter(({ kind }) => kind !== 'volume' || sheet.free);
  return flat.map(surfaceOf).some((surface) => surface && contains(surface, sheet, points));
}

export function revealShape(workspace: Workspace, measurement: Measurement): void {
  if (isInSight(workspace, measurement)) return;
  const { series, sheet, points } = measurement;
  const patient = points[0] && toPatient(sheet, points[0]);
  if (workspace.volume) {
    if (patient) workspace.volume.session.locate(patient);
    return;
  }
  const all = viewportsOf(workspace, series);
  const viewport = all.find((each) => each === workspace.active) ?? all[0];
  if (viewport?.kind !== 'image' || !viewport.stack) return;
  const { slices, geometry } = viewport.stack;
  const index =
    sheet.position === null
      ? patient
        ? nearestSlice(slices, geometry, patient)
        : -1
      : slices.findIndex(({ position }) => position === sheet.position);
  if (index >= 0) viewport.goTo(index);
}

/** Enlarges a slice on which a shape is too small to be seen well. */
export function showLarge(workspace: Workspace, measurement: Measurement): void {
  const { series, sheet } = measurement;
  for (const viewport of viewportsOf(workspace, series)) {
    const surface = surfaceOf(viewport);
    if (viewport.kind !== 'image' || !surface || measurement.kind === 'point' || sheet.free) continue;
    const places = outline(measurement).map((point) => surface.place(sheet, point));
    const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)];
    const side = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
    if (!(side > 0 && side < TINY_PX)) continue;
    const middle = { x: (Math.max(...xs) + Math.min(...xs)) / 2, y: (Math.max(...ys) + Math.min(...ys)) / 2 };
    const center = surface.pointOn(surface.sheet, middle);
    viewport.patch({ zoom: Math.min(MOST_ZOOM, (viewport.view.zoom * LARGE_PX) / side), center: [center.x, center.y] });
  }
}
