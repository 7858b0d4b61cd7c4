/** Which slices of which series have been on the screen, so that the strip can tell what was read to the end. */
import { ref } from 'vue';

export class SeenSlices {
  private readonly slices = new Map<string, Set<number>>();
  /** Series of which every slice was shown, with their version: more images make them unread again. */
  readonly complete = ref<ReadonlySet<string>>(new Set());

  /** Slice `index` of `count` was shown, not a neighbour in its place. */
  add(series: string, version: string, index: number, count: number): void {
    const key = keyOf(series, version);
    if (this.complete.value.has(key)) return;
    const seen = this.slices.get(key) ?? new Set();
    seen.add(index);
    this.slices.set(key, seen);
    if (seen.size < count) return;
    this.slices.delete(key);
    this.complete.value = new Set([...this.complete.value, key]);
  }

  isComplete(series: string, version: string): boolean {
    return this.complete.value.has(keyOf(series, version));
  }
}

function keyOf(series: string, version: string): string {
  return `${series}\n${version}`;
}
