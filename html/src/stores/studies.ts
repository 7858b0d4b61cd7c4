import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';

import { deleteStudy, listStudies } from '@/api/studies';
import type { StudyPage, StudySearch, StudySort, StudySummary } from '@/api/types';
import { useSettings } from './settings';

export const EMPTY_SEARCH: StudySearch = {
  name: '', pid: '', acc: '', desc: '', ref: '', date_from: '', date_to: '', birth_date: '', sex: '', modality: '', region: '',
};

/** Fields that may stand in an address: they say nothing of a patient. */
const ADDRESS_FIELDS = ['date_from', 'date_to', 'modality', 'region', 'sex'] as const;
const SORTS: StudySort[] = [
  'name', 'pid', 'sex', 'dob', 'mod', 'region', 'date', 'acc', 'desc', 'nser', 'ninst', 'size', 'ref', 'inst', 'recv',
];
const SEXES = ['', 'M', 'F', 'O'];
const isDate = (value: string) => /^\d{4}-\d{2}-\d{2}$/.test(value);

/** The study list: what is searched, what the server answered, what is selected. */
export const useStudies = defineStore('studies', () => {
  const settings = useSettings();
  const search = ref<StudySearch>({ ...EMPTY_SEARCH });
  const sort = ref<StudySort>('date');
  const descending = ref(true);
  const offset = ref(0);
  const page = shallowRef<StudyPage | null>(null);
  const selected = ref<string[]>([]);
  const isLoading = ref(false);
  const problem = shallowRef<unknown>(null);
  let running: AbortController | null = null;

  const limit = computed(() => settings.get('studies.page', 20));
  const rows = computed(() => page.value?.studies ?? []);
  const total = computed(() => page.value?.total ?? 0);
  const isFiltered = computed(() => Object.values(search.value).some(Boolean));
  const selectedStudies = computed(() => rows.value.filter((study) => selected.value.includes(study.id)));

  /** Ask the server. The newest question wins; a failure keeps the rows that were shown. */
  async function load(): Promise<void> {
    running?.abort();
    const mine = (running = new AbortController());
    isLoading.value = true;
    try {
      const query = { ...search.value, sort: sort.value, descending: descending.value, offset: offset.value, limit: limit.value };
      const answer = await listStudies(query, mine.signal);
      if (mine !== running) return;
      page.value = answer;
      problem.value = null;
      const known = new Set(answer.studies.map((study) => study.id));
      selected.value = selected.value.filter((id) => known.has(id));
      if (answer.studies.length === 0 && answer.total > 0 && offset.value > 0) {
        offset.value = Math.floor((answer.total - 1) / limit.value) * limit.value;
        await load();
      }
    } catch (error) {
      if (mine === running && !mine.signal.aborted) problem.value = error;
    } finally {
      if (mine === running) isLoading.value = false;
    }
  }

  function sortBy(key: string): void {
    if (sort.value === key) descending.value = !descending.value;
    else [sort.value, descending.value] = [key as StudySort, ['date', 'recv', 'size', 'nser', 'ninst'].includes(key)];
    offset.value = 0;
    void load();
  }

  function find(next: Partial<StudySearch>): void {
    search.value = { ...search.value, ...next };
    offset.value = 0;
    void load();
  }

  function reset(): void {
    find(EMPTY_SEARCH);
  }

  function go(to: number): void {
    offset.value = to;
    selected.value = [];
    void load();
  }

  function setLimit(size: number): void {
    settings.set('studies.page', size);
    go(0);
  }

  /** Delete studies one by one; returns those that could not be deleted, with the reason. */
  async function remove(studies: StudySummary[]): Promise<{ study: StudySummary; error: unknown }[]> {
    const failed: { study: StudySummary; error: unknown }[] = [];
    for (const study of studies) {
      try {
        await deleteStudy(study.id);
      } catch (error) {
        failed.push({ study, error });
      }
    }
    await load();
    return failed;
  }

  /** The part of the state that an address holds. */
  function toAddress(): Record<string, string> {
    const query: Record<string, string> = {};
    for (const field of ADDRESS_FIELDS) if (search.value[field]) query[field] = search.value[field];
    if (sort.value !== 'date' || !descending.value) query['sort'] = (descending.value ? '-' : '') + sort.value;
    if (offset.value > 0) query['page'] = String(Math.floor(offset.value / limit.value) + 1);
    if (selected.value.length === 1) query['study'] = selected.value[0]!;
    return query;
  }

  /** Take the state of an address; what it does not name keeps its value. Returns whether it named anything. */
  function fromAddress(query: Record<string, unknown>): boolean {
    const text = (key: string) => (typeof query[key] === 'string' ? query[key] : '');
    const next: Partial<StudySearch> = {};
    for (const field of ['date_from', 'date_to'] as const) if (isDate(text(field))) next[field] = text(field);
    for (const field of ['modality', 'region'] as const) if (text(field)) next[field] = text(field).slice(0, 200);
    if (text('sex') && SEXES.includes(text('sex'))) next.sex = text('sex') as StudySearch['sex'];
    const key = text('sort').replace(/^-/, '') as StudySort;
    if (SORTS.includes(key)) [sort.value, descending.value] = [key, text('sort').startsWith('-')];
    const number = Number(text('page'));
    if (Number.isInteger(number) && number > 1) offset.value = (number - 1) * limit.value;
    if (text('study')) selected.value = [text('study')];
    search.value = { ...search.value, ...next };
    return Object.keys(query).length > 0;
  }

  return {
    search, sort, descending, offset, limit, page, rows, total, selected, selectedStudies, isLoading, isFiltered, problem,
    load, find, reset, sortBy, go, setLimit, remove, toAddress, fromAddress,
  };
});
