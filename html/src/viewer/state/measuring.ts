/** Measurements under the hand: what tools, presses, keys and steps do with shapes; the parts lie in the folder beside. */
import type { Point } from '@/core/geometry';
import { hitShapes, type ShapeHit } from '@/core/measurement/hit';
import { spacingKey } from '@/core/measurement/labels';
import type { ShapeKind } from '@/core/measurement/shape';
import type { Drag, PointerSample } from '@/core/tools/target';
import { text } from '@/i18n';
import { useConfirmation } from '@/stores/confirmation';

import { editLabel } from '../overlay/labelField';
import { ShapeDesk } from './measuring/shapeDesk';
import { dragShape } from './measuring/shapeDrag';
import { ShapeKeys } from './measuring/shapeKeys';
import { goToShape, type ListedSeries, listShapes } from './measuring/shapeListing';
import { nextMark } from './measuring/shapeMarks';
import { ShapePainting } from './measuring/shapePainting';
import { revealShape } from './measuring/shapeReveal';
import { surfaceOf } from './measuring/shapeSurface';
import { type Draughtsman, SheetDrawing } from './measuring/sheetDrawing';
import { SurfaceCover } from './measuring/surfaceCover';
import { SurfaceDrawing } from './measuring/surfaceDrawing';
import type { HoverLook, MeasuredViewport } from './measuringEntry';
import type { Workspace } from './workspace';

const KINDS: Readonly<Record<string, ShapeKind>> = {
  'm.length': 'length',
  'm.angle': 'angle',
  'm.rect': 'rectangle',
  'm.ellipse': 'ellipse',
};
/** More are not deleted without a question. */
const MANY = 10;

export class Measuring {
  private readonly desk: ShapeDesk;
  private readonly sheets: SheetDrawing;
  private readonly model: SurfaceDrawing;
  private readonly keys: ShapeKeys;
  private readonly cover: SurfaceCover;
  private readonly painting: ShapePainting;

  constructor(workspace: Workspace) {
    this.desk = new ShapeDesk(workspace, (measurement) => {
      revealShape(workspace, measurement);
    });
    this.sheets = new SheetDrawing(this.desk);
    this.model = new SurfaceDrawing(this.desk);
    this.keys = new ShapeKeys(this.desk);
    this.cover = new SurfaceCover(() => {
      this.desk.moved();
    });
    this.painting = new ShapePainting(this.desk, this.cover);
  }

  dispose(): void {
    this.cover.dispose();
    this.desk.dispose();
  }

  // What there is.

  get hasSelection(): boolean {
    return this.desk.chosen !== null;
  }

  get hidden(): boolean {
    return this.desk.list?.hidden ?? false;
  }

  get count(): number {
    return this.desk.list?.all.length ?? 0;
  }

  /** How many there are of the series that has the hand. */
  get countInSeries(): number {
    const { active, list } = this.desk;
    return active ? (list?.ofSeries(active.source.series).length ?? 0) : 0;
  }

  // Drawing.

  /** Who has a shape in the hand. */
  private get drawing(): Draughtsman | null {
    return this.sheets.inHand ? this.sheets : this.model.inHand ? this.model : null;
  }

  begin(viewport: MeasuredViewport, tool: string, at: PointerSample): Drag | null {
    const kind = KINDS[tool];
    return kind ? this.press(viewport, kind, at) : null;
  }

  private press(viewport: MeasuredViewport, kind: ShapeKind, at: PointerSample): Drag | null {
    const hand = viewport.kind === 'volume' ? this.model : this.sheets;
    if (this.drawing !== hand) this.drop();
    return hand.press(viewport, kind, at);
  }

  /** A click of the tool for values: a point that stays. */
  place(viewport: MeasuredViewport, at: Point): void {
    this.sheets.place(viewport, at);
  }

  /** Forgets the shape that is being drawn. Returns whether there was one. */
  drop(): boolean {
    return this.drawing?.drop() ?? false;
  }

  // Presses and moves.

