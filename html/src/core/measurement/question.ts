/** A shape as the server is asked about it. */
import type { MeasureQuestion, Pair, Vector } from '../wire';
import type { Shape } from './shape';
import { toPatient } from './sheet';

/** Null for a shape that lies nowhere. */
export function questionOf({ kind, sheet, points }: Shape): MeasureQuestion | null {
  const { position, row, column, slab, blend } = sheet;
  if (position !== null) {
    const pixels = points.map(({ x, y }): Pair => [x, y]);
    return { kind, place: { kind: 'slice', position, points: pixels as never } };
  }
  const places = points.map((point) => toPatient(sheet, point)).filter((place): place is Vector => place !== null);
  if (places.length < points.length) return null;
  return { kind, place: { kind: 'plane', row, column, slab, blend, points: places as never } };
}
