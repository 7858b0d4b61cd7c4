/** A viewport of the Image window: one slice of a stack. */
import { FrameViewport, type Schedule, type ViewportLine, type ViewportSource } from './frameViewport';
import {
  type Affine,
  apply,
  compose,
  IDENTITY,
  invert,
  type Point,
  type Raster,
  rasterOf,
  screenPerPixel,
  type Size,
  sourceToViewport,
  viewportToSource,
} from './geometry';
import type { ToolTarget } from './tools/target';
import { INITIAL_VIEW, viewKey } from './viewState';
import type { Answer, ImageView, Open, Pair } from './wire';

export type { ViewportLine, ViewportProblem, ViewportSource, ViewportStatus } from './frameViewport';
export { STALE_MS } from './frameViewport';

export class ViewportController extends FrameViewport<ImageView> implements ToolTarget {
  readonly kind = 'image';
  private lastSlice = 0;

  constructor(id: number, source: ViewportSource<ImageView>, line: ViewportLine, schedule?: Schedule) {
    super(id, source, line, INITIAL_VIEW, schedule);
    this.on('opened', () => {
      this.lastSlice = 0;
    });
  }

  get raster(): Raster | null {
    const slice = this.stack?.slices[this.index];
    return slice && this.stack ? rasterOf(slice, this.stack.geometry) : null;
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

  goTo(index: number): void {
    const position = this.positionOf(index);
    if (position !== null && position !== this.view.position) this.patch({ position });
  }

  /** As `goTo`, for a viewport that follows another. */
  followTo(index: number): void {
    const position = this.positionOf(index);
    if (position !== null && position !== this.view.position) this.follow({ position });
  }

  /** Stored value under a source point; null if it cannot be had now. */
  value(point: Pair): Promise<Answer | null> {
    return this.ask({ type: 'query', kind: 'value', point, position: this.view.position });
  }

  protected openFields(): Partial<Open> {
    return {};
  }

  protected carry(from: ImageView, area: Size): Affine | null {
    const raster = this.raster;
    if (!raster) return null;
    return compose(sourceToViewport(raster, this.size, this.view), invert(sourceToViewport(raster, area, from)));
  }

  protected key(view: ImageView, size: Pair): string {
    return viewKey(view, size);
  }

  private positionOf(index: number): number | null {
    const slices = this.stack?.slices ?? [];
    return slices[Math.min(slices.length - 1, Math.max(0, index))]?.position ?? null;
  }
}
