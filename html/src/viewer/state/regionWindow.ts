/** The window by a region: a rectangle that is drawn, and what is made of it. */
import { boxInSource } from '@/core/geometry';
import { windowOfRegion } from '@/core/levels';
import { millimetresAt } from '@/core/placed';
import type { Box } from '@/core/tools/regionDrag';
import type { ToolServices } from '@/core/tools/target';
import type { SpaceViewport } from '@/core/volumeSession';
import type { ViewportController } from '@/core/viewport';
import type { PlaneViewport } from '@/core/volumeViewport';
import type { Window } from '@/core/wire';

import type { Workspace } from './workspace';

const TOOL = 'wl.region';

/** A rectangle that is being drawn. */
export interface Region {
  readonly viewport: ViewportController | SpaceViewport;
  readonly box: Box;
}

/** What the tool needs in the Image window. */
export function regionServices(workspace: Workspace): Pick<ToolServices, 'region' | 'takeRegion'> {
  return {
    region: (target, box) => {
      workspace.signals.emit('region', box && { viewport: target as ViewportController, box });
    },
    takeRegion: (target, box) => void takeRegion(workspace, target as ViewportController, box),
  };
}

async function takeRegion(workspace: Workspace, viewport: ViewportController, box: Box): Promise<void> {
  workspace.giveBack(TOOL);
  const corners = boxInSource(box, (point) => viewport.sourceAt(point));
  const window = corners && (await windowOfRegion(viewport, corners));
  if (window) viewport.patch({ window });
}

/** The same on a plane; `set` gets the window. */
export async function takePlaneRegion(
  workspace: Workspace,
  { viewport, box }: { viewport: PlaneViewport; box: Box },
  set: (window: Window) => void,
): Promise<void> {
  workspace.giveBack(TOOL);
  const { view, size } = viewport;
  const window = await windowOfRegion(viewport, [millimetresAt(view, size, box[0]), millimetresAt(view, size, box[1])]);
  if (window) set(window);
}
