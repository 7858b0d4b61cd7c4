/** Viewports of the MPR and Volume windows: a plane through a volume, or a projection of it. */
import { FrameViewport, type ViewportLine, type ViewportSource } from './frameViewport';
import type { Affine, Point, Size } from './geometry';
import { carried, millimetresAt } from './placed';
import { PLANE_AXES, type PlaneId } from './planes';
import type { Answer, ModelPatch, MprView, Open, Pair, PlanePatch, ViewState, VolumeView } from './wire';

export const INITIAL_PLANE: MprView = {
  kind: 'mpr',
  center: [0, 0, 0],
  row: [1, 0, 0],
  column: [0, 1, 0],
  extent: 300,
  voi: 0,
  window: null,
  invert: false,
  colour_map: 'grey',
  slab: 0,
  blend: 'mip',
  interpolation: 'linear',
};

export const INITIAL_MODEL: VolumeView = {
  kind: 'volume',
  center: [0, 0, 0],
  row: [1, 0, 0],
  column: [0, 0, -1],
  extent: 300,
  voi: 0,
  window: null,
  invert: false,
  colour_map: 'grey',
  mode: 'composite',
  transfer: [],
  gradient: [],
  light: { ambient: 0.15, diffuse: 0.85, specular: 0.3, power: 20 },
  perspective: false,
  crop: null,
  cuts: [],
  hide_table: false,
};

abstract class SpaceViewport<V extends MprView | VolumeView> extends FrameViewport<V> {
  /** Whether all slices have come. */
  get complete(): boolean {
    return this.progress === null || this.progress.received >= this.progress.total;
  }

  /** What is seen at a viewport point, in the newest state that the server has; null if it cannot be had now. */
  pick(at: Point): Promise<Answer | null> {
    return this.ask({ type: 'pick', at: millimetresAt(this.view, this.size, at) });
  }

  protected carry(from: V, area: Size): Affine | null {
    return carried(from as MprView, area, this.view as MprView, this.size);
  }

  protected key(view: ViewState, size: Pair): string {
    return JSON.stringify([view, size]);
  }
}

export class PlaneViewport extends SpaceViewport<MprView> {
  readonly kind = 'mpr';

  constructor(
    id: number,
    source: ViewportSource<MprView>,
    line: ViewportLine,
    readonly plane: PlaneId,
  ) {
    super(id, source, line, { ...INITIAL_PLANE, ...PLANE_AXES[plane] });
  }

  /** Sends only what differs from the present state. Returns whether anything did. */
  show(wanted: PlanePatch): boolean {
    const patch = differing(this.view, wanted);
    if (patch) this.patch(patch);
    return patch !== null;
  }

  protected openFields(): Partial<Open> {
    return { window: 'mpr', orientation: this.plane };
  }
}

export class ModelViewport extends SpaceViewport<VolumeView> {
  readonly kind = 'volume';

  constructor(id: number, source: ViewportSource<VolumeView>, line: ViewportLine) {
    super(id, source, line, INITIAL_MODEL);
  }

  show(wanted: ModelPatch): boolean {
    const patch = differing(this.view, wanted);
    if (patch) this.patch(patch);
    return patch !== null;
  }

  protected openFields(): Partial<Open> {
    return { window: 'volume' };
  }
}

/** The fields of `wanted` that are not as in `view`; null if all are. */
export function differing<V extends object, P extends Partial<V>>(view: V, wanted: P): P | null {
  const entries = Object.entries(wanted).filter(([name, value]) => {
    const now: unknown = view[name as keyof V];
    return now !== value && JSON.stringify(now) !== JSON.stringify(value);
  });
  return entries.length > 0 ? (Object.fromEntries(entries) as P) : null;
}
