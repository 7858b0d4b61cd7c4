import { defineStore } from 'pinia';
import { computed, ref, watch } from 'vue';

import { linkTab } from '@/app/linkTab';

/** An opened study, as the bar shows it. */
export interface StudyTab {
  /** Opaque study id. */
  id: string;
  /** Patient name, ready to show. */
  title: string;
  birthYear: string;
  modality: string;
  /** Study date as the server wrote it. */
  date: string;
  /** Who the patient is, for the colour band; studies of one patient share it. */
  patient: string;
  /** The viewer's address of the tab without the base path, so that it comes back as it was. */
  address: string;
}

export const MOST_TABS = 12;
const KEY = 'webviewer.tabs';

function stored(): StudyTab[] {
  // A link has nothing to do with what was open in this browser tab before.
  if (linkTab.active) return [];
  try {
    const content: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    const whole = (tab: Partial<StudyTab>) => typeof tab?.id === 'string' && typeof tab.address === 'string';
    return Array.isArray(content) ? content.filter(whole).slice(0, MOST_TABS) : [];
  } catch {
    return [];
  }
}

/** Address of the viewer for one or more studies. */
export function viewerAddress(studies: string[], series?: string, window: 'image' | 'mpr' | '3d' = 'image'): string {
  const query = new URLSearchParams({ s: studies.join(',') });
  if (series) query.set('series', series);
  return `/viewer/${window}?${query}`;
}

/** Studies opened in this browser tab, in the order of opening. */
export const useTabs = defineStore('tabs', () => {
  const tabs = ref<StudyTab[]>(stored());
  const active = ref<string | null>(null);
  const isFull = computed(() => tabs.value.length >= MOST_TABS);
  /** The one offered for closing when there are too many. */
  const oldest = computed(() => tabs.value.find((tab) => tab.id !== active.value) ?? null);
  /** Each patient's number from 0, in order of appearance: the colour of his band. */
  const patients = computed(() => {
    const order = [...new Set(tabs.value.map((tab) => tab.patient))];
    return new Map(order.map((patient, index) => [patient, index]));
  });

  watch(
    tabs,
    (list) => {
      try {
        if (!linkTab.active) sessionStorage.setItem(KEY, JSON.stringify(list));
      } catch {
        // Without storage the tabs last as long as the page.
      }
    },
    { deep: true },
  );

  const find = (id: string) => tabs.value.find((tab) => tab.id === id);

  /** Add a study or refresh what its tab shows. False if there are too many: close one first. */
  function open(tab: Omit<StudyTab, 'address'> & { address?: string }): boolean {
    const known = find(tab.id);
    if (known) {
      Object.assign(known, tab);
      return true;
    }
    if (isFull.value) return false;
    tabs.value.push({ address: viewerAddress([tab.id]), ...tab });
    return true;
  }

  /** Remove a tab; returns the one that takes its place, if any. */
  function close(id: string): StudyTab | null {
    const index = tabs.value.findIndex((tab) => tab.id === id);
    if (index < 0) return null;
    tabs.value.splice(index, 1);
    if (active.value === id) active.value = null;
    return tabs.value[Math.min(index, tabs.value.length - 1)] ?? null;
  }

  function clear(): void {
    tabs.value = [];
    active.value = null;
  }

  return { tabs, active, isFull, oldest, patients, find, open, close, clear };
});
