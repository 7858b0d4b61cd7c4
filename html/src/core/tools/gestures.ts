/** From presses, moves and releases to tools, clicks and double-clicks; one pointer or several fingers. */
import type { Point } from '../geometry';
import { type Bindings, buttonName } from './bindings';
import type { Drag, PointerSample } from './target';
import type { MouseButton } from './table';

/** A shorter press that moved less is a click. */
export const CLICK_MS = 400;
export const CLICK_PX = 4;
/** A finger that means to stay where it is trembles more than a mouse. */
export const TOUCH_PX = 10;
export const DOUBLE_CLICK_MS = 350;
const DOUBLE_CLICK_PX = 8;
const DOUBLE_TAP_PX = 24;
export const LONG_PRESS_MS = 500;
/** Travel of three fingers for one slice. */
const FINGERS_PX_PER_SLICE = 12;

/** What several fingers do. */
export interface FingerDrag {
  /** Two fingers: their middle, and by how much they have spread since the last move. */
  move(middle: Point, factor: number): void;
  /** Three fingers: slices since they were put down. */
  scroll(steps: number): void;
}

/** What a kind of window does with presses. */
export interface GestureHost<T> {
  /** Begins a tool; null for one that does nothing here. */
  begin(target: T, tool: string, at: PointerSample): Drag | null;
  /** What lies under a bare left press and is taken instead of the tool. */
  grab?(target: T, button: MouseButton, at: PointerSample, touch: boolean): Drag | null;
  /** Keeps the state; the function returned puts it back. */
  keep(target: T): () => void;
  fingers(target: T, middle: Point): FingerDrag;
}

export interface GestureEvents<T> {
  /** The hand begins or ends to change the viewport. */
  active(target: T, active: boolean): void;
  menu(target: T, at: Point): void;
  maximise(target: T): void;
  /** Which tool is at work, null after it; the pointer's look depends on it. */
  tool(target: T, tool: string | null): void;
}

interface Press<T> {
  readonly target: T;
  readonly pointer: number;
  readonly button: MouseButton;
  readonly start: PointerSample;
  readonly putBack: () => void;
  /** How far it may go and still be a click, px. */
  readonly slop: number;
  drag: Drag | null;
  travelled: boolean;
}

interface Fingers<T> {
  readonly target: T;
  readonly points: Map<number, PointerSample>;
  drag: FingerDrag | null;
  distance: number;
  /** For three fingers: where they began. */
  firstY: number;
}

