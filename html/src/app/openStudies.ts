import { useRouter } from 'vue-router';

import type { StudySummary } from '@/api/types';
import { formatDate, formatName } from '@/app/format';
import { text } from '@/i18n';
import { useConfirmation } from '@/stores/confirmation';
import { useTabs, viewerAddress, type StudyTab } from '@/stores/tabs';

/** What the bar shows of a study. */
export function tabOf(study: StudySummary): Omit<StudyTab, 'address'> {
  return {
    id: study.id,
    title: formatName(study.name) || text('studies.unnamed'),
    birthYear: study.dob?.slice(0, 4) ?? '',
    modality: study.mod.join(', '),
    date: study.date ?? '',
    patient: `${study.pid}|${study.name}|${study.dob ?? ''}`,
  };
}

/** Open studies, each in a tab; where there are too many, the oldest is offered for closing. */
export function useOpenStudies() {
  const router = useRouter();
  const tabs = useTabs();
  const confirmation = useConfirmation();

  async function makeRoom(): Promise<boolean> {
    const oldest = tabs.oldest;
    if (!oldest) return false;
    const name = [oldest.title, oldest.modality, formatDate(oldest.date)].filter(Boolean).join(', ');
    const yes = await confirmation.ask({
      title: text('tabs.full.title'),
      text: text('tabs.full.text', { name }),
      action: text('tabs.full.close'),
    });
    if (yes) tabs.close(oldest.id);
    return yes;
  }

  /** Open studies and show the first one, at `series` if that is given. */
  return async function open(studies: StudySummary[], series?: string): Promise<void> {
    let first: string | null = null;
    for (const study of studies) {
      if (!tabs.open(tabOf(study)) && !((await makeRoom()) && tabs.open(tabOf(study)))) break;
      first ??= study.id;
    }
    if (!first) return;
    const tab = tabs.find(first);
    await router.push(series || !tab ? viewerAddress([first], series) : tab.address);
  };
}
