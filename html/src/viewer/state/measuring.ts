/** Measurements under the hand: what tools, presses, keys and steps do with shapes, and what the viewports show of them. */
import type { Point } from '@/core/geometry';
import { Drawing } from '@/core/measurement/drawing';
import { hitShapes, type ShapeHit } from '@/core/measurement/hit';
import { spacingKey } from '@/core/measurement/labels';
import { type Labelled, layOut, type ShapeOnScreen } from '@/core/measurement/layout';
import { MeasurementList } from '@/core/measurement/list';
import { onPlaneOf, onSliceOf } from '@/core/measurement/paste';
import { type Measurement, type Modifiers, type Shape, type ShapeKind, straightened, translated, withHandle } from '@/core/measurement/shape';
import { toPatient } from '@/core/measurement/sheet';
import { contains, type Surface, surfaceOfPlane, surfaceOfSlice } from '@/core/measurement/surface';
import { nearestSlice } from '@/core/patient';
import type { Drag, PointerSample } from '@/core/tools/target';
import { text } from '@/i18n';
import { useConfirmation } from '@/stores/confirmation';
import { useToasts } from '@/stores/toasts';

import { MeasureLayer } from '../overlay/measureLayer';
import type { HoverLook, MeasuredViewport } from './measuringEntry';
import { ShapeValues, visibleViewports } from './shapeValues';
import type { StudyTab } from './studyTab';
import type { Workspace } from './workspace';

const KINDS: Readonly<Record<string, ShapeKind>> = {
  'm.length': 'length',
  'm.angle': 'angle',
  'm.rect': 'rectangle',
  'm.ellipse': 'ellipse',
};
/** More are not deleted without a question. */
const MANY = 10;
const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
const BIG_STEP = 10;

interface InHand {
  readonly viewport: MeasuredViewport;
  readonly list: MeasurementList;
  readonly id: number;
  readonly drawing: Drawing;
  /** What can be seen of it by now: the same object as long as it has not changed. */
  shape: Shape | null;
}

export class Measuring {
  private readonly lists = new WeakMap<StudyTab, MeasurementList>();
  private readonly layers = new WeakMap<SVGGElement, MeasureLayer>();
  private readonly shown = new WeakMap<MeasuredViewport, readonly ShapeOnScreen[]>();
  private readonly values: ShapeValues;
  private readonly stop: () => void;
  private inHand: InHand | null = null;
  private selected: { readonly id: number; readonly handle: number } | null = null;
  private hovered: number | null = null;
  private copied: { readonly space: string; readonly measurement: Measurement } | null = null;
  /** Its value is said aloud when it comes. */
  private toSay: number | null = null;
  private nextId = 1;

  constructor(private readonly workspace: Workspace) {
    this.values = new ShapeValues(workspace, (id) => {
      this.sayAloud(id);
    });
    this.stop = workspace.connection.on('seriesChanged', (series) => {
      this.list?.forget(series);
    });
  }

  dispose(): void {
    this.stop();
    this.values.dispose();
  }

  // What there is.

  /** The shapes of the study in front. */
  private get list(): MeasurementList | null {
    const tab = this.workspace.state.current;
    if (!tab) return null;
    const known = this.lists.get(tab);
    if (known) return known;
    const made = new MeasurementList(tab.undo);
    made.on('change', () => {
      this.workspace.linesMoved();
    });
    made.on('revealed', (measurement) => {
      this.reveal(measurement);
    });
    this.lists.set(tab, made);
    return made;
  }

  get hasSelection(): boolean {
    return this.list?.get(this.selected?.id ?? null) != null;
  }

  get hidden(): boolean {
    return this.list?.hidden ?? false;
  }

  get count(): number {
    return this.list?.all.length ?? 0;
  }

  /** How many there are of the series that has the hand. */
  get countInSeries(): number {
    const viewport = this.active;
    return viewport ? (this.list?.ofSeries(viewport.source.series).length ?? 0) : 0;
  }

