/** A shape that is being drawn: by press, drag and release, or by clicks with moves between them. */
import type { Point } from '../geometry';
import { boxPoints, CLICKS, isBox, type Modifiers, type Shape, type ShapeKind, straightened } from './shape';
import type { Sheet } from './sheet';
import type { Surface } from './surface';

/** Two clicks nearer to each other are one (CSS px). */
const SAME_PX = 3;

export class Drawing {
  /** Points that were set, on the sheet. */
  private fixed: readonly Point[];
  private hand: readonly Point[] = [];

  constructor(
    readonly kind: ShapeKind,
    readonly sheet: Sheet,
    first: Point,
  ) {
    this.fixed = [first];
  }

  static begin(kind: ShapeKind, surface: Surface, at: Point): Drawing {
    return new Drawing(kind, surface.sheet, surface.insideOn(surface.sheet, at));
  }

  /** What can be seen and measured by now; null while there is one point of several. */
  get shape(): Shape | null {
    const { kind, sheet } = this;
    if (kind === 'point') return { kind, sheet, points: this.fixed };
    if (isBox(kind)) return this.hand.length === 4 ? { kind, sheet, points: this.hand } : null;
    const points = [...this.fixed, ...this.hand];
    if (points.length < 2) return null;
    // The first arm of an angle is a line.
    return { kind: points.length < CLICKS[kind] ? 'length' : kind, sheet, points };
  }

  /** Whether it has all its points. */
  get complete(): boolean {
    return this.shape?.kind === this.kind;
  }

  get started(): readonly Point[] {
    return this.fixed;
  }

  /** The hand moves, with or without a button. */
  move(surface: Surface, at: Point, modifiers: Modifiers): void {
    const from = this.fixed.at(-1);
    if (!from) return;
    if (this.kind === 'point') this.fixed = [surface.insideOn(this.sheet, at)];
    else if (isBox(this.kind)) this.hand = boxPoints(this.kind, surface, this.sheet, from, at, modifiers);
    else {
      const to = modifiers.shift ? straightened(surface.place(this.sheet, from), at) : at;
      this.hand = [surface.insideOn(this.sheet, to)];
    }
  }

  /** A button was let go, or a click set a point. Returns whether the shape is finished. */
  set(surface: Surface, at: Point): boolean {
    if (this.kind === 'point') return true;
    const from = this.fixed.at(-1);
    const before = from && surface.place(this.sheet, from);
    if (!before || this.hand.length === 0 || Math.hypot(before.x - at.x, before.y - at.y) < SAME_PX) return false;
    if (isBox(this.kind)) return true;
    if (this.fixed.length + 1 === CLICKS[this.kind]) return true;
    this.fixed = [...this.fixed, ...this.hand];
    this.hand = [];
    return false;
  }
}
