/** One picture area: binds a series, keeps its ViewState, shows its frames. */
import { Emitter } from './emitter';
import { FrameCache } from './frameCache';
import { FrameFlag, type FrameHeader, Quality } from './frameHeader';
import { FrameQueue, type QueuedFrame } from './frameQueue';
import {
  type Affine,
  apply,
  compose,
  IDENTITY,
  invert,
  isIdentity,
  type Point,
  type Raster,
  rasterOf,
  screenPerPixel,
  type Size,
  sourceToViewport,
  toCss,
  viewportToSource,
} from './geometry';
import type { AppliedWindow, ToolTarget } from './tools/target';
import { type SentView, ViewChannel, viewKey, type ViewMessage } from './viewState';
import type { Answer, ClientMessage, ImageView, Opened, Pair, Progress, ViewPatch } from './wire';

/** What a viewport needs of the connection. */
export interface ViewportLine {
  /** False while the line is closed. */
  send(message: ClientMessage): boolean;
  /** Previews would only queue up. */
  readonly congested: boolean;
  readonly online: boolean;
}

export interface ViewportSource {
  readonly study: string;
  readonly series: string;
  /** The state to begin with; null lets the server choose. */
  readonly view?: ImageView | null;
}

export type ViewportStatus = 'closed' | 'opening' | 'ready' | 'failed';

export interface ViewportProblem {
  readonly code: string;
  readonly message: string;
}

export interface ViewportEvents {
  /** Something that components show may have changed. */
  change: undefined;
  /** The hand changed the state (not a synchronised viewport's follow-up). */
  patched: ViewPatch;
  /** The state changed, whoever did it: lines and lens are drawn again. */
  moved: undefined;
  shown: FrameHeader;
  /** Milliseconds from a sent state to its first picture. */
  latency: number;
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

export class ViewportController extends Emitter<ViewportEvents> implements ToolTarget {
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
  initialView: ImageView | null = null;
  private readonly channel: ViewChannel;
  private readonly queue: FrameQueue<ImageBitmap>;
  private readonly cache = new FrameCache();
  private readonly context: CanvasRenderingContext2D | null;
  private shownView: SentView | null = null;
  private lastSlice = 0;
  private hands = 0;
  private rest: ReturnType<typeof setTimeout> | undefined;
  private staleTimer: ReturnType<typeof setTimeout> | undefined;
  private query: PendingQuery | null = null;
  private nextQuery = 1;
  private lastQuery = -Infinity;
  private wanted = false;
  private hasBeenBound: boolean;
  private latencyOf = -1;