  private get active(): MeasuredViewport | null {
    return this.workspace.volume?.active ?? this.workspace.active;
  }

  // Drawing.

  begin(viewport: MeasuredViewport, tool: string, at: PointerSample): Drag | null {
    const kind = KINDS[tool];
    return kind ? this.draw(viewport, kind, at) : null;
  }

  private draw(viewport: MeasuredViewport, kind: ShapeKind, at: PointerSample): Drag | null {
    const surface = surfaceOf(viewport);
    const { list } = this;
    if (!surface || !list) return null;
    if (this.inHand && (this.inHand.viewport !== viewport || this.inHand.drawing.kind !== kind)) this.drop();
    this.showAll(list);
    this.select(null);
    if (this.inHand) this.drawTo(at);
    else {
      const id = this.newId(list, viewport.source.series);
      this.inHand = { viewport, list, id, drawing: Drawing.begin(kind, surface, at), shape: null };
    }
    this.workspace.linesMoved();
    let last = at;
    return {
      move: (sample) => {
        last = sample;
        this.drawTo(sample);
      },
      end: () => {
        this.release(last);
      },
      cancel: () => {
        this.drop();
      },
      click: () => undefined,
    };
  }

  /** The hand moves with a shape in it. */
  private drawTo(at: PointerSample): void {
    const { inHand } = this;
    const surface = inHand && surfaceOf(inHand.viewport);
    if (!inHand || !surface) return;
    inHand.drawing.move(surface, at, at);
    inHand.shape = inHand.drawing.shape;
    if (inHand.shape) this.values.ask(inHand.id, inHand.shape);
    this.workspace.linesMoved();
  }

  private release(at: Point): void {
    const { inHand } = this;
    const surface = inHand && surfaceOf(inHand.viewport);
    if (!inHand || !surface || !inHand.drawing.set(surface, at)) return;
    this.inHand = null;
    if (inHand.shape) this.add(inHand.list, inHand.id, inHand.viewport, inHand.shape);
  }

  private add(list: MeasurementList, id: number, viewport: MeasuredViewport, shape: Shape): void {
    list.add({ ...shape, id, series: viewport.source.series, plate: null });
    this.toSay = id;
    this.sayAloud(id);
    this.changed();
  }

  /** A click of the tool for values: a point that stays. */
  place(viewport: MeasuredViewport, at: Point): void {
    const surface = surfaceOf(viewport);
    const { list } = this;
    if (!surface || !list) return;
    this.showAll(list);
    const { sheet } = surface;
    const shape: Shape = { kind: 'point', sheet, points: [surface.insideOn(sheet, at)] };
    this.add(list, this.newId(list, viewport.source.series), viewport, shape);
  }

  /** Forgets the shape that is being drawn. Returns whether there was one. */
  drop(): boolean {
    if (!this.inHand) return false;
    this.values.forget(this.inHand.id);
    this.inHand = null;
    this.workspace.linesMoved();
    return true;
  }

  private newId(list: MeasurementList, series: string): number {
    const id = this.nextId;
    this.nextId += 1;
    this.values.own(id, { list, series });
    return id;
  }

  /** Who draws wants to see it. */
  private showAll(list: MeasurementList): void {
    if (list.hidden) this.toggle();
  }

  // Presses and moves.

  /** A bare press takes what lies under it; with a shape in the hand every press of the left button sets a point. */
  grab(viewport: MeasuredViewport, at: PointerSample, touch: boolean): Drag | null {
    if (this.inHand?.viewport === viewport) return this.draw(viewport, this.inHand.drawing.kind, at);
    if (at.shift || at.ctrl || at.alt) return null;
    const hit = this.hit(viewport, at, touch);
    this.select(hit);
    const surface = surfaceOf(viewport);
    const before = this.list?.get(hit?.id ?? null);
    return hit && surface && before ? this.dragOf(hit, before, viewport, at) : null;
  }

