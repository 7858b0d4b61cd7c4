/** Transfer functions: which values are seen, how opaque per millimetre, in which colour. */
import type { TransferPoint, Vector } from './wire';

export type Transfer = readonly TransferPoint[];

export const MAX_POINTS = 64;
const LEAST_POINTS = 2;
/** The rising part ends where this share of the greatest opacity is reached. */
const FULL_SHARE = 0.8;

/** `#RRGGBB` to three parts of 0..1. */
export function colourOf(hex: string): Vector {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255].map((part) => part / 255) as Vector;
}

export function hexOf(colour: readonly number[]): string {
  const part = (value: number): string =>
    Math.round(Math.min(1, Math.max(0, value)) * 255)
      .toString(16)
      .padStart(2, '0');
  return `#${colour.map(part).join('')}`;
}

/** Opacity and colour at a value, linear between points; the end values hold beyond them. */
export function sampleTransfer(points: Transfer, value: number): TransferPoint {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return { value, opacity: 0, colour: [0, 0, 0] };
  if (value <= first.value) return { ...first, value };
  const after = points.findIndex((point) => point.value >= value);
  if (after < 0) return { ...last, value };
  const to = points[after] as TransferPoint;
  const from = points[after - 1] as TransferPoint;
  const share = to.value === from.value ? 1 : (value - from.value) / (to.value - from.value);
  const mix = (a: number, b: number): number => a + share * (b - a);
  return {
    value,
    opacity: mix(from.opacity, to.opacity),
    colour: from.colour.map((part, index) => mix(part, to.colour[index] ?? 0)) as Vector,
  };
}

/** The middle of the rising part: what the hand means by the function's centre, whatever its long upper end. */
export function centreOf(points: Transfer): number {
  const first = points[0];
  if (!first) return 0;
  const greatest = Math.max(...points.map(({ opacity }) => opacity));
  const full = points.find(({ opacity }) => opacity >= FULL_SHARE * greatest) ?? first;
  const other = full === first ? (points.at(-1) ?? first) : first;
  return (full.value + other.value) / 2;
}

/** Width of the rising part. */
export function widthOf(points: Transfer): number {
  const first = points[0];
  return first ? Math.max(1e-6, 2 * Math.abs(centreOf(points) - first.value)) : 1;
}

/** Moves all points by `delta` and widens them about the centre by `factor`. */
export function shiftTransfer(points: Transfer, delta: number, factor = 1): TransferPoint[] {
  const centre = centreOf(points);
  return points.map((point) => ({ ...point, value: centre + delta + (point.value - centre) * factor }));
}

/** A point to another place; it stays between its neighbours. */
export function movePoint(points: Transfer, index: number, value: number, opacity: number): TransferPoint[] {
  const low = points[index - 1]?.value ?? -1e9;
  const high = points[index + 1]?.value ?? 1e9;
  return points.map((point, at) =>
    at === index
      ? { ...point, value: Math.min(high, Math.max(low, value)), opacity: Math.min(1, Math.max(0, opacity)) }
      : point,
  );
}

/** A new point with the colour of the function there. Returns it and its index. */
export function addPoint(
  points: Transfer,
  value: number,
  opacity: number,
): { readonly points: TransferPoint[]; readonly index: number } {
  if (points.length >= MAX_POINTS) return { points: [...points], index: -1 };
  const { colour } = sampleTransfer(points, value);
  const found = points.findIndex((point) => point.value > value);
  const index = found < 0 ? points.length : found;
  const added = { value, opacity: Math.min(1, Math.max(0, opacity)), colour };
  return { points: [...points.slice(0, index), added, ...points.slice(index)], index };
}

export function removePoint(points: Transfer, index: number): TransferPoint[] {
  return points.length <= LEAST_POINTS ? [...points] : points.filter((_, at) => at !== index);
}

export function recolour(points: Transfer, index: number, colour: Vector): TransferPoint[] {
  return points.map((point, at) => (at === index ? { ...point, colour } : point));
}
