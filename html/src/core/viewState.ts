/** The state of one viewport as the page wants it, and its way to the server. */
import type { ImageView, Pair, PatchOf, ViewState } from './wire';

export const INITIAL_VIEW: ImageView = {
  kind: 'image',
  position: 0,
  voi: 0,
  window: null,
  invert: false,
  zoom: 1,
  center: null,
  rotation: 0,
  flip_horizontal: false,
  flip_vertical: false,
  interpolation: 'linear',
  colour_map: 'grey',
};

export interface ViewMessage<V extends ViewState = ImageView> {
  readonly sequence: number;
  readonly patch: PatchOf<V>;
  readonly size: Pair | null;
  readonly active: boolean;
}

/** A state that was sent, kept until a newer one is shown. */
export interface SentView<V extends ViewState = ImageView> {
  readonly sequence: number;
  view: V;
  readonly size: Pair;
  readonly time: number;
}

/** More states than a viewport can have on their way. */
const MAX_SENT = 600;

export interface ViewChannelOptions<V extends ViewState = ImageView> {
  /** Runs the callback before the next paint, as requestAnimationFrame does. */
  schedule(callback: () => void): void;
  /** False: the line is closed or congested, keep the patch for later. */
  send(message: ViewMessage<V>): boolean;
  now(): number;
}

/**
 * Merges patches and sends at most one message per animation frame.
 *
 * What could not be sent stays pending: patches are merged, so the next message carries all of it.
 */
export class ViewChannel<V extends ViewState = ImageView> {
  private state: V;
  private pending = {} as PatchOf<V>;
  private pendingSize: Pair | null = null;
  private handMoves = false;
  private sentActive = false;
  private dirty = false;
  private scheduled = false;
  private lastSequence = 0;
  private ready = false;
  private readonly sent: SentView<V>[] = [];

  constructor(
    private readonly options: ViewChannelOptions<V>,
    private area: Pair,
    initial: V,
  ) {
    this.state = initial;
  }

  get view(): V {
    return this.state;
  }

  get size(): Pair {
    return this.area;
  }

  get sequence(): number {
    return this.lastSequence;
  }

  /** Nothing was changed that the server has not been told. */
  get told(): boolean {
    return !this.dirty;
  }

  /** While a button is held the server sends previews. */
  get active(): boolean {
    return this.handMoves;
  }

  patch(patch: PatchOf<V>): void {
    this.state = { ...this.state, ...patch };
    this.pending = { ...this.pending, ...patch };
    this.touch();
  }

  /** The state to open with. */
  seed(view: V): void {
    this.state = { ...view, ...this.pending };
  }

  /** Size of the pictures in device pixels. */
  resize(size: Pair): void {
    if (size[0] === this.area[0] && size[1] === this.area[1]) return;
    this.area = size;
    this.pendingSize = size;
    this.touch();
  }

  setActive(active: boolean): void {
    if (active === this.handMoves) return;
    this.handMoves = active;
    // The end of a drag is told at once; its beginning goes with the first change.
    if (!active && this.sentActive) this.touch();
  }

  /** The server has bound the viewport and shows `view`; what was changed meanwhile is sent on top of it. */
  bound(view: V): void {
    this.state = { ...view, ...this.pending };
    this.ready = true;
    const opened = this.sent.find((sent) => sent.sequence === this.lastSequence);
    if (opened !== undefined) opened.view = view;
    if (this.dirty) this.touch();
  }

  /** The line is gone: changes wait for the next `open`. */
  unbound(): void {
    this.ready = false;
  }

  /** An `open` with the whole state goes out. Returns the sequence it carries. */
  opening(): number {
    this.ready = false;
    this.pending = {} as PatchOf<V>;
    this.pendingSize = null;
    this.dirty = false;
    this.sentActive = false;
    this.lastSequence += 1;
    this.remember();
    return this.lastSequence;
  }

  /** The state that sequence `sequence` stands for; older ones are forgotten. */
  sentView(sequence: number): SentView<V> | undefined {
    while (this.sent.length > 1 && (this.sent[0] as SentView<V>).sequence < sequence) this.sent.shift();
    const first = this.sent[0];
    return first?.sequence === sequence ? first : undefined;
  }

  /** Age in ms of the oldest change after `sequence`, 0 if there is none. */
  waitingSince(sequence: number): number {
    const next = this.sent.find((sent) => sent.sequence > sequence);
    return next === undefined ? 0 : this.options.now() - next.time;
  }

  private touch(): void {
    this.dirty = true;
    if (this.scheduled || !this.ready) return;
    this.scheduled = true;
    this.options.schedule(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (!this.ready || !this.dirty) return;
    const message: ViewMessage<V> = {
      sequence: this.lastSequence + 1,
      patch: this.pending,
      size: this.pendingSize,
      active: this.handMoves,
    };
    if (!this.options.send(message)) {
      this.touch();
      return;
    }
    this.lastSequence = message.sequence;
    this.pending = {} as PatchOf<V>;
    this.pendingSize = null;
    this.dirty = false;
    this.sentActive = this.handMoves;
    this.remember();
  }

  private remember(): void {
    const time = this.options.now();
    this.sent.push({ sequence: this.lastSequence, view: this.state, size: this.area, time });
    if (this.sent.length > MAX_SENT) this.sent.shift();
  }
}

/** Key of what a picture shows: equal keys, equal pixels. */
export function viewKey(view: ImageView, size: Pair): string {
  return JSON.stringify([
    view.position,
    view.voi,
    view.window && [view.window.center, view.window.width, view.window.function ?? 'LINEAR'],
    view.invert,
    view.zoom,
    view.center,
    view.rotation,
    view.flip_horizontal,
    view.flip_vertical,
    view.interpolation,
    view.colour_map,
    size,
  ]);
}
