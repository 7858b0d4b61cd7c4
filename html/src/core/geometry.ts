/**
 * Where the pixels of a frame lie on the viewport: the same placement as the server's ImageView.
 *
 * Source coordinates are (column, row) with pixel centres at integers; viewport coordinates are CSS
 * pixels from its top left corner, y down; angles are degrees, clockwise on the screen.
 */
import type { ImageView, Pair, StackFrame, StackGeometry } from './wire';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** x' = a x + c y + e, y' = b x + d y + f, as CSS `matrix(a, b, c, d, e, f)`. */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

export const IDENTITY: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

/** Size of a frame and of its pixels; the unit of the latter is mm if `calibrated`, else arbitrary. */
export interface Raster {
  readonly columns: number;
  readonly rows: number;
  readonly pixelWidth: number;
  readonly pixelHeight: number;
  readonly calibrated: boolean;
}

export type Placement = Pick<ImageView, 'zoom' | 'center' | 'rotation' | 'flip_horizontal' | 'flip_vertical'>;

export function rasterOf(
  frame: Pick<StackFrame, 'rows' | 'columns'>,
  geometry: Pick<StackGeometry, 'spacing' | 'pixel_aspect'>,
): Raster {
  const { spacing, pixel_aspect: aspect } = geometry;
  const [pixelHeight, pixelWidth] = spacing ?? aspect;
  return { columns: frame.columns, rows: frame.rows, pixelWidth, pixelHeight, calibrated: spacing !== null };
}

export function apply(m: Affine, { x, y }: Point): Point {
  return { x: m.a * x + m.c * y + m.e, y: m.b * x + m.d * y + m.f };
}

/** First `inner`, then `outer`. */
export function compose(outer: Affine, inner: Affine): Affine {
  return {
    a: outer.a * inner.a + outer.c * inner.b,
    b: outer.b * inner.a + outer.d * inner.b,
    c: outer.a * inner.c + outer.c * inner.d,
    d: outer.b * inner.c + outer.d * inner.d,
    e: outer.a * inner.e + outer.c * inner.f + outer.e,
    f: outer.b * inner.e + outer.d * inner.f + outer.f,
  };
}

export function invert(m: Affine): Affine {
  const det = m.a * m.d - m.b * m.c;
  return {
    a: m.d / det,
    b: -m.b / det,
    c: -m.c / det,
    d: m.a / det,
    e: (m.c * m.f - m.d * m.e) / det,
    f: (m.b * m.e - m.a * m.f) / det,
  };
}

export function toCss(m: Affine): string {
  return `matrix(${[m.a, m.b, m.c, m.d, m.e, m.f].map((value) => Number(value.toFixed(6))).join(',')})`;
}

export function isIdentity(m: Affine): boolean {
  const near = (value: number, wanted: number, tolerance: number) => Math.abs(value - wanted) < tolerance;
  return (
    near(m.a, 1, 1e-5) &&
    near(m.d, 1, 1e-5) &&
    near(m.b, 0, 1e-5) &&
    near(m.c, 0, 1e-5) &&
    near(m.e, 0, 0.01) &&
    near(m.f, 0, 0.01)
  );
}

/** CSS px per unit of pixel size at which the whole turned frame just fits. */
export function fitScale(raster: Raster, size: Size, rotation: number): number {
  const angle = (rotation * Math.PI) / 180;
  const cos = Math.abs(Math.cos(angle));
  const sin = Math.abs(Math.sin(angle));
  const width = raster.columns * raster.pixelWidth;
  const height = raster.rows * raster.pixelHeight;
  return Math.min(size.width / (width * cos + height * sin), size.height / (width * sin + height * cos));
}

export function middleOf(raster: Raster): Pair {
  return [(raster.columns - 1) / 2, (raster.rows - 1) / 2];
}

/** Source (column, row) to viewport. */
export function sourceToViewport(raster: Raster, size: Size, view: Placement): Affine {
  const scale = fitScale(raster, size, view.rotation) * view.zoom;
  const angle = (view.rotation * Math.PI) / 180;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const across = scale * raster.pixelWidth * (view.flip_horizontal ? -1 : 1);
  const down = scale * raster.pixelHeight * (view.flip_vertical ? -1 : 1);
  const linear = { a: cos * across, b: sin * across, c: -sin * down, d: cos * down, e: 0, f: 0 };
  const [column, row] = view.center ?? middleOf(raster);
  const middle = apply(linear, { x: column, y: row });
  return { ...linear, e: size.width / 2 - middle.x, f: size.height / 2 - middle.y };
}

