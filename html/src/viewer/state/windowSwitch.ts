/** From one kind of window to another and back: what is carried over. */
import { markRaw } from 'vue';

import { cross, dot, nearestSlice, planeOf, pointInMiddle, sameSpace, subtract } from '@/core/patient';
import { movePoint } from '@/core/planes';
import type { WindowKind } from '@/core/tools/table';
import type { Look } from '@/core/volumeSession';
import type { ViewportController } from '@/core/viewport';
import type { Vector } from '@/core/wire';

import { isShowable, type SeriesSummary } from './studies';
import type { StudyTab } from './studyTab';
import { VolumeActions } from './volumeActions';
import { type VolumeKind, VolumeWindow } from './volumeWindow';
import type { Workspace } from './workspace';

/** Fewer parallel slices are none. */
const SLICES_OF_A_VOLUME = 3;

/** What led to a window: a tool, or the address of a series or of a study, which carry no place that was chosen. */
export type Way = 'tool' | 'series' | 'study';

export function openWindow(workspace: Workspace, kind: WindowKind, way: Way = 'tool'): void {
  const tab = workspace.state.current;
  if (!tab) return;
  workspace.closeCine();
  workspace.state.reading = null;
  const { volume } = tab.state;
  if (kind === 'image') leave(workspace, tab);
  else if (volume) volume.arrange(kind);
  else {
    if (way === 'study') chooseVolume(tab);
    enter(workspace, tab, kind, way !== 'tool');
  }
  workspace.state.bindings += 1;
  workspace.linesMoved();
}

/** Has the hand on the series that is likeliest a volume: an address that names none leads to a study, not to its scout. */
function chooseVolume(tab: StudyTab): void {
  const size = ({ ninst, nframes }: SeriesSummary): number => Math.max(ninst, nframes);
  const all = tab.state.detail?.series.filter(isShowable) ?? [];
  const largest = all.reduce<SeriesSummary | null>((best, one) => (best && size(best) >= size(one) ? best : one), null);
  const { series } = tab.activeCell ?? {};
  if (!largest || !series || size(series) >= SLICES_OF_A_VOLUME) return;
  const shown = tab.shownCells.findIndex((cell) => cell.series?.id === largest.id);
  if (shown >= 0) tab.activate(shown);
  else tab.show(tab.state.active, largest, tab.study);
}

/** Puts the series of the active viewport into the place of the grid. */
function enter(workspace: Workspace, tab: StudyTab, kind: VolumeKind, direct = false): void {
  const { activeCell, activeViewport: viewport } = tab;
  if (!activeCell?.series) return;
  const known = tab.volumeOf(activeCell.series.id);
  const point = viewport && !direct ? readingPoint(workspace, viewport) : null;
  const look = viewport ? lookOf(viewport) : undefined;
  if (known) {
    const { linked, grid } = known.session;
    if (linked && grid && point && isElsewhere(viewport, linked.point)) {
      known.session.setPlanes(movePoint(linked, grid, point));
    }
    if (look) known.session.setLook(look, known.session.planes.axial);
    known.arrange(kind);
    tab.showVolume(known);
    return;
  }
  const start = { opened: viewport?.stack ?? null, point, undo: tab.undo, ...(look && { look }) };
  const { study, series } = activeCell;
  tab.showVolume(
    markRaw(
      new VolumeWindow(
        study,
        series,
        kind,
        start,
        workspace.connection,
        workspace.volumePage,
        (window) => new VolumeActions(workspace, window).table,
      ),
    ),
  );
}

/** Back to the grid; its viewports of the series go to the slice nearest to the crosshair. */
function leave(workspace: Workspace, tab: StudyTab): void {
  const { volume } = tab.state;
  if (!volume) return;
  volume.stop();
  tab.showVolume(null);
  for (const { series, viewport } of tab.shownCells) {
    const same = series?.id === volume.series.id;
    if (!viewport || (!same && !volume.session.located)) continue;
    if (viewport.stack) handBack(volume, viewport, same);
    else {
      // The address led straight into the volume: the stack comes only now.
      const stop = viewport.on('opened', () => {
        stop();
        handBack(volume, viewport, same);
      });
    }
  }
  const { linked, opened, located } = volume.session;
  if (linked && opened && located) workspace.located = { space: opened.geometry.space, point: linked.point };
}

/** Slice, and of the same series grey values, as they were in the volume. */
function handBack(volume: VolumeWindow, viewport: ViewportController, same: boolean): void {
  const { linked, opened, planes } = volume.session;
  if (!viewport.stack || !linked || !opened) return;
  const { window, voi, invert, colour_map } = planes.axial.view;
  if (same) viewport.follow({ window, voi, invert, colour_map });
  if (!sameSpace(viewport.stack.geometry, opened.geometry)) return;
  const index = nearestSlice(viewport.stack.slices, viewport.stack.geometry, linked.point);
  if (index >= 0) viewport.followTo(index);
}

/** The neighbour of the series in the same kind of window. */
export function stepVolumeSeries(workspace: Workspace, direction: 1 | -1): void {
  const tab = workspace.state.current;
  const volume = tab?.state.volume;
  if (!tab || !volume) return;
  const all = tab.state.detail?.series.filter(isShowable) ?? [];
  const next = all[all.findIndex(({ id }) => id === volume.series.id) + direction];
  if (!next) return;
  const { kind } = volume;
  tab.showVolume(null);
  tab.show(tab.state.active, next, tab.study);
  enter(workspace, tab, kind);
  workspace.state.bindings += 1;
}

/** The point that the reader looks at: the located one on this slice, else the middle of the viewport. */
function readingPoint(workspace: Workspace, viewport: ViewportController): Vector | null {
  const { stack, raster, size, view } = viewport;
  const slice = stack?.slices[viewport.index];
  const plane = slice && stack && raster ? planeOf(slice, stack.geometry, raster) : null;
  if (!plane || !stack || size.width === 0) return null;
  const { located } = workspace;
  if (located && located.space === stack.geometry.space && !isElsewhere(viewport, located.point)) return located.point;
  return pointInMiddle(plane, size, view);
}

/** Whether a point does not lie on the slice that a viewport shows. */
function isElsewhere(viewport: ViewportController | null, point: Vector): boolean {
  const stack = viewport?.stack;
  const origin = viewport && stack?.slices[viewport.index]?.origin;
  const { row, column, step, thickness } = stack?.geometry ?? {};
  if (!origin || !row || !column) return false;
  const distance = Math.abs(dot(subtract(point, origin), cross(row, column)));
  return distance > Math.abs(step ?? thickness ?? 1) / 2 + 1e-6;
}

function lookOf({ view }: ViewportController): Look {
  const { window, voi, invert, colour_map } = view;
  return { window, voi, invert, colour_map };
}
