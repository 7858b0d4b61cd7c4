/** What components show of a pane of a volume: a plain copy, at most ten times a second. */
import { computed, type ComputedRef } from 'vue';

import { FrameFlag, type Quality } from '@/core/frameHeader';
import type { Size } from '@/core/geometry';
import type { ViewportProblem, ViewportStatus } from '@/core/viewport';
import type { AppliedWindow } from '@/core/tools/target';
import type { Plane } from '@/core/planes';
import type { SpaceViewport } from '@/core/volumeSession';
import type { MprView, Opened, Progress, Vector, VolumeView } from '@/core/wire';

import type { VolumeWindow } from './volumeWindow';

export interface VolumeSnapshot {
  readonly status: ViewportStatus;
  readonly problem: ViewportProblem | null;
  readonly opened: Opened | null;
  readonly view: MprView | VolumeView;
  /** Null for the model, and before the volume is known. */
  readonly plane: Plane | null;
  readonly point: Vector | null;
  readonly size: Size;
  readonly window: AppliedWindow | null;
  readonly progress: Progress | null;
  readonly hasPicture: boolean;
  readonly quality: Quality | null;
  /** Bytes at stored depth per byte received. */
  readonly ratio: number;
  readonly lossySource: boolean;
  readonly sourceRatio: number;
  readonly reduced: boolean;
  readonly stale: boolean;
  /** The final picture of the newest state is on the screen. */
  readonly settled: boolean;
}

export function volumeSnapshotOf(window: VolumeWindow, viewport: SpaceViewport): VolumeSnapshot {
  const header = viewport.shownHeader;
  const flags = header?.flags ?? 0;
  const { linked, opened } = window.session;
  return {
    status: viewport.status,
    problem: viewport.problem,
    opened,
    view: viewport.view,
    plane: viewport.kind === 'mpr' ? (linked?.planes[viewport.plane] ?? null) : null,
    point: linked?.point ?? null,
    size: viewport.size,
    window: viewport.appliedWindow,
    progress: viewport.progress,
    hasPicture: header !== null,
    quality: header?.quality ?? null,
    ratio: header && header.payloadLength > 0 ? header.rawLength / header.payloadLength : 0,
    lossySource: (flags & FrameFlag.LossySource) !== 0,
    sourceRatio: opened?.lossy_ratio ?? 0,
    reduced: (flags & FrameFlag.Reduced) !== 0,
    stale: viewport.stale,
    settled: viewport.settled,
  };
}

export function useVolumeSnapshot(source: () => readonly [VolumeWindow, SpaceViewport]): ComputedRef<VolumeSnapshot> {
  return computed(() => {
    const [window, viewport] = source();
    void window.state.changes;
    return volumeSnapshotOf(window, viewport);
  });
}
