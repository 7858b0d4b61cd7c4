/** What volumes ask of the page around them. */
import type { Point } from '@/core/geometry';
import type { SpaceViewport } from '@/core/volumeSession';

import { takePlaneRegion } from './regionWindow';
import type { VolumePage } from './volumeWindow';
import type { Workspace } from './workspace';

export function volumePageOf(workspace: Workspace): VolumePage {
  return {
    lens: (viewport, at) => {
      workspace.signals.emit('lens', at && { viewport, at });
    },
    probe: (viewport, at) => void readVolume(workspace, viewport, at, true),
    place: (viewport, at) => {
      workspace.measuring.place(viewport, at);
    },
    draw: (viewport, tool, at) => workspace.measuring.begin(viewport, tool, at),
    grab: (viewport, at, touch) => workspace.measuring.loaded?.grab(viewport, at, touch) ?? null,
    menu: (viewport, at) => {
      workspace.measuring.loaded?.point(viewport, at);
      workspace.state.menu = { viewport, at };
    },
    tool: (viewport, tool) => {
      workspace.state.toolAtWork = tool === null ? null : { viewport, tool };
    },
    region: (viewport, box) => {
      workspace.signals.emit('region', box && { viewport, box });
    },
    takeRegion: (viewport, box, set) => void takePlaneRegion(workspace, { viewport, box }, set),
    lasso: (lasso) => {
      workspace.signals.emit('lasso', lasso);
    },
    linesShown: () => workspace.state.crosshair,
    moved: () => {
      workspace.linesMoved();
    },
  };
}

/** Asks for the value under a point of a plane or model; null ends it. */
export async function readVolume(
  workspace: Workspace,
  viewport: SpaceViewport,
  at: Point | null,
  held: boolean,
): Promise<void> {
  const { state } = workspace;
  if (at === null) {
    state.reading = null;
    return;
  }
  const answer = await viewport.pick(at);
  if (answer === null) return;
  const { value, unit, point } = answer;
  const stillHeld = held && state.toolAtWork?.tool === 'probe';
  state.reading = { viewport, at, value, unit, point, position: null, held: stillHeld };
}