  private dragOf(hit: ShapeHit, before: Measurement, viewport: MeasuredViewport, at: PointerSample): Drag {
    const { list } = this;
    const plate = this.shown.get(viewport)?.find(({ id }) => id === hit.id)?.plate;
    const change = (surface: Surface, hand: PointerSample): Measurement => {
      const { sheet } = before;
      if (hit.part === 'handle') return withHandle(before, hit.handle, handleTo(before, hit.handle, surface, hand));
      if (hit.part === 'text' && plate) {
        return { ...before, plate: surface.pointOn(sheet, { x: plate.x + hand.x - at.x, y: plate.y + hand.y - at.y }) };
      }
      const from = surface.pointOn(sheet, at);
      const to = surface.insideOn(sheet, hand);
      return translated(before, to.x - from.x, to.y - from.y);
    };
    return {
      move: (sample) => {
        const surface = surfaceOf(viewport);
        if (surface) this.show(change(surface, sample));
      },
      end: () => {
        list?.finish(before);
        this.sayAloud(before.id);
        this.changed();
      },
      cancel: () => {
        this.show(before);
      },
      click: () => undefined,
    };
  }

  private show(next: Measurement): void {
    this.list?.show(next);
    this.askUnlessKnown(next);
  }

  /** What lies under the pointer, and what the pointer then looks like. */
  hover(viewport: MeasuredViewport, at: PointerSample): HoverLook | null {
    if (this.inHand?.viewport === viewport) {
      this.drawTo(at);
      return { cursor: 'crosshair', title: '' };
    }
    const hit = this.hit(viewport, at, false);
    this.lightUp(hit?.id ?? null);
    if (!hit) return null;
    const measurement = this.list?.get(hit.id);
    const measured = measurement && this.list?.reading(hit.id, measurement).measured;
    const title = hit.part === 'text' && measured && measurement.kind !== 'angle' ? text(spacingKey(measured)) : '';
    return { cursor: hit.part === 'handle' ? 'grab' : 'move', title };
  }

  /** The pointer goes elsewhere. */
  leave(): void {
    this.lightUp(null);
  }

  private lightUp(id: number | null): void {
    if (this.hovered === id) return;
    this.hovered = id;
    this.workspace.linesMoved();
  }

  /** A menu is asked for: it is about the shape under the pointer. */
  point(viewport: MeasuredViewport, at: Point): void {
    const hit = this.hit(viewport, at, false);
    if (hit) this.select(hit);
  }

  private hit(viewport: MeasuredViewport, at: Point, touch: boolean): ShapeHit | null {
    return hitShapes(this.shown.get(viewport) ?? [], at, this.selected?.id ?? null, touch);
  }

  private select(hit: Pick<ShapeHit, 'id' | 'handle'> | null): void {
    if (this.selected?.id === hit?.id && this.selected?.handle === hit?.handle) return;
    this.selected = hit && { id: hit.id, handle: hit.handle };
    if (hit) {
      this.toSay = hit.id;
      this.sayAloud(hit.id);
    }
    this.changed();
  }

  // Keys.

