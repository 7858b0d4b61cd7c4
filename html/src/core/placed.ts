/**
 * Views that show the patient from somewhere: planes and projections alike.
 *
 * `center` lies in the middle of the viewport, `extent` millimetres fill its shorter side; viewport coordinates are CSS
 * pixels from the top left corner.
 */
import type { Affine, Point, Size } from './geometry';
import { combine, dot, subtract } from './patient';
import { type Axes, lookOf, rolledAxes } from './rotation';
import type { Vector } from './wire';

export interface Placed extends Axes {
  readonly center: Vector;
  readonly extent: number;
}

/** CSS px of one millimetre. */
export function pixelsPerMillimetre({ extent }: Pick<Placed, 'extent'>, size: Size): number {
  return Math.min(size.width, size.height) / extent;
}

/** Where a patient point lies on the viewport, seen in parallel, and how far behind the plane through `center`. */
export function toViewport(view: Placed, size: Size, point: Vector): Point & { readonly depth: number } {
  const scale = pixelsPerMillimetre(view, size);
  const offset = subtract(point, view.center);
  return {
    x: size.width / 2 + scale * dot(offset, view.row),
    y: size.height / 2 + scale * dot(offset, view.column),
    depth: dot(offset, lookOf(view)),
  };
}

/** Millimetres to the right of the middle and down from it. */
export function millimetresAt(view: Pick<Placed, 'extent'>, size: Size, at: Point): [number, number] {
  const scale = pixelsPerMillimetre(view, size);
  return [(at.x - size.width / 2) / scale, (at.y - size.height / 2) / scale];
}

/** The patient point under a viewport point, in the plane through `center`. */
export function pointAt(view: Placed, size: Size, at: Point): Vector {
  const [across, down] = millimetresAt(view, size, at);
  return combine(view.center, across, view.row, down, view.column);
}

/** The centre after the picture was moved by so many px. */
export function panned(view: Placed, size: Size, dx: number, dy: number): Vector {
  const scale = pixelsPerMillimetre(view, size);
  return combine(view.center, -dx / scale, view.row, -dy / scale, view.column);
}

/** Enlarged by `factor`, with what is under `at` staying there. */
export function zoomed(
  view: Placed,
  size: Size,
  factor: number,
  at: Point,
  limits: readonly [number, number],
): Pick<Placed, 'center' | 'extent'> {
  const extent = Math.min(limits[1], Math.max(limits[0], view.extent / factor));
  const fixed = pointAt(view, size, at);
  const there = pointAt({ ...view, extent }, size, at);
  return { extent, center: combine(view.center, 1, subtract(fixed, there)) };
}

/** The picture turned clockwise about the middle of the viewport. */
export function rolled(view: Placed, degrees: number): Axes {
  return rolledAxes(view, degrees);
}

const SAME_LOOK = 1 - 1e-9;

/**
 * Carries a picture of one view to where another has the same points; null where they look along different
 * directions, so that no picture of the one stands for the other. Both areas are CSS px.
 */
export function carried(from: Placed, area: Size, to: Placed, size: Size): Affine | null {
  if (dot(lookOf(from), lookOf(to)) < SAME_LOOK) return null;
  const scale = pixelsPerMillimetre(to, size) / pixelsPerMillimetre(from, area);
  const a = scale * dot(from.row, to.row);
  const b = scale * dot(from.row, to.column);
  const c = scale * dot(from.column, to.row);
  const d = scale * dot(from.column, to.column);
  const middle = toViewport(to, size, from.center);
  const x = area.width / 2;
  const y = area.height / 2;
  return { a, b, c, d, e: middle.x - a * x - c * y, f: middle.y - b * x - d * y };
}
