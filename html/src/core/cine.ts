/** The clock of a running stack: the shown time never slows down, late pictures are left out. */

export const SPEEDS = [1, 2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60] as const;
const DEFAULT_SPEED = 15;

/** Pictures per second that the file asks for, on the nearest step. */
export function speedOf(frameTime: number | null | undefined): number {
  const wanted = frameTime && frameTime > 0 ? 1000 / frameTime : DEFAULT_SPEED;
  return SPEEDS.reduce((best, speed) => (Math.abs(speed - wanted) < Math.abs(best - wanted) ? speed : best));
}

export function nextSpeed(speed: number, direction: 1 | -1): number {
  const steps: readonly number[] = direction > 0 ? SPEEDS : [...SPEEDS].reverse();
  return steps.find((step) => (step - speed) * direction > 0) ?? speed;
}

export interface CineState {
  readonly speed: number;
  readonly bounce: boolean;
  readonly direction: 1 | -1;
  /** First and last slice of the range, included. */
  readonly range: readonly [number, number];
}

/** The slice at `elapsed` ms after the start at `first`. */
export function cineIndex(first: number, elapsed: number, { speed, bounce, direction, range }: CineState): number {
  const [low, high] = range;
  const count = high - low + 1;
  if (count < 2) return low;
  const steps = Math.floor((elapsed * speed) / 1000) * direction;
  const start = Math.min(high, Math.max(low, first)) - low;
  const wrap = (value: number, length: number): number => ((value % length) + length) % length;
  if (!bounce) return low + wrap(start + steps, count);
  const phase = wrap(start + steps, 2 * (count - 1));
  return low + (phase < count ? phase : 2 * (count - 1) - phase);
}

export interface CineDriver {
  readonly index: number;
  goTo(index: number): void;
}

export interface CineTiming {
  now(): number;
  schedule(callback: () => void): number;
  cancel(handle: number): void;
}

/** Runs one viewport; `shown` is called for each picture that really appeared. */
export class Cine {
  private handle: number | null = null;
  private startIndex = 0;
  private startTime = 0;
  private current: CineState;
  private shownTimes: number[] = [];
  private lastShown = -1;

  constructor(
    private readonly driver: CineDriver,
    private readonly timing: CineTiming,
    initial: CineState,
  ) {
    this.current = initial;
  }

  get state(): CineState {
    return this.current;
  }

  get running(): boolean {
    return this.handle !== null;
  }

  /** Pictures that appeared per second, over the last second. */
  get realRate(): number {
    const limit = this.timing.now() - 1000;
    this.shownTimes = this.shownTimes.filter((time) => time > limit);
    return this.shownTimes.length;
  }

  set(change: Partial<CineState>): void {
    this.current = { ...this.current, ...change };
    if (this.running) this.restart();
  }

  start(): void {
    if (this.running) return;
    this.restart();
    this.handle = this.timing.schedule(this.tick);
  }

  stop(): void {
    if (this.handle === null) return;
    this.timing.cancel(this.handle);
    this.handle = null;
    this.shownTimes = [];
  }

  /** `slice` has appeared; a better picture of the same one is no further one. */
  shown(slice: number): void {
    if (!this.running || slice === this.lastShown) return;
    this.lastShown = slice;
    this.shownTimes.push(this.timing.now());
  }

  private restart(): void {
    this.startIndex = this.driver.index;
    this.startTime = this.timing.now();
  }

  private readonly tick = (): void => {
    const index = cineIndex(this.startIndex, this.timing.now() - this.startTime, this.current);
    if (index !== this.driver.index) this.driver.goTo(index);
    this.handle = this.timing.schedule(this.tick);
  };
}