  /** Tab goes through the shapes of the viewport that has the focus, arrows move a handle, Enter goes to the next one. */
  key({ code, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent): boolean {
    if (altKey || this.inHand) return false;
    if (ctrlKey || metaKey) return !shiftKey && (code === 'KeyC' ? this.copy() : code === 'KeyV' && this.paste());
    if (code === 'Tab') return this.selectNext(shiftKey ? -1 : 1);
    const arrow = ARROWS[code];
    const measurement = this.list?.get(this.selected?.id ?? null);
    if (!measurement || !this.selected || !this.isShown(measurement)) return false;
    if (code === 'Enter' || code === 'NumpadEnter') {
      this.select({ id: measurement.id, handle: (this.selected.handle + 1) % measurement.points.length });
      return true;
    }
    if (!arrow) return false;
    this.nudge(measurement, this.selected.handle, arrow, shiftKey ? BIG_STEP : 1);
    return true;
  }

  /** The chosen shape; without one the picture is copied. */
  private copy(): boolean {
    const chosen = this.list?.get(this.selected?.id ?? null);
    if (!chosen || window.getSelection()?.toString()) return false;
    const space = this.active?.stack?.geometry.space ?? '';
    this.copied = { space, measurement: chosen };
    return true;
  }

  /** The copied shape at the same place of another series. */
  private paste(): boolean {
    const { active, copied, list } = this;
    const stack = active?.stack;
    if (!copied || !list || !stack || active.kind === 'volume' || active.source.series === copied.measurement.series) return false;
    const { measurement } = copied;
    const sameSpace = copied.space !== '' && copied.space === stack.geometry.space;
    const shape = sameSpace ? (active.kind === 'image' ? onSliceOf(measurement, stack) : onPlaneOf(measurement)) : null;
    if (shape) {
      const id = this.newId(list, active.source.series);
      this.add(list, id, active, shape);
      this.reveal({ ...shape, id, series: active.source.series, plate: null });
    } else useToasts().show('warning', text('viewer.measure.no_place'));
    return true;
  }

  private get reachable(): readonly ShapeOnScreen[] {
    const viewport = this.active;
    return (viewport && this.shown.get(viewport))?.filter(({ line }) => line.length > 0) ?? [];
  }

  private isShown({ id }: Measurement): boolean {
    return this.reachable.some((shape) => shape.id === id);
  }

  /** After the last one the focus moves on. */
  private selectNext(direction: 1 | -1): boolean {
    const ids = this.reachable.map(({ id }) => id);
    const now = this.selected ? ids.indexOf(this.selected.id) : -1;
    const next = now < 0 ? (direction > 0 ? 0 : ids.length - 1) : now + direction;
    const id = ids[next];
    this.select(id === undefined ? null : { id, handle: 0 });
    return id !== undefined;
  }

  private nudge(measurement: Measurement, handle: number, { x, y }: Point, steps: number): void {
    const surface = this.active && surfaceOf(this.active);
    const point = measurement.points[handle];
    if (!surface || !point) return;
    const from = surface.place(measurement.sheet, point);
    const step = steps * surface.pixel;
    const to = surface.insideOn(measurement.sheet, { x: from.x + x * step, y: from.y + y * step });
    this.show(withHandle(measurement, handle, to));
    this.list?.finish(measurement);
    this.toSay = measurement.id;
    this.changed();
  }

  /** Escape: the shape in the hand, then the selection. Returns whether there was either. */
  cancel(): boolean {
    if (this.drop()) return true;
    if (!this.hasSelection) return false;
    this.select(null);
    return true;
  }

  // Rows of the tool table.

  deleteSelected(): void {
    const { selected } = this;
    this.select(null);
    if (selected) this.list?.remove([selected.id]);
    this.changed();
  }

  /** All of the series that has the hand, as one step. */
  async clear(): Promise<void> {
    const { active, list } = this;
    if (!active || !list) return;
    const ids = list.ofSeries(active.source.series).map(({ id }) => id);
    const question = {
      title: text('viewer.tool.m_clear'),
      text: text('viewer.measure.clear', { n: ids.length }, ids.length),
      action: text('viewer.tool.m_delete'),
      danger: true,
    };
    if (ids.length > MANY && !(await useConfirmation().ask(question))) return;
    list.remove(ids);
    this.select(null);
    this.changed();
  }

  toggle(): void {
    this.list?.toggle();
    this.select(null);
    this.changed();
  }

  /** Goes to where a step has changed something. */
  private reveal(measurement: Measurement): void {
    this.changed();
    const { workspace } = this;
    const { series, sheet, points } = measurement;
    const all = visibleViewports(this.workspace).filter((viewport) => viewport.source.series === series);
    const surfaces = all.map(surfaceOf);
    if (surfaces.some((surface) => surface && contains(surface, sheet, points))) return;
    const patient = points[0] && toPatient(sheet, points[0]);
    if (workspace.volume) {
      if (patient) workspace.volume.session.locate(patient);
      return;
    }
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

  /** Whoever looks at buttons must look again. */
  private changed(): void {
    this.workspace.measuring.state.changes += 1;
    this.workspace.linesMoved();
  }

  // Values.

  private askUnlessKnown(measurement: Measurement): void {
    if (!this.list?.reading(measurement.id, measurement).fresh) this.values.ask(measurement.id, measurement);
  }

  /** Tells those who listen what was drawn or chosen, once its value is there. */
  private sayAloud(id: number): void {
    const measurement = this.list?.get(id);
    if (this.toSay !== id || !measurement || !this.list?.reading(id, measurement).fresh) return;
    this.toSay = null;
    const name = text(`viewer.measure.kind_${measurement.kind}`);
    this.workspace.measuring.state.spoken = [name, ...this.values.textOf(id, measurement, this.list)].join(', ');
  }

  // Showing.

  /** Draws what a viewport shows of the shapes. */
  paint(viewport: MeasuredViewport, group: SVGGElement): void {
    const layer = this.layers.get(group) ?? new MeasureLayer(group);
    this.layers.set(group, layer);
    const { list, inHand } = this;
    const surface = viewport.shownHeader && surfaceOf(viewport);
    if (!list || !surface) {
      layer.draw([], plainLook);
      layer.remind(viewport.size, false, '');
      return;
    }
    const own = list.ofSeries(viewport.source.series);
    layer.remind(surface.size, list.hidden && own.length > 0, own.length > 0 ? text('viewer.measure.not_saved') : '');
    const labelled = list.hidden ? [] : own.map((shape) => this.labelled(shape.id, shape, list, false));
    if (inHand?.viewport === viewport) labelled.push(this.labelledInHand(inHand));
    const shapes = layOut(labelled, surface, layer.width);
    this.shown.set(
      viewport,
      shapes.filter(({ id }) => id !== inHand?.id),
    );
    for (const { id, line } of shapes) {
      const shape = line.length > 0 ? list.get(id) : null;
      if (shape && !this.values.isOpen(id)) this.askUnlessKnown(shape);
    }
    layer.draw(shapes, (id) => {
      const shape = list.get(id) ?? (inHand?.id === id ? inHand.shape : null);
      const chosen = this.selected?.id === id;
      const waiting = shape !== null && !list.reading(id, shape).fresh;
      const hovered = this.hovered === id || inHand?.id === id;
      return { selected: chosen, hovered, handle: chosen ? (this.selected?.handle ?? null) : null, waiting };
    });
  }

  private labelled(id: number, shape: Shape, list: MeasurementList, held: boolean): Labelled {
    return { shape: { ...shape, id }, text: this.values.textOf(id, shape, list), held };
  }

  private labelledInHand({ id, list, drawing, shape }: InHand): Labelled {
    if (shape) return this.labelled(id, shape, list, true);
    const { kind, sheet, started } = drawing;
    return { shape: { kind: kind === 'angle' ? 'angle' : 'length', sheet, points: started, id }, text: [], held: true };
  }
}

function plainLook() {
  return { selected: false, hovered: false, handle: null, waiting: false };
}

export function surfaceOf(viewport: MeasuredViewport): Surface | null {
  if (viewport.kind === 'image') return surfaceOfSlice(viewport);
  return viewport.kind === 'mpr' ? surfaceOfPlane(viewport) : null;
}

/** Where a handle goes; with Shift the end of a length stays straight from the other. */
function handleTo({ kind, sheet, points }: Measurement, handle: number, surface: Surface, hand: Point & Modifiers): Point {
  const other = points[1 - handle];
  const straight = kind === 'length' && hand.shift && other;
  return surface.insideOn(sheet, straight ? straightened(surface.place(sheet, other), hand) : hand);
}
