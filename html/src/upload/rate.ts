const SPAN_MS = 6000;

/** Bytes per second over the last seconds. */
export class Rate {
  private readonly samples: [time: number, bytes: number][] = [];

  /** Note that `total` bytes are through at `now` (milliseconds). */
  add(now: number, total: number): void {
    this.samples.push([now, total]);
    while (this.samples.length > 2 && now - this.samples[0]![0] > SPAN_MS) this.samples.shift();
  }

  get perSecond(): number {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last[0] <= first[0]) return 0;
    return ((last[1] - first[1]) * 1000) / (last[0] - first[0]);
  }

  reset(): void {
    this.samples.length = 0;
  }
}
