/** The shapes of a tab, what the server says of them, and the steps that lead back. */
import { Emitter } from '../emitter';
import type { UndoList } from '../undoList';
import type { Measured } from '../wire';
import type { Measurement, Shape } from './shape';

export interface ListEvents {
  change: undefined;
  /** A step back or forth has changed this one. */
  revealed: Measurement;
}

interface Reading {
  readonly of: readonly unknown[];
  readonly measured: Measured;
}

export class MeasurementList extends Emitter<ListEvents> {
  all: readonly Measurement[] = [];
  /** None is shown. */
  hidden = false;
  /** Those that are not shown one by one; no step leads back to it. */
  private readonly concealed = new Set<number>();
  private readonly readings = new Map<number, Reading>();
  constructor(private readonly undo: UndoList) {
    super();
  }

  get(id: number | null): Measurement | null {
    return this.all.find((each) => each.id === id) ?? null;
  }

  ofSeries(series: string): readonly Measurement[] {
    return this.all.filter((each) => each.series === series);
  }

  add(measurement: Measurement): void {
    this.keep([...this.all, measurement]);
  }

  /** Shows a change that may still go on; `finish` makes a step of it. */
  show(changed: Measurement): void {
    this.set(this.all.map((each) => (each.id === changed.id ? changed : each)));
  }

  /** Lets what has changed since `before` be undone. */
  finish(before: Measurement): void {
    const after = this.get(before.id);
    if (!after || after === before) return;
    const former = this.all.map((each) => (each.id === before.id ? before : each));
    this.step(former, this.all);
    this.emit('change', undefined);
  }

  remove(ids: readonly number[]): void {
    const left = this.all.filter(({ id }) => !ids.includes(id));
    if (left.length < this.all.length) this.keep(left);
  }

  isConcealed(id: number): boolean {
    return this.concealed.has(id);
  }

  conceal(id: number, concealed: boolean): void {
    if (concealed) this.concealed.add(id);
    else this.concealed.delete(id);
    this.emit('change', undefined);
  }

  toggle(): void {
    this.hidden = !this.hidden;
    this.emit('change', undefined);
  }

  /** The newest answer about a shape, and whether it is of the shape as it is now. */
  reading(id: number, shape: Shape): { readonly measured: Measured | null; readonly fresh: boolean } {
    const known = this.readings.get(id);
    return { measured: known?.measured ?? null, fresh: known !== undefined && sameGeometry(known.of, signature(shape)) };
  }

  learn(id: number, shape: Shape, measured: Measured): void {
    this.readings.set(id, { of: signature(shape), measured });
    this.emit('change', undefined);
  }

  /** The pixels of a series are others now. */
  forget(series: string): void {
    for (const { id } of this.ofSeries(series)) this.readings.delete(id);
    this.emit('change', undefined);
  }

  private keep(next: readonly Measurement[]): void {
    this.step(this.all, next);
    this.set(next);
  }

  /** Another label, as a step. */
  rename(id: number, label: string): void {
    const before = this.get(id);
    if (before && before.label !== label) this.keep(this.all.map((each) => (each.id === id ? { ...each, label } : each)));
  }

  private step(before: readonly Measurement[], after: readonly Measurement[]): void {
    this.undo.change(before, after, (kept) => {
      const now = new Set(this.all);
      const changed = kept.find((each) => !now.has(each)) ?? this.all.find((each) => !kept.includes(each));
      this.set(kept);
      if (changed) this.emit('revealed', changed);
    });
  }

  private set(next: readonly Measurement[]): void {
    this.all = next;
    this.emit('change', undefined);
  }
}

function signature({ kind, sheet, points }: Shape): readonly unknown[] {
  return [kind, sheet, points];
}

/** Shapes are values: what is the same object has not changed. */
function sameGeometry(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.every((part, index) => part === b[index]);
}
