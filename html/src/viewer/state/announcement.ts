/** What screen readers hear of slices, planes and windows, at most twice a second. */
import { onScopeDispose, type Ref, ref, watch } from 'vue';
import { useI18n } from 'vue-i18n';

import { planeName } from '@/core/patient';

import { planePosition } from '../overlay/volumeTexts';
import { useSnapshot } from './snapshot';
import { volumeSnapshotOf } from './volumeSnapshot';
import type { VolumeWindow } from './volumeWindow';
import type { Workspace } from './workspace';

const ANNOUNCE_MS = 500;

export function useAnnouncement(workspace: Workspace): Readonly<Ref<string>> {
  const { t } = useI18n();
  const snapshot = useSnapshot(() => workspace.active);
  const announcement = ref('');
  let timer: ReturnType<typeof setTimeout> | undefined;

  function windowText(window: { readonly width: number; readonly center: number } | null): string {
    if (!window) return '';
    const { width, center } = window;
    return t('viewer.overlay.window', { width: Math.round(width), center: Math.round(center) });
  }

  function ofVolume(volume: VolumeWindow): string {
    const now = volumeSnapshotOf(volume, volume.active);
    const { active } = volume.state;
    const plane = active === 'model' ? null : active;
    const place = planePosition({ snapshot: now, plane, t: (key, named) => (named ? t(key, named) : t(key)) });
    return [t(`viewer.pane.${active}`), place, plane && windowText(now.window)].filter(Boolean).join(', ');
  }

  function ofSlice(): string {
    const now = snapshot.value;
    if (!now?.stack) return '';
    const plane = planeName(now.stack.geometry);
    const slice = t('viewer.label.slice', { n: now.index + 1, count: now.count });
    return [slice, plane && t(`viewer.plane.${plane}`), windowText(now.window)].filter(Boolean).join(', ');
  }

  watch([snapshot, () => workspace.volume?.state.changes], () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      const said = workspace.volume ? ofVolume(workspace.volume) : ofSlice();
      if (said) announcement.value = said;
    }, ANNOUNCE_MS);
  });
  onScopeDispose(() => clearTimeout(timer));
  return announcement;
}
