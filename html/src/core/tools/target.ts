/** What pointer tools see of a viewport. */
import type { Point, Raster, Size } from '../geometry';
import type { Modifiers } from './bindings';
import type { Box } from './regionDrag';
import type { ImageView, Opened, Pair, ViewPatch } from '../wire';

export interface PointerSample extends Point, Modifiers {
  /** Page clock, ms. */
  readonly time: number;
}

export interface AppliedWindow {
  readonly center: number;
  readonly width: number;
}

/** What has grey values under a window. */
export interface Windowed {
  readonly stack: Opened | null;
  readonly view: Pick<ImageView, 'window' | 'voi'>;
  /** The window in force, from the view or the last frame. */
  readonly appliedWindow: AppliedWindow | null;
}

export interface ToolTarget extends Windowed {
  readonly view: ImageView;
  readonly size: Size;
  readonly devicePixelRatio: number;
  /** Of the slice wanted now; null before the viewport is bound. */
  readonly raster: Raster | null;
  /** Index of the slice wanted now. */
  readonly index: number;
  patch(patch: ViewPatch): void;
  /** Goes to a slice; out of range is the nearest end. */
  goTo(index: number): void;
  /** Source (column, row) under a viewport point. */
  sourceAt(point: Point): Pair | null;
}

/** What reaches beyond the viewport: drawn or answered by others. Null ends it. */
export interface ToolServices {
  probe(target: ToolTarget, at: Point | null): void;
  lens(target: ToolTarget, at: Point | null): void;
  locate(target: ToolTarget, at: Point): void;
  /** Draws a rectangle. */
  region(target: ToolTarget, box: Box | null): void;
  /** Sets the window by what is inside. */
  takeRegion(target: ToolTarget, box: Box): void;
  /** A click of the probe: the value stays. */
  place(target: ToolTarget, at: Point): void;
  /** Begins a measurement; null for other tools. */
  draw(target: ToolTarget, tool: string, at: PointerSample): Drag | null;
  /** What a press of the left button takes instead of the tool. */
  grab(target: ToolTarget, at: PointerSample, touch: boolean): Drag | null;
}

/** A press that goes on. */
export interface Drag {
  move(sample: PointerSample): void;
  /** The button was let go, or the drag was cancelled. */
  end?(): void;
  /** In place of `end` where the two differ: the drag was cancelled. */
  cancel?(): void;
  /** It was a click; comes after `end`. Two of them are no double-click. */
  click?(): void;
}

export type ToolStart = (target: ToolTarget, at: PointerSample, services: ToolServices) => Drag;
