/** The tool that locates a point: every viewport of its frame of reference goes there. */
import type { Point } from '@/core/geometry';
import { nearestSlice, planeOf, sameSpace, sourceToPatient } from '@/core/patient';
import type { ViewportController } from '@/core/viewport';

import type { Workspace } from './workspace';

export function locate(workspace: Workspace, viewport: ViewportController, at: Point): void {
  const { stack, raster } = viewport;
  const slice = stack?.slices[viewport.index];
  const source = viewport.sourceAt(at);
  const plane = slice && raster ? planeOf(slice, stack.geometry, raster) : null;
  if (!plane || !source || !stack) return;
  const point = sourceToPatient(plane, { x: source[0], y: source[1] });
  workspace.located = { space: stack.geometry.space ?? '', point };
  workspace.state.crosshair = true;
  for (const other of workspace.state.current?.viewports ?? []) {
    if (other === viewport || !other.stack || !sameSpace(stack.geometry, other.stack.geometry)) continue;
    const index = nearestSlice(other.stack.slices, other.stack.geometry, point);
    if (index >= 0) other.followTo(index);
  }
  workspace.linesMoved();
}
