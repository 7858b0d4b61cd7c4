/** What the viewer makes of studies and series. */
import type { SeriesSummary, StudySummary } from '@/api/types';
import { formatName } from '@/app/format';

export type { SeriesSummary, StudyDetail, StudySummary } from '@/api/types';

/** Whether a series has pictures that a viewport can show. */
export function isShowable(series: SeriesSummary): boolean {
  return series.kind === 'image' && series.problem === '';
}

/** One of six colours per patient, those of the bar's tabs. */
export const PATIENT_COLOURS = ['#ffd43b', '#74c0fc', '#ffa8a8', '#8ce99a', '#d0bfff', '#ffc078'] as const;

export function initials(name: string): string {
  return formatName(name)
    .split(' ')
    .slice(0, 2)
    .map((part) => part.charAt(0).toUpperCase())
    .join('');
}

/** Two studies belong to one patient; without an ID only the same study does. */
export function samePatient(a: StudySummary, b: StudySummary): boolean {
  return a.id === b.id || (a.pid !== '' && a.pid === b.pid && a.name === b.name && a.dob === b.dob);
}

/** Key of the patient for the bar's colours. */
export function patientKey(study: StudySummary): string {
  return study.pid === '' ? study.id : [study.pid, study.name, study.dob ?? ''].join('\n');
}
