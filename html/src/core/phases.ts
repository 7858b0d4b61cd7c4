/** Phases of a stack: slices that lie in one place and differ in time, echo or weighting. */
import type { StackFrame } from './wire';

export interface Phase {
  /** From 0. */
  readonly phase: number;
  readonly phases: number;
  /** Indices of the slices in this place, in display order. */
  readonly members: readonly number[];
}

/** Slices nearer than this lie in one place, mm. */
const SAME_PLACE_MM = 0.01;

function inOnePlace(a: StackFrame, b: StackFrame): boolean {
  if (!a.origin || !b.origin) return false;
  return a.origin.every((value, axis) => Math.abs(value - (b.origin?.[axis] ?? 0)) < SAME_PLACE_MM);
}

/** Which of the phases of its place the slice `index` is; null where there is only one. */
export function phaseOf(slices: readonly StackFrame[], index: number): Phase | null {
  const wanted = slices[index];
  if (!wanted) return null;
  const members = slices.flatMap((slice, at) => (at === index || inOnePlace(slice, wanted) ? [at] : []));
  return members.length < 2 ? null : { phase: members.indexOf(index), phases: members.length, members };
}

/** The same place one phase on, round in a circle; null in a stack without phases. */
export function neighbourPhase(slices: readonly StackFrame[], index: number, direction: 1 | -1): number | null {
  const found = phaseOf(slices, index);
  if (!found) return null;
  return found.members[(found.phase + direction + found.phases) % found.phases] ?? null;
}
