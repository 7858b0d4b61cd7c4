/** What all viewports share: bind a series, keep a state in step with the server, show its frames. */
import { Emitter } from './emitter';
import { FrameCache } from './frameCache';
import { FrameFlag, type FrameHeader, Quality } from './frameHeader';
import { FrameQueue, type QueuedFrame } from './frameQueue';
import { type Affine, isIdentity, type Size, toCss } from './geometry';
import { LevelQueries, type LevelQuestion } from './levels';
import type { AppliedWindow } from './tools/target';
import { type SentView, ViewChannel, type ViewMessage } from './viewState';
import type {
  Answer,
  ClientMessage,
  Open,
  Opened,
  Pair,
  PatchOf,
  PercentileValues,
  PointPick,
  Progress,
  Query,
  ViewPatch,
  ViewState,
  WindowKind,
} from './wire';

/** What a viewport needs of the connection. */
export interface ViewportLine {
  /** False while the line is closed. */
  send(message: ClientMessage): boolean;
  /** Previews would only queue up. */
  readonly congested: boolean;
  readonly online: boolean;
}

export interface ViewportSource<V extends ViewState = ViewState> {
  readonly study: string;
  readonly series: string;
  /** The state to begin with; null lets the server choose. */
  readonly view?: V | null;
}

export type ViewportStatus = 'closed' | 'opening' | 'ready' | 'failed';

export interface ViewportProblem {
  readonly code: string;
  readonly message: string;
  /** What a translation needs, by name. */
  readonly values?: Readonly<Record<string, string>>;
}

export interface ViewportEvents<V extends ViewState> {
  /** Something that components show may have changed. */
  change: undefined;
  /** The hand changed the state (not a synchronised viewport's follow-up). */
  patched: PatchOf<V>;
  /** The state changed, whoever did it: lines and lens are drawn again. */
  moved: undefined;
  /** The server has bound the viewport. */
  opened: Opened;
  /** The viewport has a size, or another one; it is told before a series is bound. */
  resized: Size;
  shown: FrameHeader;
}

/** A drag without a picture for this long: what is shown is not what the hand means. */
export const STALE_MS = 700;
const MIN_SIDE = 16;
const MAX_SIDE = 8192;
/** After a wheel notch or a key the hand counts as moving for this long. */
const REST_MS = 150;
const QUERY_MS = 90;
/** A question that a lost node took with it. */
const LOST_QUERY_MS = 2_000;

interface PendingQuery {
  readonly id: number;
  resolve(answer: Answer | null): void;
}

/** A question without its number. */
type Question = Omit<Query, 'id' | 'viewport'> | Omit<PointPick, 'id' | 'viewport'>;

export type Schedule = (callback: () => void) => void;
const NEXT_FRAME: Schedule = (callback) => requestAnimationFrame(callback);

export abstract class FrameViewport<V extends ViewState> extends Emitter<ViewportEvents<V>> {
  abstract readonly kind: WindowKind;
  readonly canvas: HTMLCanvasElement;
  status: ViewportStatus = 'closed';
  problem: ViewportProblem | null = null;
  stack: Opened | null = null;
  progress: Progress | null = null;
  /** Header of the frame on the canvas; null before the first. */
  shownHeader: FrameHeader | null = null;
  stale = false;
  size: Size = { width: 0, height: 0 };
  devicePixelRatio = 1;
  /** The state at opening, for `reset.view`. */
  initialView: V | null = null;
  private readonly channel: ViewChannel<V>;
  private readonly queue: FrameQueue<ImageBitmap>;
  private readonly cache = new FrameCache();
  private readonly context: CanvasRenderingContext2D | null;
  private shownView: SentView<V> | null = null;
  private hands = 0;
  private rest: ReturnType<typeof setTimeout> | undefined;
  private staleTimer: ReturnType<typeof setTimeout> | undefined;
  private query: PendingQuery | null = null;
  private readonly levels = new LevelQueries((question) => this.line.send({ ...question, viewport: this.id }));
  private nextQuery = 1;
  private lastQuery = -Infinity;
  private wanted = false;
  private hasBeenBound: boolean;

