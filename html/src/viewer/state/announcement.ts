/** What screen readers hear of slices, planes and windows, at most twice a second. */
import { onScopeDispose, type Ref, ref, watch } from 'vue';
import { useI18n } from 'vue-i18n';

import { planeName } from '@/core/patient';

import { useSnapshot } from './snapshot';
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
      const { volume } = workspace;
      const said = volume ? volume.spoken((key, named) => (named ? t(key, named) : t(key))) : ofSlice();
      if (said) announcement.value = said;
    }, ANNOUNCE_MS);
  });
  watch(
    () => workspace.measuring.state.spoken,
    (said) => {
      announcement.value = said;
    },
  );
  onScopeDispose(() => clearTimeout(timer));
  return announcement;
}
