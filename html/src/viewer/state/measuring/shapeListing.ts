/** The shapes of a study as a list, by series. */
import type { Measurement, ShapeKind } from '@/core/measurement/shape';
import { text } from '@/i18n';

import { isShowable } from '../studies';
import { visibleViewports } from '../shapeValues';
import type { ShapeDesk } from './shapeDesk';
import { isInSight, revealShape, showLarge } from './shapeReveal';

export interface ListedShape {
  readonly id: number;
  readonly kind: ShapeKind;
  readonly label: string;
  /** Its label, or its kind where it has none. */
  readonly name: string;
  readonly values: readonly string[];
  /** The slice, or the kind of window, it was drawn on. */
  readonly place: string;
  readonly concealed: boolean;
  readonly selected: boolean;
}

export interface ListedSeries {
  readonly series: string;
  readonly title: string;
  readonly shapes: readonly ListedShape[];
}

export function listShapes(desk: ShapeDesk): readonly ListedSeries[] {
  const { list, workspace } = desk;
  const known = workspace.state.current?.state.detail?.series ?? [];
  const ids = [...new Set(list?.all.map(({ series }) => series) ?? [])];
  return ids.map((series) => {
    const summary = known.find(({ id }) => id === series);
    const title = [summary?.number, summary?.description].filter((part) => part != null && part !== '').join('. ');
    const own = list?.ofSeries(series) ?? [];
    return { series, title: title || (summary?.modality ?? ''), shapes: own.map((shape) => listed(desk, shape)) };
  });
}

function listed(desk: ShapeDesk, measurement: Measurement): ListedShape {
  const { id, kind, label } = measurement;
  const { list } = desk;
  return {
    id,
    kind,
    label,
    name: label === '' ? text(`viewer.measure.kind_${kind}`) : label,
    values: list ? desk.values.textOf(id, { ...measurement, label: '' }, list) : [],
    place: placeOf(desk, measurement),
    concealed: list?.isConcealed(id) ?? false,
    selected: desk.selected?.id === id,
  };
}

function placeOf({ workspace }: ShapeDesk, { sheet, series }: Measurement): string {
  if (sheet.position === null) return text(sheet.free ? 'viewer.panel.volume' : 'viewer.measure.plane');
  const all = [...visibleViewports(workspace), ...(workspace.state.current?.viewports ?? [])];
  const stack = all.find((viewport) => viewport.stack && viewport.source.series === series)?.stack;
  const index = stack?.slices.findIndex(({ position }) => position === sheet.position) ?? -1;
  return index < 0 ? '' : text('viewer.overlay.image', { n: index + 1, count: stack?.slices.length ?? 0 });
}

/** Brings a shape into sight and chooses it: its series, its slice or plane, enlarged if it is tiny. */
export async function goToShape(desk: ShapeDesk, id: number): Promise<void> {
  const { list, workspace } = desk;
  const measurement = list?.get(id);
  const tab = workspace.state.current;
  if (!list || !measurement || !tab) return;
  if (list.isConcealed(id)) list.conceal(id, false);
  desk.showAll();
  desk.select({ id, handle: 0 });
  if (!visibleViewports(workspace).some(({ source }) => source.series === measurement.series)) {
    await workspace.openWindow('image');
    const series = tab.state.detail?.series.find((each) => each.id === measurement.series);
    if (!series || !isShowable(series)) return;
    tab.show(tab.state.active, series, tab.study);
  }
  const viewport = visibleViewports(workspace).find(({ source }) => source.series === measurement.series);
  if (viewport?.kind === 'image' && !viewport.stack) {
    const stop = viewport.on('opened', () => {
      stop();
      revealShape(workspace, measurement);
    });
    return;
  }
  if (!isInSight(workspace, measurement)) revealShape(workspace, measurement);
  showLarge(workspace, measurement);
  desk.changed();
}