  /** A bare press takes what lies under it; with a shape in the hand every press of the left button sets a point. */
  grab(viewport: MeasuredViewport, at: PointerSample, touch: boolean): Drag | null {
    const inHand = this.drawing?.inHand;
    if (inHand?.viewport === viewport) return this.press(viewport, inHand.kind, at);
    if (at.shift || at.ctrl || at.alt) return null;
    const hit = this.hit(viewport, at, touch);
    this.desk.select(hit);
    const before = this.desk.list?.get(hit?.id ?? null);
    // Whoever takes the model by a line on it means to turn it.
    if (viewport.kind === 'volume' && hit?.part === 'line') return null;
    return hit && before && surfaceOf(viewport) ? dragShape(this.desk, hit, before, viewport, at) : null;
  }

  /** What lies under the pointer, and what the pointer then looks like. */
  hover(viewport: MeasuredViewport, at: PointerSample): HoverLook | null {
    const { drawing, desk } = this;
    if (drawing?.inHand?.viewport === viewport) {
      drawing.follow(at);
      return { cursor: 'crosshair', title: '' };
    }
    const hit = this.hit(viewport, at, false);
    desk.lightUp(hit?.id ?? null);
    if (!hit) return null;
    const measurement = desk.list?.get(hit.id);
    const measured = measurement && desk.list?.reading(hit.id, measurement).measured;
    const title = hit.part === 'text' && measured && measurement.kind !== 'angle' ? text(spacingKey(measured)) : '';
    return { cursor: hit.part === 'handle' ? 'grab' : 'move', title };
  }

  /** The pointer goes elsewhere. */
  leave(): void {
    this.desk.lightUp(null);
  }

  /** A menu is asked for: it is about the shape under the pointer. */
  point(viewport: MeasuredViewport, at: Point): void {
    const hit = this.hit(viewport, at, false);
    if (hit) this.desk.select(hit);
  }

  private hit(viewport: MeasuredViewport, at: Point, touch: boolean): ShapeHit | null {
    return hitShapes(this.desk.shown.get(viewport) ?? [], at, this.desk.selected?.id ?? null, touch);
  }

  // Keys and rows of the tool table.

  key(event: KeyboardEvent): boolean {
    return this.drawing === null && this.keys.press(event);
  }

  /** Escape: the shape in the hand, then the selection. Returns whether there was either. */
  cancel(): boolean {
    if (this.drop()) return true;
    if (!this.hasSelection) return false;
    this.desk.select(null);
    return true;
  }

  /** A field at the place of the text: Enter keeps what was typed, Escape does not. */
  editLabel(): void {
    const { active, chosen, list, shown } = this.desk;
    const host = active && this.painting.hostOf(active);
    const screen = active && shown.get(active)?.find(({ id }) => id === chosen?.id);
    if (!chosen || !host || !screen) return;
    const at = screen.plate ?? screen.line[0] ?? { x: 8, y: 8 };
    editLabel(host, at, chosen.label, (label) => {
      list?.rename(chosen.id, label);
      this.desk.changed();
    });
  }

  deleteSelected(): void {
    const { selected, list } = this.desk;
    this.desk.select(null);
    if (selected) list?.remove([selected.id]);
    this.desk.changed();
  }

  /** All of the series that has the hand, as one step. */
  async clear(): Promise<void> {
    const { active, list } = this.desk;
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
    this.desk.select(null);
    this.desk.changed();
  }

  toggle(): void {
    this.desk.toggle();
  }

  // The list of all.

  get listed(): readonly ListedSeries[] {
    return listShapes(this.desk);
  }

  /** Brings a shape into sight and chooses it. */
  goTo(id: number): Promise<void> {
    return goToShape(this.desk, id);
  }

  /** The next one along the slices or the plane's normal; it is not chosen, so that the arrows go on. */
  goToNext(direction: 1 | -1): void {
    const next = nextMark(this.desk, direction);
    if (next) revealShape(this.desk.workspace, next);
  }

  remove(id: number): void {
    this.desk.list?.remove([id]);
    this.desk.changed();
  }

  rename(id: number, label: string): void {
    this.desk.list?.rename(id, label);
    this.desk.changed();
  }

  conceal(id: number, concealed: boolean): void {
    this.desk.list?.conceal(id, concealed);
    this.desk.changed();
  }

  // Showing.

  /** Draws what a viewport shows of the shapes. */
  paint(viewport: MeasuredViewport, group: SVGGElement): void {
    this.painting.paint(viewport, group, this.drawing?.inHand ?? null);
  }
}
