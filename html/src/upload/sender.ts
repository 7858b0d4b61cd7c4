import { ApiError } from '@/api/client';
import type { Part } from '@/api/uploads';
import type { UploadState } from '@/api/types';

/** What of the server the sender needs. */
export interface UploadServer {
  get: (digest: string, signal: AbortSignal) => Promise<UploadState | null>;
  put: (part: Part, signal: AbortSignal) => Promise<UploadState>;
}

export interface SenderHooks {
  signal: AbortSignal;
  /** Resolves when sending may go on: at once, or after a pause. */
  gate: () => Promise<void>;
  /** So many bytes of the file are on the server. */
  received: (bytes: number) => void;
  /** The server is away (`true`) or back. */
  offline: (away: boolean) => void;
  /** Somebody has to log in; resolves when that happened. */
  loggedIn: () => Promise<void>;
  sleep: (milliseconds: number) => Promise<void>;
}

export const PART_BYTES = 8 * 1024 * 1024;
const LONGEST_WAIT = 15_000;
const POLL_MS = [40, 80, 150, 300, 600, 1000];
const MOST_CONFLICTS = 20;

const isAway = (error: ApiError) => error.status === 0 || error.status === 502 || error.status === 503 || error.status === 504;

/** Sends one file in parts; goes on from what the server has after any interruption. */
export class Sender {
  constructor(
    private readonly server: UploadServer,
    private readonly hooks: SenderHooks,
  ) {}

  /** Send the file; returns the state after its last byte. Throws ApiError for what waiting cannot help. */
  async send(file: File, name: string, digest: string): Promise<UploadState> {
    // Most files are one part: the answer to it tells all that asking first would.
    let state: UploadState | null =
      file.size > PART_BYTES ? await this.patiently(() => this.server.get(digest, this.hooks.signal)) : null;
    let conflicts = 0;
    let restarted = false;
    // What failed before, or did not match its digest, is sent once more from the start.
    while (!state || state.state === 'receiving' || (state.state === 'failed' && !restarted)) {
      const offset: number = state?.state === 'receiving' ? state.received : 0;
      restarted ||= state?.state === 'failed';
      this.hooks.received(offset);
      await this.hooks.gate();
      const part = { digest, name, size: file.size, offset, content: file.slice(offset, offset + PART_BYTES) };
      try {
        state = await this.server.put(part, this.hooks.signal);
        this.hooks.offline(false);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 409 && (conflicts += 1) < MOST_CONFLICTS) await this.hooks.sleep(200 * conflicts);
        else if (!isAway(error) && error.status !== 401) throw error;
        else await this.wait(error, 1);
        state = await this.patiently(() => this.server.get(digest, this.hooks.signal));
      }
    }
    this.hooks.received(file.size);
    return state;
  }

  /** Wait until the server has taken the file apart. */
  async settle(state: UploadState, progress: (state: UploadState) => void): Promise<UploadState> {
    for (let round = 0; state.state === 'processing'; round += 1) {
      await this.hooks.sleep(POLL_MS[Math.min(round, POLL_MS.length - 1)]!);
      const next: UploadState | null = await this.patiently(() => this.server.get(state.digest, this.hooks.signal));
      if (!next) throw new ApiError('not_found', 'the upload is not known any more', 404);
      state = next;
      progress(state);
    }
    return state;
  }

  /** Try again until the server answers; other errors go on. */
  private async patiently<T>(attempt: () => Promise<T>): Promise<T> {
    for (let round = 1; ; round += 1) {
      try {
        const result = await attempt();
        this.hooks.offline(false);
        return result;
      } catch (error) {
        if (!(error instanceof ApiError) || (!isAway(error) && error.status !== 401)) throw error;
        await this.wait(error, round);
      }
    }
  }

  private async wait(error: ApiError, round: number): Promise<void> {
    if (error.status === 401) return this.hooks.loggedIn();
    this.hooks.offline(true);
    await this.hooks.sleep(Math.min(LONGEST_WAIT, 1000 * 2 ** (round - 1)));
  }
}
