/** The path of the viewer names the window that has the hand. */
import { type Ref, watch } from 'vue';
import { useRoute, useRouter } from 'vue-router';

import { linkTab } from '@/app/linkTab';
import type { WindowKind } from '@/core/tools/table';
import { useTabs, viewerAddress } from '@/stores/tabs';

import type { Workspace } from './workspace';

export const WINDOW_PATHS = { image: 'image', mpr: 'mpr', volume: '3d' } as const;
const KINDS: Readonly<Record<string, WindowKind>> = { image: 'image', mpr: 'mpr', '3d': 'volume' };

/** The window that a path asks for. */
export function windowOfPath(part: unknown): WindowKind {
  return KINDS[String(part)] ?? 'image';
}

/** Lets the address follow, as soon as what it asked for is open. */
export function useWindowAddress(workspace: Workspace, ready: Readonly<Ref<boolean>>): void {
  const route = useRoute();
  const router = useRouter();
  const tabs = useTabs();
  watch(
    () => [workspace.state.current?.study, workspace.windowKind] as const,
    ([study, kind]) => {
      const path = WINDOW_PATHS[kind];
      if (!study || route.name !== 'viewer' || !(route.query.s || linkTab.active)) return;
      const tab = tabs.find(study);
      if (tab) tab.address = viewerAddress([study], undefined, path);
      if (ready.value && route.params.window !== path) {
        void router.replace({ params: { window: path }, query: route.query });
      }
    },
  );
}
