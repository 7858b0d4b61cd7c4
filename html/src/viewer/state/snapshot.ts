/** What components show of a viewport: a plain copy, at most ten times a second. */
import { onScopeDispose, type ShallowRef, shallowRef, toValue, watch } from 'vue';
import type { MaybeRefOrGetter } from 'vue';

import type { Quality } from '@/core/frameHeader';
import { FrameFlag } from '@/core/frameHeader';
import type { Raster, Size } from '@/core/geometry';
import type { AppliedWindow } from '@/core/tools/target';
import type { ViewportController, ViewportProblem, ViewportStatus } from '@/core/viewport';
import type { ImageView, Opened, Progress } from '@/core/wire';

export interface Snapshot {
  readonly status: ViewportStatus;
  readonly problem: ViewportProblem | null;
  readonly stack: Opened | null;
  readonly view: ImageView;
  readonly size: Size;
  readonly raster: Raster | null;
  readonly index: number;
  readonly count: number;
  readonly window: AppliedWindow | null;
  readonly magnification: number | null;
  readonly progress: Progress | null;
  readonly hasPicture: boolean;
  readonly quality: Quality | null;
  /** Bytes at stored depth per byte received. */
  readonly ratio: number;
  readonly lossySource: boolean;
  /** Compression ratio that a lossy source states, 0 if it states none. */
  readonly sourceRatio: number;
  readonly reduced: boolean;
  /** A neighbour of the wanted slice is on the screen. */
  readonly neighbour: boolean;
  readonly stale: boolean;
}

const INTERVAL_MS = 100;

export function snapshotOf(viewport: ViewportController): Snapshot {
  const header = viewport.shownHeader;
  const flags = header?.flags ?? 0;
  return {
    status: viewport.status,
    problem: viewport.problem,
    stack: viewport.stack,
    view: viewport.view,
    size: viewport.size,
    raster: viewport.raster,
    index: viewport.index,
    count: viewport.count,
    window: viewport.appliedWindow,
    magnification: viewport.magnification,
    progress: viewport.progress,
    hasPicture: header !== null,
    quality: header?.quality ?? null,
    ratio: header && header.payloadLength > 0 ? header.rawLength / header.payloadLength : 0,
    lossySource: (flags & FrameFlag.LossySource) !== 0,
    sourceRatio: viewport.stack?.lossy_ratio ?? 0,
    reduced: (flags & FrameFlag.Reduced) !== 0,
    neighbour: (flags & FrameFlag.Neighbour) !== 0,
    stale: viewport.stale,
  };
}

/** Follows the viewport of `source`; null while there is none. */
export function useSnapshot(
  source: MaybeRefOrGetter<ViewportController | null | undefined>,
): Readonly<ShallowRef<Snapshot | null>> {
  const snapshot = shallowRef<Snapshot | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = -Infinity;
  let stop: (() => void) | undefined;

  function take(viewport: ViewportController): void {
    timer = undefined;
    last = performance.now();
    snapshot.value = snapshotOf(viewport);
  }

  watch(
    () => toValue(source),
    (viewport) => {
      stop?.();
      clearTimeout(timer);
      timer = undefined;
      snapshot.value = viewport ? snapshotOf(viewport) : null;
      stop = viewport?.on('change', () => {
        timer ??= setTimeout(
          () => {
            take(viewport);
          },
          Math.max(0, INTERVAL_MS - (performance.now() - last)),
        );
      });
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    stop?.();
    clearTimeout(timer);
  });
  return snapshot;
}
