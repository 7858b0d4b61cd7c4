/** What a reader types to reach a slice. */
import { placeAlongNormal } from './patient';
import type { Opened } from './wire';

/** Index for `45` (the 45th slice) or `-12.5 mm` (nearest place, as the overlay names it); null for anything else. */
export function sliceNamed(text: string, { slices, geometry }: Pick<Opened, 'slices' | 'geometry'>): number | null {
  const found = /^\s*([+-]?\d+(?:[.,]\d+)?)\s*(mm|мм)?\s*$/i.exec(text);
  if (!found || slices.length === 0) return null;
  const number = Number((found[1] ?? '').replace(',', '.'));
  if (found[2] === undefined) {
    return Number.isInteger(number) && number >= 1 && number <= slices.length ? number - 1 : null;
  }
  let best: number | null = null;
  let least = Infinity;
  slices.forEach((slice, index) => {
    const place = placeAlongNormal(slice, geometry);
    if (place === null || Math.abs(place - number) >= least) return;
    least = Math.abs(place - number);
    best = index;
  });
  return best;
}
