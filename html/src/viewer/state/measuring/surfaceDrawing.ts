/**
 * Lengths and angles on the surface of the model. Points come from the server one after another: what the hand does waits in
 * line, of its moves only the newest.
 */
import type { Point } from '@/core/geometry';
import type { MeasurementList } from '@/core/measurement/list';
import { CLICKS, isBox, type Shape, type ShapeKind } from '@/core/measurement/shape';
import { shapeInSpace } from '@/core/measurement/space';
import type { Drag, PointerSample } from '@/core/tools/target';
import { projected } from '@/core/camera';
import type { ModelViewport } from '@/core/volumeViewport';
import type { Vector } from '@/core/wire';
import { text } from '@/i18n';
import { useToasts } from '@/stores/toasts';

import type { MeasuredViewport } from '../measuringEntry';
import type { ShapeDesk } from './shapeDesk';
import type { Draughtsman, ShapeInHand } from './sheetDrawing';
import { surfacePoint } from './surfacePick';

/** Two clicks nearer to each other are one (CSS px). */
const SAME_PX = 3;

class OnSurface implements ShapeInHand {
  fixed: readonly Vector[] = [];
  shape: Shape | null = null;

  constructor(
    readonly viewport: ModelViewport,
    readonly list: MeasurementList,
    readonly id: number,
    readonly kind: ShapeKind,
  ) {}

  get beginning(): Shape | null {
    return this.fixed.length > 0 ? shapeInSpace('length', this.fixed) : null;
  }

  /** The hand is there now. */
  reach(to: Vector): void {
    const points = [...this.fixed, to];
    // The first arm of an angle is a line.
    this.shape = points.length < 2 ? null : shapeInSpace(points.length < CLICKS[this.kind] ? 'length' : this.kind, points);
  }

  /** Whether a point of the screen is that of the point that was set last. */
  isWhereItWas(at: Point): boolean {
    const last = this.fixed.at(-1);
    const { view, size } = this.viewport;
    const before = last && projected(view, view.perspective, size, last);
    return before != null && Math.hypot(before.x - at.x, before.y - at.y) < SAME_PX;
  }
}

export class SurfaceDrawing implements Draughtsman {
  inHand: OnSurface | null = null;
  private line: Promise<void> = Promise.resolve();
  private newest: Point | null = null;

  constructor(private readonly desk: ShapeDesk) {}

  press(viewport: MeasuredViewport, kind: ShapeKind, at: PointerSample): Drag | null {
    const { list } = this.desk;
    if (viewport.kind !== 'volume' || !list || isBox(kind) || kind === 'point') return null;
    if (this.inHand && (this.inHand.viewport !== viewport || this.inHand.kind !== kind)) this.drop();
    this.desk.showAll();
    this.desk.select(null);
    if (this.inHand) this.follow(at);
    else {
      this.inHand = new OnSurface(viewport, list, this.desk.newId(list, viewport.source.series), kind);
      this.then((inHand) => this.begin(inHand, at));
    }
    let last = at;
    return {
      move: (sample) => {
        last = sample;
        this.follow(sample);
      },
      end: () => {
        this.then((inHand) => this.release(inHand, last));
      },
      cancel: () => {
        this.drop();
      },
      click: () => undefined,
    };
  }

  follow(at: PointerSample): void {
    const waits = this.newest !== null;
    this.newest = at;
    if (waits) return;
    this.line = this.line.then(async () => {
      const goal = this.newest;
      const { inHand } = this;
      this.newest = null;
      const point = goal && inHand && inHand.fixed.length > 0 ? await this.pick(inHand, goal) : null;
      if (point && inHand) this.reach(inHand, point);
    });
  }

  drop(): boolean {
    if (!this.inHand) return false;
    this.desk.values.forget(this.inHand.id);
    this.inHand = null;
    this.desk.moved();
    return true;
  }

  private async begin(inHand: OnSurface, at: Point): Promise<void> {
    const point = await this.pick(inHand, at);
    if (this.inHand !== inHand) return;
    if (point) inHand.fixed = [point];
    else {
      this.drop();
      tellNothing();
    }
    this.desk.moved();
  }

  private async release(inHand: OnSurface, at: Point): Promise<void> {
    if (inHand.isWhereItWas(at)) return;
    const point = await this.pick(inHand, at);
    if (this.inHand !== inHand) return;
    if (!point) {
      // What has been drawn stays in the hand: the next click may meet something.
      tellNothing();
      return;
    }
    this.reach(inHand, point);
    if (inHand.fixed.length + 1 < CLICKS[inHand.kind]) {
      inHand.fixed = [...inHand.fixed, point];
      return;
    }
    this.inHand = null;
    if (inHand.shape) this.desk.add(inHand.list, inHand.id, inHand.viewport, inHand.shape);
  }

  private reach(inHand: OnSurface, point: Vector): void {
    if (this.inHand !== inHand) return;
    inHand.reach(point);
    if (inHand.shape) this.desk.values.ask(inHand.id, inHand.shape);
    this.desk.moved();
  }

  private pick(inHand: OnSurface, at: Point): Promise<Vector | null> {
    return surfacePoint(inHand.viewport, at, () => this.inHand === inHand);
  }

  /** After all that the hand did before, if the shape is still in it. */
  private then(act: (inHand: OnSurface) => Promise<void>): void {
    const { inHand } = this;
    this.line = this.line.then(() => (inHand && this.inHand === inHand ? act(inHand) : undefined));
  }
}

function tellNothing(): void {
  useToasts().show('warning', text('viewer.measure.no_surface'));
}
