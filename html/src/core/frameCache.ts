import type { FrameHeader } from './frameHeader';

/** A received frame, still encoded: small enough to keep many, quick enough to decode again. */
export interface CachedFrame {
  readonly header: FrameHeader;
  readonly payload: Blob;
}

export const MAX_FRAMES = 64;
export const MAX_BYTES = 32 * 1024 * 1024;

/** Frames of one viewport by the state they show; the least recently used goes first. */
export class FrameCache {
  private readonly frames = new Map<string, CachedFrame>();
  private held = 0;

  constructor(
    private readonly maxFrames = MAX_FRAMES,
    private readonly maxBytes = MAX_BYTES,
  ) {}

  get bytes(): number {
    return this.held;
  }

  get size(): number {
    return this.frames.size;
  }

  /** Keeps a frame, unless a better one of the same state is there. */
  put(key: string, frame: CachedFrame): void {
    const former = this.frames.get(key);
    if (former !== undefined && former.header.quality > frame.header.quality) return;
    if (frame.payload.size > this.maxBytes) return;
    this.remove(key);
    this.frames.set(key, frame);
    this.held += frame.payload.size;
    for (const oldest of this.frames.keys()) {
      if (this.frames.size <= this.maxFrames && this.held <= this.maxBytes) break;
      this.remove(oldest);
    }
  }

  get(key: string): CachedFrame | undefined {
    const frame = this.frames.get(key);
    if (frame !== undefined) {
      this.frames.delete(key);
      this.frames.set(key, frame);
    }
    return frame;
  }

  clear(): void {
    this.frames.clear();
    this.held = 0;
  }

  private remove(key: string): void {
    const frame = this.frames.get(key);
    if (frame === undefined) return;
    this.held -= frame.payload.size;
    this.frames.delete(key);
  }
}