export function viewportToSource(raster: Raster, size: Size, view: Placement): Affine {
  return invert(sourceToViewport(raster, size, view));
}

/** CSS px that one pixel of the source covers, along its smaller side where it is not square. */
export function screenPerPixel(raster: Raster, size: Size, view: Placement): number {
  return fitScale(raster, size, view.rotation) * view.zoom * Math.min(raster.pixelWidth, raster.pixelHeight);
}

/** The zoom at which one source pixel covers `screen` CSS px. */
export function zoomFor(raster: Raster, size: Size, rotation: number, screen: number): number {
  return screen / (fitScale(raster, size, rotation) * Math.min(raster.pixelWidth, raster.pixelHeight));
}

/** The `center` that puts the source point `source` under the viewport point `at`. */
export function centerFor(raster: Raster, size: Size, view: Placement, source: Point, at: Point): Pair {
  const back = viewportToSource(raster, size, view);
  const there = apply(back, at);
  const middle = apply(back, { x: size.width / 2, y: size.height / 2 });
  return [middle.x + source.x - there.x, middle.y + source.y - there.y];
}

/** Moves `center` just so far that at least 10 % of the picture stays inside the viewport. */
export function keepInside(raster: Raster, size: Size, view: Placement): Pair {
  const forward = sourceToViewport(raster, size, view);
  const corners = [
    [-0.5, -0.5],
    [raster.columns - 0.5, -0.5],
    [-0.5, raster.rows - 0.5],
    [raster.columns - 0.5, raster.rows - 0.5],
  ].map(([x = 0, y = 0]) => apply(forward, { x, y }));
  const shift = (values: number[], extent: number): number => {
    const low = Math.min(...values);
    const high = Math.max(...values);
    const needed = Math.min(0.1 * (high - low), extent / 2);
    if (high < needed) return needed - high;
    if (low > extent - needed) return extent - needed - low;
    return 0;
  };
  const dx = shift(
    corners.map((corner) => corner.x),
    size.width,
  );
  const dy = shift(
    corners.map((corner) => corner.y),
    size.height,
  );
  const center = apply(invert(forward), { x: size.width / 2 - dx, y: size.height / 2 - dy });
  return [center.x, center.y];
}

/** Degrees in (-180, 180]. */
export function normaliseAngle(degrees: number): number {
  const turned = ((degrees % 360) + 360) % 360;
  return turned > 180 ? turned - 360 : turned;
}

export interface ScaleBar {
  /** CSS px. */
  readonly length: number;
  /** In mm, or in source pixels where no spacing is known. */
  readonly value: number;
  readonly unit: 'mm' | 'px';
}

/** A bar of 1, 2 or 5 times a power of ten that fills 15 to 35 % of the viewport's height. */
export function scaleBar(raster: Raster, size: Size, view: Placement): ScaleBar | null {
  const scale = fitScale(raster, size, view.rotation) * view.zoom;
  const perUnit = raster.calibrated ? scale : screenPerPixel(raster, size, view);
  if (!(perUnit > 0) || !Number.isFinite(perUnit)) return null;
  const largest = (0.35 * size.height) / perUnit;
  const power = 10 ** Math.floor(Math.log10(largest));
  const value = ([5, 2, 1].find((step) => step * power <= largest) ?? 1) * power;
  return { length: value * perUnit, value, unit: raster.calibrated ? 'mm' : 'px' };
}

/** The smallest box (column, row) of the source around a rectangle of the viewport; null without a picture. */
export function boxInSource(
  [one, other]: readonly [Point, Point],
  sourceAt: (point: Point) => readonly [number, number] | null,
): [[number, number], [number, number]] | null {
  const corners = [one, other, { x: one.x, y: other.y }, { x: other.x, y: one.y }].map(sourceAt);
  const known = corners.filter((corner) => corner !== null);
  if (known.length < corners.length) return null;
  const along = (axis: 0 | 1): number[] => known.map((corner) => corner[axis]);
  return [
    [Math.min(...along(0)), Math.min(...along(1))],
    [Math.max(...along(0)), Math.max(...along(1))],
  ];
}
