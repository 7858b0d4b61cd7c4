/** Windows that go by the picture: percentiles asked of the server, and the windows they make. */
import type { Opened, Pair, Percentiles, PercentileValues, Window } from './wire';

export interface LevelQuestion {
  readonly of: Percentiles['of'];
  readonly percents: readonly number[];
  /** Leaves out air: what is not above Otsu's threshold. */
  readonly nonAir?: boolean;
  readonly position?: number;
  /** Opposite corners of a region: source (column, row), or mm from the middle of a plane. */
  readonly corners?: readonly [Pair, Pair];
}

/** How a window follows from percentiles. */
export interface LevelRule {
  readonly of: 'slice' | 'series';
  readonly percents: readonly number[];
  readonly nonAir: boolean;
  window(values: readonly number[]): Window;
}

/** What can be asked. */
export interface LevelSource {
  readonly stack: Opened | null;
  readonly view: object;
  percentiles(question: LevelQuestion): Promise<PercentileValues | null>;
}

/** The questions of one viewport that are not answered yet. */
export class LevelQueries {
  private readonly pending = new Map<number, (answer: PercentileValues | null) => void>();
  private next = 1;

  constructor(private readonly send: (question: Omit<Percentiles, 'viewport'>) => boolean) {}

  /** Null if it cannot be answered now. */
  ask({ percents, nonAir = false, corners, ...rest }: LevelQuestion): Promise<PercentileValues | null> {
    const id = this.next;
    this.next += 1;
    const sent = this.send({
      type: 'percentiles',
      id,
      ...rest,
      percents: [...percents] as Percentiles['percents'],
      non_air: nonAir,
      ...(corners && { corners: [corners[0], corners[1]] }),
    });
    if (!sent) return Promise.resolve(null);
    return new Promise((resolve) => this.pending.set(id, resolve));
  }

  answer(message: PercentileValues): void {
    this.pending.get(message.id)?.(message);
    this.pending.delete(message.id);
  }

  /** Nobody will answer any more. */
  end(): void {
    for (const resolve of this.pending.values()) resolve(null);
    this.pending.clear();
  }
}

const LEAST_SHARE = 1e-6;

/** The window whose greys span two values. */
export function spread(low: number, high: number): Window {
  const least = LEAST_SHARE * Math.max(1, Math.abs(low), Math.abs(high));
  return { center: (low + high) / 2, width: Math.max(high - low, least), function: 'LINEAR_EXACT', explanation: '' };
}

/** The rule of a window from one percentile to another. */
export function between(of: LevelRule['of'], low: number, high: number, nonAir = false): LevelRule {
  return { of, percents: [low, high], nonAir, window: ([from = 0, to = 1]) => spread(from, to) };
}

/** What `wl.auto` ends with. */
export const AUTOMATIC: LevelRule = between('slice', 1, 99);
const REGION_PERCENTS = [2, 98] as const;

/** The window that a rule makes now; null if that cannot be told. A plane has no slice: the series counts. */
export async function windowBy(source: LevelSource, rule: LevelRule): Promise<Window | null> {
  const position = 'position' in source.view ? Number(source.view.position) : null;
  const { stack } = source;
  const answer = await source.percentiles({
    of: position === null ? 'series' : rule.of,
    percents: rule.percents,
    nonAir: rule.nonAir,
    ...(position !== null && { position }),
  });
  return answer?.values && source.stack === stack ? rule.window(answer.values) : null;
}

/** The window of a region. */
export async function windowOfRegion(source: LevelSource, corners: readonly [Pair, Pair]): Promise<Window | null> {
  const position = 'position' in source.view ? { position: Number(source.view.position) } : {};
  const answer = await source.percentiles({ of: 'region', percents: REGION_PERCENTS, corners, ...position });
  const [low, high] = answer?.values ?? [];
  return low === undefined || high === undefined ? null : spread(low, high);
}

/** What comes after a window: the file's first, its others, then null for one by percentiles. */
export function nextFileWindow(view: { readonly window: Window | null; readonly voi: number }, count: number): number | null {
  if (view.window !== null) return 0;
  return view.voi + 1 < count ? view.voi + 1 : null;
}
