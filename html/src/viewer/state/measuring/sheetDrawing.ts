/** Shapes that are drawn on slices and planes. */
import type { Point } from '@/core/geometry';
import { Drawing } from '@/core/measurement/drawing';
import type { MeasurementList } from '@/core/measurement/list';
import type { Shape, ShapeKind } from '@/core/measurement/shape';
import type { Drag, PointerSample } from '@/core/tools/target';

import type { MeasuredViewport } from '../measuringEntry';
import type { ShapeDesk } from './shapeDesk';
import { surfaceOf } from './shapeSurface';

/** A shape that is being drawn. */
export interface ShapeInHand {
  readonly viewport: MeasuredViewport;
  readonly list: MeasurementList;
  readonly id: number;
  readonly kind: ShapeKind;
  /** What can be seen of it by now: the same object as long as it has not changed. */
  readonly shape: Shape | null;
  /** Before there is a shape: the points that were set. */
  readonly beginning: Shape | null;
}

interface OnSheet extends ShapeInHand {
  readonly drawing: Drawing;
  shape: Shape | null;
}

/** What draws: on sheets, or on the surface of a model. */
export interface Draughtsman {
  readonly inHand: ShapeInHand | null;
  press(viewport: MeasuredViewport, kind: ShapeKind, at: PointerSample): Drag | null;
  /** The hand moves without a button. */
  follow(at: PointerSample): void;
  drop(): boolean;
}

export class SheetDrawing implements Draughtsman {
  inHand: OnSheet | null = null;

  constructor(private readonly desk: ShapeDesk) {}

  press(viewport: MeasuredViewport, kind: ShapeKind, at: PointerSample): Drag | null {
    const { desk } = this;
    const surface = surfaceOf(viewport);
    const { list } = desk;
    if (!surface || !list) return null;
    if (this.inHand && (this.inHand.viewport !== viewport || this.inHand.kind !== kind)) this.drop();
    desk.showAll();
    desk.select(null);
    if (this.inHand) this.follow(at);
    else {
      const id = desk.newId(list, viewport.source.series);
      const drawing = Drawing.begin(kind, surface, at);
      const beginning: Shape = { kind: kind === 'angle' ? 'angle' : 'length', sheet: drawing.sheet, points: drawing.started };
      this.inHand = { viewport, list, id, kind, drawing, shape: null, beginning };
    }
    desk.moved();
    let last = at;
    return {
      move: (sample) => {
        last = sample;
        this.follow(sample);
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

  follow(at: PointerSample): void {
    const { inHand } = this;
    const surface = inHand && surfaceOf(inHand.viewport);
    if (!inHand || !surface) return;
    inHand.drawing.move(surface, at, at);
    inHand.shape = inHand.drawing.shape;
    if (inHand.shape) this.desk.values.ask(inHand.id, inHand.shape);
    this.desk.moved();
  }

  private release(at: Point): void {
    const { inHand } = this;
    const surface = inHand && surfaceOf(inHand.viewport);
    if (!inHand || !surface || !inHand.drawing.set(surface, at)) return;
    this.inHand = null;
    if (inHand.shape) this.desk.add(inHand.list, inHand.id, inHand.viewport, inHand.shape);
  }

  /** A click of the tool for values: a point that stays. */
  place(viewport: MeasuredViewport, at: Point): void {
    const surface = surfaceOf(viewport);
    const { list } = this.desk;
    if (!surface || !list || viewport.kind === 'volume') return;
    this.desk.showAll();
    const { sheet } = surface;
    const shape: Shape = { kind: 'point', sheet, points: [surface.insideOn(sheet, at)] };
    this.desk.add(list, this.desk.newId(list, viewport.source.series), viewport, shape);
  }

  /** Forgets the shape that is being drawn. Returns whether there was one. */
  drop(): boolean {
    if (!this.inHand) return false;
    this.desk.values.forget(this.inHand.id);
    this.inHand = null;
    this.desk.moved();
    return true;
  }
}
