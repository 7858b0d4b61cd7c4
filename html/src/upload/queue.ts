import type { UploadState } from '@/api/types';
import type { SourceFile } from './collect';
import type { Digest } from './digester';
import { Rate } from './rate';
import { countOutcome, failureOf, failureOfError, type Failure, type StudyResult } from './result';
import { Sender, type UploadServer } from './sender';

export type QueuePhase = 'idle' | 'sending' | 'paused' | 'done' | 'cancelled';

/** All that a page shows of an upload; a new object each time something changed. */
export interface Progress {
  phase: QueuePhase;
  files: number;
  bytes: number;
  /** Bytes on the server, counting those of skipped and failed files as through. */
  through: number;
  /** Files that are finished, well or not. */
  finished: number;
  skipped: number;
  failures: readonly Failure[];
  studies: readonly StudyResult[];
  /** Bytes per second, and seconds to go (null while unknown). */
  rate: number;
  remaining: number | null;
  /** The server is away; sending goes on by itself. */
  offline: boolean;
  /** Sending waits for a log-in. */
  needsLogin: boolean;
}

export interface QueueOptions {
  server: UploadServer;
  digest: Digest;
  /** Called at most every `PROGRESS_MS`, and at the end. */
  progress: (progress: Progress) => void;
  loggedIn: () => Promise<void>;
  now?: () => number;
  sleep?: (milliseconds: number) => Promise<void>;
}

const AT_ONCE = 4;
const SETTLING = 32;
const PROGRESS_MS = 250;

/** Counts who is inside and lets `limit` in at a time. */
class Door {
  private inside = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  async enter(): Promise<void> {
    if (this.inside >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.inside += 1;
  }

  leave(): void {
    this.inside -= 1;
    this.waiting.shift()?.();
  }
}

/** Sends files four at a time; keeps counts, failures and results. Files may be added while it runs. */
export class UploadQueue {
  private readonly waiting: SourceFile[] = [];
  private readonly failures: Failure[] = [];
  private readonly studies = new Map<string, StudyResult>();
  private readonly rate = new Rate();
  private readonly partial = new Map<SourceFile, number>();
  private readonly settling = new Door(SETTLING);
  private abort = new AbortController();
  private phase: QueuePhase = 'idle';
  private files = 0;
  private bytes = 0;
  private throughBytes = 0;
  private sentBytes = 0;
  private finished = 0;
  private skipped = 0;
  private working = 0;
  private offline = false;
  private needsLogin = false;
  private resume: (() => void) | null = null;
  private gateOpen: Promise<void> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly now: () => number;
  private readonly sleep: (milliseconds: number) => Promise<void>;

  constructor(private readonly options: QueueOptions) {
    this.now = options.now ?? (() => performance.now());
    this.sleep = options.sleep ?? ((time) => new Promise((resolve) => setTimeout(resolve, time)));
  }

  /** Add files and start. Unreadable ones are failures at once. */
  add(files: SourceFile[], unreadable: string[] = []): void {
    this.files += files.length + unreadable.length;
    this.finished += unreadable.length;
    this.failures.push(...unreadable.map((name): Failure => ({ reason: 'unreadable', name, why: null, detail: '' })));
    for (const item of files) this.bytes += item.file.size;
    this.waiting.push(...files);
    if (this.phase !== 'paused') this.phase = 'sending';
    if (this.phase === 'sending') this.fill();
    this.tell();
  }

  pause(): void {
    if (this.phase !== 'sending') return;
    this.phase = 'paused';
    this.rate.reset();
    this.gateOpen = new Promise((resolve) => (this.resume = resolve));
    this.tell(true);
  }

  go(): void {
    if (this.phase !== 'paused') return;
    this.phase = 'sending';
    this.resume?.();
    this.fill();
    this.tell(true);
  }

  /** Stop sending; what has arrived stays. */
  cancel(): void {
    if (this.phase !== 'sending' && this.phase !== 'paused') return;
    this.phase = 'cancelled';
    this.waiting.length = 0;
    this.abort.abort();
    this.resume?.();
    this.tell(true);
  }