  constructor(
    readonly id: number,
    readonly source: ViewportSource,
    private readonly line: ViewportLine,
    schedule: (callback: () => void) => void = (callback) => requestAnimationFrame(callback),
  ) {
    super();
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'viewport-canvas';
    this.context = this.canvas.getContext('2d', { alpha: false });
    this.hasBeenBound = source.view != null;
    this.channel = new ViewChannel(
      { schedule, send: (message) => this.sendView(message), now: () => performance.now() },
      [MIN_SIDE, MIN_SIDE],
      source.view ?? undefined,
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

  get view(): ImageView {
    return this.channel.view;
  }

  get raster(): Raster | null {
    const slice = this.stack?.slices[this.index];
    return slice && this.stack ? rasterOf(slice, this.stack.geometry) : null;
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

  get index(): number {
    const slices = this.stack?.slices ?? [];
    const position = this.view.position;
    if (slices[this.lastSlice]?.position === position) return this.lastSlice;
    let best = 0;
    slices.forEach((slice, index) => {
      const former = slices[best];
      if (former && Math.abs(slice.position - position) < Math.abs(former.position - position)) best = index;
    });
    this.lastSlice = best;
    return best;
  }

  get count(): number {
    return this.stack?.slices.length ?? 0;
  }

  /** Whether the picture shown stands for the state that is wanted. */
  get settled(): boolean {
    const header = this.shownHeader;
    return (
      header !== null &&
      header.quality !== Quality.Preview &&
      !(header.flags & FrameFlag.Neighbour) &&
      header.sequence === this.channel.sequence
    );
  }

  /** Device px per image px, in per cent. */
  get magnification(): number | null {
    const raster = this.raster;
    return raster && 100 * this.devicePixelRatio * screenPerPixel(raster, this.size, this.view);
  }

  /** Source to viewport of the slice wanted now. */
  get transform(): Affine {
    const raster = this.raster;
    return raster && this.size.width > 0 ? sourceToViewport(raster, this.size, this.view) : IDENTITY;
  }

  sourceAt(point: Point): Pair | null {
    const raster = this.raster;
    if (raster === null || this.size.width === 0) return null;
    const { x, y } = apply(viewportToSource(raster, this.size, this.view), point);
    return [x, y];
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
    this.place();
    this.emit('moved', undefined);
    this.emit('change', undefined);
    if (first && this.wanted) this.bind();
  }

  patch(patch: ViewPatch): void {
    this.follow(patch);
    this.emit('patched', patch);
  }

  /** As `patch`, for a viewport that follows another. */
  follow(patch: ViewPatch): void {
    this.channel.patch(patch);
    this.place();
    this.emit('moved', undefined);
    this.emit('change', undefined);
  }

  goTo(index: number): void {
    const position = this.positionOf(index);
    if (position !== null && position !== this.view.position) this.patch({ position });
  }

  /** As `goTo`, for a viewport that follows another. */
  followTo(index: number): void {
    const position = this.positionOf(index);
    if (position !== null && position !== this.view.position) this.follow({ position });
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

  /** Stored value under a source point; null if it cannot be had now. One question at a time. */
  value(point: Pair): Promise<Answer | null> {
    const now = performance.now();
    if (now - this.lastQuery > LOST_QUERY_MS) this.endQuery();
    if (this.query !== null || now - this.lastQuery < QUERY_MS || this.status !== 'ready') return Promise.resolve(null);
    this.lastQuery = now;
    const id = this.nextQuery;
    this.nextQuery += 1;
    const position = this.view.position;
    if (!this.line.send({ type: 'query', viewport: this.id, id, kind: 'value', point, position }))
      return Promise.resolve(null);
    return new Promise((resolve) => {
      this.query = { id, resolve };
    });
  }

  // What the connection brings.

  onOpened(message: Opened): void {
    if (!this.wanted) return;
    const changed = this.stack !== null && this.stack.version !== message.version;
    // A state that the page already has is newer than what the server repeats after a hand-over.
    const view = this.hasBeenBound ? this.view : message.view;
    this.stack = message;
    this.lastSlice = 0;
    if (changed) this.cache.clear();
    this.status = 'ready';
    this.problem = null;
    this.hasBeenBound = true;
    this.initialView ??= message.view;
    this.queue.restart();
    this.channel.bound(view);
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

  onFailed(problem: ViewportProblem): void {
    this.problem = problem;
    if (this.shownHeader === null || this.status === 'opening') this.status = 'failed';
    this.endQuery();
    this.emit('change', undefined);
  }

  onFrame(header: FrameHeader, payload: Blob): void {
    const sent = this.channel.sentView(header.sequence);
    if (sent && this.latencyOf < header.sequence) {
      this.latencyOf = header.sequence;
      // Reading and decoding a series for the first time says nothing about the line.
      if (!sent.opening) this.emit('latency', performance.now() - sent.time);
    }
    if (sent && !(header.flags & (FrameFlag.Neighbour | FrameFlag.Reduced))) {
      this.cache.put(viewKey(sent.view, sent.size), { header, payload });
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
    this.line.send({ type: 'open', viewport: this.id, study, series, size: this.channel.size, view, sequence });
    this.emit('change', undefined);
  }

  private unbind(): void {
    this.channel.unbound();
    this.endQuery();
    if (this.status !== 'failed') this.status = 'closed';
    this.endSilence();
  }

  private endQuery(): void {
    this.query?.resolve(null);
    this.query = null;
  }

  private sendView({ sequence, patch, size, active }: ViewMessage): boolean {
    if (active && this.line.congested) return false;
    const sent = this.line.send({ type: 'view', viewport: this.id, sequence, patch, ...(size && { size }), active });
    if (!sent) return false;
    this.showCached(sequence);
    this.watchStaleness();
    return true;
  }

  private showCached(sequence: number): void {
    const cached = this.cache.get(viewKey(this.view, this.channel.size));
    if (cached === undefined) return;
    const sent: SentView = {
      sequence,
      view: this.view,
      size: this.channel.size,
      time: performance.now(),
      opening: false,
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
    this.shownView = frame.sent ?? null;
    this.problem = null;
    this.endSilence();
    this.place();
    this.watchStaleness();
    this.emit('shown', frame.header);
    this.emit('change', undefined);
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
    const raster = this.raster;
    if (!shown || !raster || this.size.width === 0) return;
    const style = this.canvas.style;
    const area = { width: shown.size[0] / this.devicePixelRatio, height: shown.size[1] / this.devicePixelRatio };
    const width = `${area.width}px`;
    const height = `${area.height}px`;
    if (style.width !== width) style.width = width;
    if (style.height !== height) style.height = height;
    const move = compose(
      sourceToViewport(raster, this.size, this.view),
      invert(sourceToViewport(raster, area, shown.view)),
    );
    const transform = isIdentity(move) ? '' : toCss(move);
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

  private positionOf(index: number): number | null {
    const slices = this.stack?.slices ?? [];
    return slices[Math.min(slices.length - 1, Math.max(0, index))]?.position ?? null;
  }
}