  protected constructor(
    readonly id: number,
    readonly source: ViewportSource<V>,
    private readonly line: ViewportLine,
    plain: V,
    schedule: Schedule = NEXT_FRAME,
  ) {
    super();
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'viewport-canvas';
    this.context = this.canvas.getContext('2d', { alpha: false });
    this.hasBeenBound = source.view != null;
    this.channel = new ViewChannel<V>(
      { schedule, send: (message) => this.sendView(message), now: () => performance.now() },
      [MIN_SIDE, MIN_SIDE],
      source.view ?? plain,
    );
    this.queue = new FrameQueue({
      decode: (payload) => createImageBitmap(payload, { colorSpaceConversion: 'none' }),
      show: (picture, frame) => {
        this.draw(picture, frame);
      },
      done: (frame, shown) => {
        this.acknowledge(frame, shown);
      },
      failed: () => {
        this.emit('change', undefined);
      },
    });
  }

  /** What an `open` says beyond series and state. */
  protected abstract openFields(): Partial<Open>;
  /** Carries the picture of a state, `area` CSS px large, to where the present state has it; null if it cannot. */
  protected abstract carry(from: V, area: Size): Affine | null;
  /** Equal keys, equal pixels. */
  protected abstract key(view: V, size: Pair): string;

  get view(): V {
    return this.channel.view;
  }

  get appliedWindow(): AppliedWindow | null {
    if (this.view.window) return this.view.window;
    const header = this.shownHeader;
    // A header speaks for the file's window only if its frame was made with it.
    if (header && !this.shownView?.view.window) return { center: header.windowCenter, width: header.windowWidth };
    return (
      this.stack?.windows?.[this.view.voi] ?? (header && { center: header.windowCenter, width: header.windowWidth })
    );
  }

  /** Whether the picture shown stands for the state that is wanted. */
  get settled(): boolean {
    const header = this.shownHeader;
    return (
      header !== null &&
      this.channel.told &&
      header.quality !== Quality.Preview &&
      !(header.flags & FrameFlag.Neighbour) &&
      header.sequence === this.channel.sequence
    );
  }

  /** The state to begin with, if the server is not to choose it. Before the viewport is bound. */
  seed(view: V): void {
    if (this.hasBeenBound) return;
    this.channel.seed(view);
    this.hasBeenBound = true;
  }

  /** Asks for pictures, now and after every reconnection. */
  open(): void {
    this.wanted = true;
    this.bind();
  }

  /** Asks for no more pictures; the last one and the state stay. */
  suspend(): void {
    if (!this.wanted) return;
    this.wanted = false;
    this.status = this.stack ? this.status : 'closed';
    this.line.send({ type: 'close', viewport: this.id });
    this.unbind();
  }

  dispose(): void {
    this.suspend();
    this.queue.close();
    this.cache.clear();
    clearTimeout(this.rest);
    clearTimeout(this.staleTimer);
    this.canvas.remove();
    this.canvas.width = 0;
    this.clear();
  }

  /** Forces a new binding after a failure, or because the content of the series changed. */
  reopen(): void {
    if (!this.wanted) return;
    this.line.send({ type: 'close', viewport: this.id });
    this.unbind();
    this.bind();
  }

  resize(size: Size, devicePixelRatio: number): void {
    const unchanged = size.width === this.size.width && size.height === this.size.height;
    if (size.width < 1 || size.height < 1 || (unchanged && devicePixelRatio === this.devicePixelRatio)) return;
    const first = this.size.width === 0;
    this.size = size;
    this.devicePixelRatio = devicePixelRatio;
    const side = (length: number): number =>
      Math.min(MAX_SIDE, Math.max(MIN_SIDE, Math.round(length * devicePixelRatio)));
    this.channel.resize([side(size.width), side(size.height)]);
    this.emit('resized', size);
    this.place();
    this.emit('moved', undefined);
    this.emit('change', undefined);
    if (first && this.wanted) this.bind();
  }