export class Gestures<T> {
  private press: Press<T> | null = null;
  private fingers: Fingers<T> | null = null;
  private lastClick: { at: PointerSample; target: T } | null = null;
  private longPress: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly bindings: Bindings,
    private readonly host: GestureHost<T>,
    private readonly events: GestureEvents<T>,
  ) {}

  get busy(): boolean {
    return this.press !== null || (this.fingers?.points.size ?? 0) > 0;
  }

  down(target: T, pointer: number, button: number, sample: PointerSample, touch = false): void {
    if (touch && this.addFinger(target, pointer, sample)) return;
    const name = buttonName(button);
    if (name === null || this.press !== null) return;
    const tool = this.bindings.toolFor(name, sample);
    const putBack = this.host.keep(target);
    const grabbed = this.host.grab?.(target, name, sample, touch) ?? null;
    const drag = grabbed ?? (tool === null ? null : this.host.begin(target, tool, sample));
    const slop = touch ? TOUCH_PX : CLICK_PX;
    this.press = { target, pointer, button: name, start: sample, putBack, slop, drag, travelled: false };
    this.events.tool(target, grabbed ? 'grab' : tool);
    this.events.active(target, drag !== null);
    if (touch) {
      this.longPress = setTimeout(() => {
        this.cancel();
        this.events.menu(target, sample);
      }, LONG_PRESS_MS);
    }
  }

  move(pointer: number, sample: PointerSample): void {
    if (this.fingers?.points.has(pointer)) this.fingers.points.set(pointer, sample);
    if (this.fingers !== null && this.fingers.points.size >= 2) {
      this.moveFingers(this.fingers);
      return;
    }
    const press = this.press;
    if (press?.pointer !== pointer) return;
    press.travelled ||= distance(press.start, sample) >= press.slop;
    if (!press.travelled) return;
    clearTimeout(this.longPress);
    press.drag?.move(sample);
  }

  up(pointer: number, sample: PointerSample): void {
    clearTimeout(this.longPress);
    if (this.fingers !== null) this.removeFinger(this.fingers, pointer);
    const press = this.press;
    if (press?.pointer !== pointer) return;
    this.finish(press);
    const click = !press.travelled && sample.time - press.start.time < CLICK_MS;
    // A drag that knows what a click means leaves none for a double-click.
    if (!click || press.drag?.click) this.lastClick = null;
    if (click && press.drag?.click) press.drag.click();
    if (!click || press.drag?.click) return;
    if (press.button === 'R' && !press.start.ctrl) this.events.menu(press.target, sample);
    if (press.button === 'L') this.click(press.target, sample, press.slop > CLICK_PX ? DOUBLE_TAP_PX : DOUBLE_CLICK_PX);
  }

  /** Escape, a lost capture: puts back what the drag has changed. Returns whether there was one. */
  cancel(): boolean {
    clearTimeout(this.longPress);
    const press = this.press;
    if (press === null) return false;
    if (press.travelled && press.drag !== null) press.putBack();
    this.finish(press, true);
    return true;
  }

  private finish(press: Press<T>, cancelled = false): void {
    this.press = null;
    if (cancelled && press.drag?.cancel) press.drag.cancel();
    else press.drag?.end?.();
    this.events.tool(press.target, null);
    this.events.active(press.target, false);
  }

  private click(target: T, at: PointerSample, nearby: number): void {
    const former = this.lastClick;
    const isDouble =
      former !== null &&
      former.target === target &&
      at.time - former.at.time <= DOUBLE_CLICK_MS &&
      distance(former.at, at) <= nearby;
    this.lastClick = isDouble ? null : { at, target };
    if (isDouble) this.events.maximise(target);
  }

  /** True if this is not the only finger: several fingers never use the tool. */
  private addFinger(target: T, pointer: number, sample: PointerSample): boolean {
    if (this.fingers === null || this.fingers.target !== target) {
      this.fingers = { target, points: new Map(), drag: null, distance: 0, firstY: 0 };
    }
    this.fingers.points.set(pointer, sample);
    if (this.fingers.points.size < 2) return false;
    this.cancel();
    this.events.active(target, true);
    this.startFingers(this.fingers);
    return true;
  }

  private removeFinger(fingers: Fingers<T>, pointer: number): void {
    const several = fingers.points.size >= 2;
    fingers.points.delete(pointer);
    if (fingers.points.size >= 2) this.startFingers(fingers);
    else if (several) this.events.active(fingers.target, false);
    if (fingers.points.size === 0) this.fingers = null;
  }

  private startFingers(fingers: Fingers<T>): void {
    const { middle, spread } = shape(fingers.points);
    fingers.drag = this.host.fingers(fingers.target, middle);
    fingers.distance = spread;
    fingers.firstY = middle.y;
  }

  private moveFingers(fingers: Fingers<T>): void {
    const { middle, spread } = shape(fingers.points);
    if (fingers.points.size >= 3) {
      fingers.drag?.scroll(Math.round((middle.y - fingers.firstY) / FINGERS_PX_PER_SLICE));
      return;
    }
    fingers.drag?.move(middle, fingers.distance > 0 && spread > 0 ? spread / fingers.distance : 1);
    fingers.distance = spread;
  }
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

function shape(points: ReadonlyMap<number, Point>): { middle: Point; spread: number } {
  const all = [...points.values()];
  const middle = {
    x: all.reduce((sum, point) => sum + point.x, 0) / all.length,
    y: all.reduce((sum, point) => sum + point.y, 0) / all.length,
  };
  const [first, second] = all;
  return { middle, spread: first && second ? distance(first, second) : 0 };
}
