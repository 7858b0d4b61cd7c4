/** Whether what was drawn on the model is hidden by something before it: asked of the server when the model rests. */
import { projected } from '@/core/camera';
import { depthIn } from '@/core/measurement/modelSurface';
import type { Measurement } from '@/core/measurement/shape';
import { pointsInSpace } from '@/core/measurement/space';
import { smallestSpacing } from '@/core/volumeSpace';
import type { ModelViewport } from '@/core/volumeViewport';
import type { Vector } from '@/core/wire';

import { surfacePoint } from './surfacePick';

const REST_MS = 250;
/** Other rays meet a surface a little elsewhere. */
const LEAST_MM = 2;
const VOXELS = 3;

export class SurfaceCover {
  private covered: ReadonlySet<number> = new Set();
  private asked = '';
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `changed` hears of shapes that have come to light or gone out of it. */
  constructor(private readonly changed: () => void) {}

  dispose(): void {
    clearTimeout(this.timer);
    this.asked = '';
  }

  isCovered(id: number): boolean {
    return this.covered.has(id);
  }

  /** Looks again, soon, if the model or a shape is elsewhere than before. */
  look(viewport: ModelViewport, shapes: readonly Measurement[]): void {
    const key = shapes.length === 0 ? '' : JSON.stringify([viewport.view, viewport.size, shapes.map(({ id, sheet }) => [id, sheet])]);
    if (key === this.asked) return;
    this.asked = key;
    clearTimeout(this.timer);
    if (key !== '') this.timer = setTimeout(() => void this.ask(viewport, shapes, key), REST_MS);
  }

  private async ask(viewport: ModelViewport, shapes: readonly Measurement[], key: string): Promise<void> {
    const found = new Set<number>();
    for (const shape of shapes) {
      for (const point of pointsInSpace(shape) ?? []) {
        if (this.asked !== key) return;
        if (await this.isHidden(viewport, point, key)) found.add(shape.id);
      }
    }
    if (this.asked !== key) return;
    this.covered = found;
    this.changed();
  }

  private async isHidden(viewport: ModelViewport, point: Vector, key: string): Promise<boolean> {
    const { view, size, stack } = viewport;
    const at = projected(view, view.perspective, size, point);
    if (!at || !stack?.volume || at.x < 0 || at.y < 0 || at.x > size.width || at.y > size.height) return false;
    const seen = await surfacePoint(viewport, at, () => this.asked === key);
    const tolerance = Math.max(LEAST_MM, VOXELS * smallestSpacing(stack.volume));
    return seen !== null && depthIn(view, seen) < depthIn(view, point) - tolerance;
  }
}
