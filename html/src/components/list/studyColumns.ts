import type { StudySummary } from '@/api/types';
import { formatAge, formatDate, formatDateTime, formatName, formatNumber, formatSize } from '@/app/format';
import { text } from '@/i18n';
import type { Column } from './table';

type Of = (study: StudySummary) => string;

/** Key, width, shown at first, value, numeric. Keys are those of the server's sort orders. */
const DEFINED: [key: string, width: number, visible: boolean, value: Of, numeric?: boolean][] = [
  ['name', 220, true, (study) => formatName(study.name)],
  ['pid', 120, true, (study) => study.pid],
  ['sex', 56, true, (study) => study.sex],
  ['dob', 104, true, (study) => formatDate(study.dob)],
  ['age', 64, false, (study) => formatAge(study.age)],
  ['mod', 92, true, (study) => study.mod.join(', ')],
  ['region', 112, true, (study) => study.region],
  ['date', 148, true, (study) => formatDateTime(study.date)],
  ['acc', 128, true, (study) => study.acc],
  ['desc', 260, true, (study) => study.desc],
  ['nser', 64, true, (study) => formatNumber(study.nser), true],
  ['ninst', 76, true, (study) => formatNumber(study.ninst), true],
  ['size', 84, false, (study) => formatSize(study.size), true],
  ['ref', 160, false, (study) => formatName(study.ref)],
  ['inst', 160, false, (study) => study.inst],
  ['recv', 148, false, (study) => formatDateTime(study.recv)],
  ['uid', 280, false, (study) => study.uid],
];
const UNSORTED = new Set(['age', 'uid']);
const none = () => '';

/** Columns of the study list, in the language of the page. */
export function studyColumns(): Column<StudySummary>[] {
  return [
    { key: 'select', label: text('studies.column.select'), width: 40, visible: true, fixed: 'start', value: none },
    { key: 'status', label: text('studies.column.status'), width: 72, visible: true, fixed: 'start', value: none },
    ...DEFINED.map(([key, width, visible, value, numeric = false]) => ({
      key,
      label: text(`studies.column.${key}`),
      width,
      visible,
      value,
      numeric,
      sortable: !UNSORTED.has(key),
    })),
    { key: 'actions', label: text('studies.column.actions'), width: 168, visible: true, fixed: 'end', value: none },
  ];
}