  private fill(): void {
    while (this.phase === 'sending' && this.working < AT_ONCE && this.waiting.length > 0) {
      const item = this.waiting.shift()!;
      this.working += 1;
      void this.run(item);
    }
    if (this.phase === 'sending' && this.finished === this.files) {
      this.phase = 'done';
      this.tell(true);
    }
  }

  private async run(item: SourceFile): Promise<void> {
    let slot = true;
    const leave = () => {
      if (slot) this.working -= 1;
      slot = false;
      this.fill();
    };
    try {
      const digest = await this.digest(item);
      if (digest === undefined) return;
      const sender = new Sender(this.options.server, this.hooks(item));
      const sent = await sender.send(item.file, item.name, digest);
      // What the server still takes apart needs no place among the four.
      await this.settling.enter();
      leave();
      try {
        this.accept(item, await sender.settle(sent, () => this.tell()));
      } finally {
        this.settling.leave();
      }
    } catch (error) {
      if (!this.abort.signal.aborted) this.fail(failureOfError(error, item.name));
    } finally {
      this.finish(item);
      leave();
    }
  }

  /** The digest; undefined for what is not sent. */
  private async digest(item: SourceFile): Promise<string | undefined> {
    try {
      const digest = await this.options.digest(item.file);
      if (digest) return digest;
      this.skipped += 1;
      this.failures.push({ reason: 'not-dicom', name: item.name, why: null, detail: '' });
    } catch {
      this.fail({ reason: 'unreadable', name: item.name, why: null, detail: '' });
    }
    return undefined;
  }

  private accept(item: SourceFile, state: UploadState): void {
    for (const outcome of state.outcomes) {
      countOutcome(this.studies, outcome);
      const failure = failureOf(outcome, item.name);
      if (failure) this.failures.push(failure);
    }
    if (state.state === 'failed') this.fail({ reason: 'failed', name: item.name, why: state.why, detail: state.reason });
  }

  private fail(failure: Failure): void {
    this.failures.push(failure);
    // Nothing else will fit either: the user decides when to go on.
    if (failure.reason === 'full') this.pause();
  }

  private finish(item: SourceFile): void {
    this.partial.delete(item);
    this.finished += 1;
    this.throughBytes += item.file.size;
    this.tell();
  }

  private hooks(item: SourceFile) {
    return {
      signal: this.abort.signal,
      gate: () => this.gateOpen,
      received: (bytes: number) => {
        this.sentBytes += Math.max(0, bytes - (this.partial.get(item) ?? 0));
        this.partial.set(item, bytes);
        this.tell();
      },
      offline: (away: boolean) => {
        if (this.offline === away) return;
        this.offline = away;
        this.rate.reset();
        this.tell(true);
      },
      loggedIn: async () => {
        this.needsLogin = true;
        this.tell(true);
        await this.options.loggedIn();
        this.needsLogin = false;
      },
      sleep: this.sleep,
    };
  }

  private snapshot(): Progress {
    const through = this.throughBytes + [...this.partial.values()].reduce((sum, bytes) => sum + bytes, 0);
    const rate = this.rate.perSecond;
    return {
      phase: this.phase,
      files: this.files,
      bytes: this.bytes,
      through: Math.min(through, this.bytes),
      finished: this.finished,
      skipped: this.skipped,
      failures: [...this.failures],
      studies: [...this.studies.values()].map((result) => ({ ...result })),
      rate,
      remaining: rate > 0 ? Math.max(0, this.bytes - through) / rate : null,
      offline: this.offline,
      needsLogin: this.needsLogin,
    };
  }

  /** Tell the page, now or soon. */
  private tell(now = false): void {
    if (this.timer !== null && !now) return;
    if (this.timer !== null) clearTimeout(this.timer);
    const report = () => {
      this.timer = null;
      if (this.phase === 'sending') this.rate.add(this.now(), this.sentBytes);
      this.options.progress(this.snapshot());
    };
    if (now) report();
    else this.timer = setTimeout(report, PROGRESS_MS);
  }
}
