/** What a reader types to reach a slice. */
import type { StackFrame } from './wire';

/** Index for `45` (the 45th slice) or `-12.5 mm` (nearest position); null for anything else. */
export function nearestPosition(text: string, slices: readonly StackFrame[]): number | null {
  const found = /^\s*([+-]?\d+(?:[.,]\d+)?)\s*(mm|мм)?\s*$/i.exec(text);
  if (!found || slices.length === 0) return null;
  const number = Number((found[1] ?? '').replace(',', '.'));
  if (found[2] === undefined) {
    return Number.isInteger(number) && number >= 1 && number <= slices.length ? number - 1 : null;
  }
  let best = 0;
  slices.forEach(({ position }, index) => {
    if (Math.abs(position - number) < Math.abs((slices[best] as StackFrame).position - number)) best = index;
  });
  return best;
}
