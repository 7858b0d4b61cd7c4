import { FrameFlag, type FrameHeader } from './frameHeader';
import type { SentView } from './viewState';
import type { ViewState } from './wire';

/** Below every rank. */
const NOTHING = -4;

/** What the queue needs of an ImageBitmap. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  close(): void;
}

export interface QueuedFrame {
  readonly header: FrameHeader;
  readonly payload: Blob;
  /** Time of receipt, ms of the page's clock. */
  readonly received: number;
  /** Frames of the page's own cache are not acknowledged. */
  readonly fromCache: boolean;
  /** The state that the picture shows. */
  readonly sent?: SentView<ViewState>;
}

export interface FrameQueueOptions<P extends Picture> {
  decode(payload: Blob): Promise<P>;
  /** Draws; the queue closes the picture afterwards. */
  show(picture: P, frame: QueuedFrame): void;
  /** Called once for each frame of the server, shown or not, so that its flow window moves on. */
  done(frame: QueuedFrame, shown: boolean): void;
  failed(frame: QueuedFrame): void;
}

/**
 * Decodes frames one after the other off the hot path. The newest waiting frame wins, a frame
 * older than the one shown is dropped, and a worse one of the same state never replaces a better.
 */
export class FrameQueue<P extends Picture> {
  private waiting: QueuedFrame | null = null;
  private busy = false;
  private closed = false;
  private shownSequence = -1;
  private shownRank = NOTHING;
  private shownSerial = -1;

  constructor(private readonly options: FrameQueueOptions<P>) {}

  push(frame: QueuedFrame): void {
    if (this.closed || !this.isNews(frame)) {
      this.options.done(frame, false);
      return;
    }
    if (this.waiting !== null) {
      if (isOlder(frame, this.waiting)) {
        this.options.done(frame, false);
        return;
      }
      this.options.done(this.waiting, false);
    }
    this.waiting = frame;
    if (!this.busy) void this.work();
  }

  /** Forgets what was shown: the next frame counts as new, whatever its number (a viewport was bound again). */
  restart(): void {
    this.shownSequence = -1;
    this.shownRank = NOTHING;
    this.shownSerial = -1;
  }

  close(): void {
    this.closed = true;
    this.waiting = null;
  }

  private isNews({ header, fromCache }: QueuedFrame): boolean {
    if (header.sequence !== this.shownSequence) return header.sequence > this.shownSequence;
    const rank = rankOf(header);
    return rank > this.shownRank || (!fromCache && rank === this.shownRank && header.serial > this.shownSerial);
  }

  private async work(): Promise<void> {
    this.busy = true;
    while (this.waiting !== null) {
      const frame = this.waiting;
      this.waiting = null;
      await this.decodeAndShow(frame);
    }
    this.busy = false;
  }

  private async decodeAndShow(frame: QueuedFrame): Promise<void> {
    let picture: P;
    try {
      picture = await this.options.decode(frame.payload);
    } catch {
      this.options.failed(frame);
      this.options.done(frame, false);
      return;
    }
    const shown = !this.closed && this.isNews(frame);
    if (shown) {
      this.shownSequence = frame.header.sequence;
      this.shownRank = rankOf(frame.header);
      if (!frame.fromCache) this.shownSerial = frame.header.serial;
      this.options.show(picture, frame);
    }
    picture.close();
    this.options.done(frame, shown);
  }
}

function isOlder(a: QueuedFrame, b: QueuedFrame): boolean {
  if (a.header.sequence !== b.header.sequence) return a.header.sequence < b.header.sequence;
  return rankOf(a.header) < rankOf(b.header);
}

/** Even a preview of the wanted slice is better than the best picture of its neighbour. */
function rankOf(header: FrameHeader): number {
  return header.flags & FrameFlag.Neighbour ? header.quality - 3 : header.quality;
}