  patch(patch: PatchOf<V>): void {
    this.follow(patch);
    this.emit('patched', patch);
  }

  /** As `patch`, for a viewport that follows another. */
  follow(patch: PatchOf<V>): void {
    this.channel.patch(patch);
    this.place();
    this.emit('moved', undefined);
    this.emit('change', undefined);
  }

  /** A button is held, or let go. */
  hold(held: boolean): void {
    this.hands = Math.max(0, this.hands + (held ? 1 : -1));
    this.channel.setActive(this.hands > 0 || this.rest !== undefined);
  }

  /** A notch or a key: the hand moves for a moment. */
  nudge(): void {
    clearTimeout(this.rest);
    this.channel.setActive(true);
    this.rest = setTimeout(() => {
      this.rest = undefined;
      this.channel.setActive(this.hands > 0);
    }, REST_MS);
  }

  /** Asks the server; null if it cannot answer now. One question at a time. */
  protected ask(question: Question): Promise<Answer | null> {
    const now = performance.now();
    if (now - this.lastQuery > LOST_QUERY_MS) this.endQuery();
    if (this.query !== null || now - this.lastQuery < QUERY_MS || this.status !== 'ready') return Promise.resolve(null);
    this.lastQuery = now;
    const id = this.nextQuery;
    this.nextQuery += 1;
    if (!this.line.send({ ...question, viewport: this.id, id })) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.query = { id, resolve };
    });
  }

  /** Percentiles of the stored values, in the newest state that the server has; null if they cannot be had now. */
  percentiles(question: LevelQuestion): Promise<PercentileValues | null> {
    return this.status === 'ready' ? this.levels.ask(question) : Promise.resolve(null);
  }

  // What the connection brings.

  onOpened(message: Opened): void {
    if (!this.wanted) return;
    const changed = this.stack !== null && this.stack.version !== message.version;
    // A state that the page already has is newer than what the server repeats after a hand-over.
    const view = this.hasBeenBound ? this.view : (message.view as V);
    this.stack = message;
    if (changed) this.cache.clear();
    this.status = 'ready';
    this.problem = null;
    this.hasBeenBound = true;
    this.initialView ??= message.view as V;
    this.queue.restart();
    this.channel.bound(view);
    this.emit('opened', message);
    this.place();
    this.emit('moved', undefined);
    this.emit('change', undefined);
  }

  onProgress(message: Progress): void {
    this.progress = message;
    this.emit('change', undefined);
  }

  onAnswer(message: Answer): void {
    if (this.query?.id !== message.id) return;
    this.query.resolve(message);
    this.query = null;
  }

  onPercentiles(message: PercentileValues): void {
    this.levels.answer(message);
  }

  onFailed(problem: ViewportProblem): void {
    this.problem = problem;
    if (this.shownHeader === null || this.status === 'opening') this.status = 'failed';
    this.endQuestions();
    this.emit('change', undefined);
  }

  onFrame(header: FrameHeader, payload: Blob): void {
    const sent = this.channel.sentView(header.sequence);
    if (sent && !(header.flags & (FrameFlag.Neighbour | FrameFlag.Reduced))) {
      this.cache.put(this.key(sent.view, sent.size), { header, payload });
    }
    this.queue.push({ header, payload, received: performance.now(), fromCache: false, ...(sent && { sent }) });
  }

  /** The line is gone: the picture stays. */
  onLost(): void {
    this.unbind();
    this.emit('change', undefined);
  }

  /** The line is back. */
  onOnline(): void {
    if (this.wanted) this.bind();
  }

  private bind(): void {
    if (!this.line.online || this.size.width === 0 || this.status === 'opening') return;
    this.status = 'opening';
    this.problem = null;
    const { study, series } = this.source;
    const view = this.hasBeenBound ? this.view : null;
    const sequence = this.channel.opening();
    this.queue.restart();
    this.line.send({
      type: 'open',
      viewport: this.id,
      study,
      series,
      size: this.channel.size,
      view,
      sequence,
      ...this.openFields(),
    });
    this.emit('change', undefined);
  }

  private unbind(): void {
    this.channel.unbound();
    this.endQuestions();
    if (this.status !== 'failed') this.status = 'closed';
    this.endSilence();
  }

  private endQuery(): void {
    this.query?.resolve(null);
    this.query = null;
  }

  private endQuestions(): void {
    this.endQuery();
    this.levels.end();
  }

  private sendView({ sequence, patch, size, active }: ViewMessage<V>): boolean {
    if (active && this.line.congested) return false;
    const sent = this.line.send({
      type: 'view',
      viewport: this.id,
      sequence,
      // Which fields a state has is decided by the viewport; the line carries all kinds.
      patch: patch as ViewPatch,
      ...(size && { size }),
      active,
    });
    if (!sent) return false;
    this.showCached(sequence);
    this.watchStaleness();
    return true;
  }

  private showCached(sequence: number): void {
    const cached = this.cache.get(this.key(this.view, this.channel.size));
    if (cached === undefined) return;
    const sent: SentView<V> = {
      sequence,
      view: this.view,
      size: this.channel.size,
      time: performance.now(),
    };
    const header = { ...cached.header, sequence };
    this.queue.push({ header, payload: cached.payload, received: performance.now(), fromCache: true, sent });
  }

  private draw(picture: ImageBitmap, frame: QueuedFrame): void {
    const [width, height] = frame.sent?.size ?? [picture.width, picture.height];
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.context?.drawImage(picture, 0, 0, width, height);
    this.shownHeader = frame.header;
    this.shownView = (frame.sent as SentView<V> | undefined) ?? null;
    this.problem = null;
    this.endSilence();
    this.place();
    this.watchStaleness();
    this.emit('shown', frame.header);
    this.emit('change', undefined);
    // For whoever measures the page from outside; nothing in it listens.
    dispatchEvent(new CustomEvent('picture', { detail: frame.header }));
  }

  private acknowledge({ header, received, fromCache }: QueuedFrame, shown: boolean): void {
    if (fromCache) return;
    const displayed = shown ? performance.now() - received : 0;
    this.line.send({
      type: 'ack',
      viewport: this.id,
      serial: header.serial,
      displayed_ms: Math.round(displayed * 10) / 10,
    });
  }

  /** Moves the last frame to where the wanted state has it, until the server's picture comes. */
  private place(): void {
    const shown = this.shownView;
    if (!shown || this.size.width === 0) return;
    const style = this.canvas.style;
    const area = { width: shown.size[0] / this.devicePixelRatio, height: shown.size[1] / this.devicePixelRatio };
    const width = `${area.width}px`;
    const height = `${area.height}px`;
    if (style.width !== width) style.width = width;
    if (style.height !== height) style.height = height;
    const move = this.carry(shown.view, area);
    const transform = move === null || isIdentity(move) ? '' : toCss(move);
    if (style.transform !== transform) style.transform = transform;
  }

  /** Counts the silence since the last picture: a hand that goes on moving does not begin it anew. */
  private watchStaleness(): void {
    if (!this.channel.active || this.shownHeader?.sequence === this.channel.sequence) return;
    this.staleTimer ??= setTimeout(() => {
      this.staleTimer = undefined;
      this.setStale(this.status === 'ready' && this.shownHeader?.sequence !== this.channel.sequence);
    }, STALE_MS);
  }

  private endSilence(): void {
    clearTimeout(this.staleTimer);
    this.staleTimer = undefined;
    this.setStale(false);
  }

  private setStale(stale: boolean): void {
    if (stale === this.stale) return;
    this.stale = stale;
    this.emit('change', undefined);
  }
}
