/** Keys over a picture that are about shapes: Tab goes through them, arrows move a handle, Enter goes to the next one. */
import type { Point } from '@/core/geometry';
import type { ShapeOnScreen } from '@/core/measurement/layout';
import { onPlaneOf, onSliceOf } from '@/core/measurement/paste';
import type { Measurement, Shape } from '@/core/measurement/shape';
import { withPointInSpace } from '@/core/measurement/space';
import type { ModelViewport } from '@/core/volumeViewport';
import { text } from '@/i18n';
import { useToasts } from '@/stores/toasts';

import type { MeasuredViewport } from '../measuringEntry';
import { handleMoved } from './shapeDrag';
import type { ShapeDesk } from './shapeDesk';
import { revealShape } from './shapeReveal';
import { surfaceOf } from './shapeSurface';
import { surfacePoint } from './surfacePick';

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
const BIG_STEP = 10;

export class ShapeKeys {
  private copied: { readonly space: string; readonly measurement: Measurement } | null = null;

  constructor(private readonly desk: ShapeDesk) {}

  /** Returns whether the key was about shapes. */
  press({ code, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
    if (altKey) return false;
    if (ctrlKey || metaKey) return !shiftKey && (code === 'KeyC' ? this.copy() : code === 'KeyV' && this.paste());
    if (code === 'Tab') return this.selectNext(shiftKey ? -1 : 1);
    const arrow = ARROWS[code];
    const { chosen, selected } = this.desk;
    if (!chosen || !selected || !this.reachable.some(({ id }) => id === chosen.id)) return false;
    if (code === 'Enter' || code === 'NumpadEnter') {
      this.desk.select({ id: chosen.id, handle: (selected.handle + 1) % chosen.points.length });
      return true;
    }
    if (!arrow) return false;
    this.nudge(chosen, selected.handle, arrow, shiftKey ? BIG_STEP : 1);
    return true;
  }

  /** The chosen shape; without one the picture is copied. */
  private copy(): boolean {
    const { chosen, active } = this.desk;
    if (!chosen || window.getSelection()?.toString()) return false;
    this.copied = { space: active?.stack?.geometry.space ?? '', measurement: chosen };
    return true;
  }

  /** The copied shape at the same place of another series. */
  private paste(): boolean {
    const { copied, desk } = this;
    const { active, list } = desk;
    const stack = active?.stack;
    if (!copied || !list || !stack || active.source.series === copied.measurement.series) return false;
    const sameSpace = copied.space !== '' && copied.space === stack.geometry.space;
    const shape = sameSpace ? copyFor(active, copied.measurement) : null;
    if (shape) {
      const id = desk.newId(list, active.source.series);
      desk.add(list, id, active, shape);
      revealShape(desk.workspace, { ...shape, id, series: active.source.series, plate: null, label: '' });
    } else useToasts().show('warning', text('viewer.measure.no_place'));
    return true;
  }

  private get reachable(): readonly ShapeOnScreen[] {
    const viewport = this.desk.active;
    return (viewport && this.desk.shown.get(viewport))?.filter(({ line }) => line.length > 0) ?? [];
  }

  /** After the last one the focus moves on. */
  private selectNext(direction: 1 | -1): boolean {
    const ids = this.reachable.map(({ id }) => id);
    const now = this.desk.selected ? ids.indexOf(this.desk.selected.id) : -1;
    const next = now < 0 ? (direction > 0 ? 0 : ids.length - 1) : now + direction;
    const id = ids[next];
    this.desk.select(id === undefined ? null : { id, handle: 0 });
    return id !== undefined;
  }

  private nudge(measurement: Measurement, handle: number, { x, y }: Point, steps: number): void {
    const { desk } = this;
    const { active } = desk;
    const surface = active && surfaceOf(active);
    const point = measurement.points[handle];
    if (!surface || !point) return;
    const from = surface.place(measurement.sheet, point);
    const step = steps * surface.pixel;
    const to = { x: from.x + x * step, y: from.y + y * step };
    if (active.kind === 'volume') {
      if (measurement.sheet.free) void nudgeOnSurface(desk, active, measurement, handle, to);
      return;
    }
    desk.show(handleMoved(measurement, handle, surface, { ...to, shift: false, alt: false }));
    desk.finish(measurement);
  }
}

async function nudgeOnSurface(
  desk: ShapeDesk,
  viewport: ModelViewport,
  before: Measurement,
  handle: number,
  to: Point,
): Promise<void> {
  const point = await surfacePoint(viewport, to, () => desk.chosen?.id === before.id);
  const now = desk.list?.get(before.id);
  if (!point || !now) return;
  desk.show(withPointInSpace(now, handle, point));
  desk.finish(now);
}

function copyFor({ kind, stack }: MeasuredViewport, { sheet, points, kind: shape }: Measurement): Shape | null {
  const copy: Shape = { kind: shape, sheet, points };
  if (kind === 'image') return stack && onSliceOf(copy, stack);
  if (kind === 'volume' || sheet.free) return sheet.free ? copy : null;
  return onPlaneOf(copy);
}
