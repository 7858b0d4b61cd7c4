/** Stacks and viewports that several tests share. */
import { INITIAL_VIEW } from '../viewState';
import type { ToolTarget } from '../tools/target';
import { rasterOf, type Size, viewportToSource, apply } from '../geometry';
import type { ImageView, Opened, StackGeometry, Vector, ViewPatch, Window } from '../wire';

export const AXIAL: StackGeometry = {
  row: [1, 0, 0],
  column: [0, 1, 0],
  spacing: [0.5, 0.5],
  spacing_source: 'pixel',
  pixel_aspect: [1, 1],
  thickness: 2,
  step: 2,
  space: 'a',
};

export const UNKNOWN: StackGeometry = {
  row: null,
  column: null,
  spacing: null,
  spacing_source: 'none',
  pixel_aspect: [1, 1],
  thickness: null,
  step: null,
  space: '',
};

export function window(center: number, width: number, explanation = ''): Window {
  return { center, width, function: 'LINEAR', explanation };
}

export const SAGITTAL: StackGeometry = { ...AXIAL, row: [0, 1, 0], column: [0, 0, -1] };

/** A stack of `count` slices of 200 x 100 pixels, `step` mm apart along the normal. */
export function stack(geometry: StackGeometry = AXIAL, count = 10, step = 2, first: Vector = [0, 0, 0]): Opened {
  const { row, column } = geometry;
  const normal: Vector =
    row && column
      ? [
          row[1] * column[2] - row[2] * column[1],
          row[2] * column[0] - row[0] * column[2],
          row[0] * column[1] - row[1] * column[0],
        ]
      : [0, 0, 1];
  return {
    type: 'opened',
    viewport: 1,
    series: 's',
    version: 'v',
    modality: 'CT',
    position_unit: 'mm',
    geometry,
    unit: 'HU',
    windows: [window(40, 400)],
    colour: false,
    frame_time: null,
    lossy_ratio: null,
    value_range: [-1024, 3071],
    volume: null,
    volume_problem: null,
    volume_notices: [],
    masked: false,
    view: { ...INITIAL_VIEW },
    slices: Array.from({ length: count }, (_, index) => ({
      position: index * step,
      number: index + 1,
      frame: 0,
      problem: '',
      why: null,
      rows: 100,
      columns: 200,
      origin: first.map((value, axis) => value + index * step * (normal[axis] ?? 0)) as Vector,
    })),
  };
}

/** A viewport without a server: keeps what the tools do to it. */
export class FakeTarget implements ToolTarget {
  view: ImageView;
  stack: Opened | null;
  size: Size = { width: 400, height: 400 };
  devicePixelRatio = 1;
  patches: ViewPatch[] = [];

  constructor(opened: Opened | null = stack(), view: ViewPatch = {}) {
    this.stack = opened;
    this.view = { ...INITIAL_VIEW, ...view };
  }

  get raster() {
    const slice = this.stack?.slices[this.index];
    return slice && this.stack ? rasterOf(slice, this.stack.geometry) : null;
  }

  get appliedWindow() {
    return this.view.window ?? this.stack?.windows?.[this.view.voi] ?? null;
  }

  get index() {
    return Math.max(0, this.stack?.slices.findIndex(({ position }) => position === this.view.position) ?? 0);
  }

  patch(patch: ViewPatch): void {
    this.patches.push(patch);
    this.view = { ...this.view, ...patch };
  }

  goTo(index: number): void {
    const slices = this.stack?.slices ?? [];
    const slice = slices[Math.min(slices.length - 1, Math.max(0, index))];
    if (slice) this.patch({ position: slice.position });
  }

  sourceAt(point: { x: number; y: number }): [number, number] | null {
    if (!this.raster) return null;
    const { x, y } = apply(viewportToSource(this.raster, this.size, this.view), point);
    return [x, y];
  }
}
