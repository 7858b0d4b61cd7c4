import { computed, onBeforeUnmount, ref, shallowRef, watch } from 'vue';
import { onBeforeRouteLeave, onBeforeRouteUpdate, useRoute, useRouter, type LocationQuery, type RouteLocationNormalized } from 'vue-router';

import { text } from '@/i18n';
import { useConfirmation } from '@/stores/confirmation';
import { useSettings } from '@/stores/settings';

export interface ListQuery {
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

export interface ListAnswer<Row> {
  total: number;
  rows: Row[];
}

export interface ListOptions<Row, Conditions extends Record<string, string>> {
  /** Key of the page size among the settings. */
  name: string;
  /** Orders that the server knows; the first is the standard one. */
  sorts: readonly string[];
  descending?: boolean;
  /** Conditions with their empty values. */
  empty: Conditions;
  /** Conditions that never stand in an address: they may name a patient. */
  secret?: readonly (keyof Conditions)[];
  load: (query: ListQuery & Conditions, signal: AbortSignal) => Promise<ListAnswer<Row>>;
}

const TYPING_MS = 300;
export const PAGE_SIZES = [10, 20, 50, 100];
/** Names the row that is being made in the pane. */
export const NEW = 'new';

/**
 * Rows that the server filters, sorts and pages. The address is the state: a page, an order, the conditions and the
 * open row can be linked to, and Back leads to what was seen before. Changes that were not applied are asked about
 * before they are left.
 */
export function useServerList<Row extends { id: string }, Conditions extends Record<string, string>>(options: ListOptions<Row, Conditions>) {
  const route = useRoute();
  const router = useRouter();
  const settings = useSettings();
  const confirmation = useConfirmation();
  const here = route.name;
  const hidden = ref<Partial<Conditions>>({});
  const answer = shallowRef<ListAnswer<Row> | null>(null);
  const problem = shallowRef<unknown>(null);
  const isLoading = ref(false);
  const isDirty = ref(false);
  let running: AbortController | null = null;
  let typing: ReturnType<typeof setTimeout> | undefined;

  const secret = (key: keyof Conditions) => options.secret?.includes(key) ?? false;
  const word = (query: LocationQuery, key: string) => (typeof query[key] === 'string' ? query[key] : '');
  const order = computed(() => {
    const asked = word(route.query, 'sort');
    const key = asked.replace(/^-/, '');
    return options.sorts.includes(key) ? { key, down: asked.startsWith('-') } : { key: options.sorts[0]!, down: options.descending ?? false };
  });
  const limit = computed(() => settings.get(`${options.name}.page`, 20));
  const offset = computed(() => (Math.max(1, Math.floor(Number(word(route.query, 'page'))) || 1) - 1) * limit.value);
  const conditions = computed(() => {
    const found: Record<string, string> = {};
    for (const key of Object.keys(options.empty)) found[key] = (secret(key) ? hidden.value[key] : word(route.query, key)) || options.empty[key]!;
    return found as Conditions;
  });
  const isFiltered = computed(() => Object.entries(conditions.value).some(([key, value]) => value !== options.empty[key]));
  const opened = computed(() => word(route.query, 'id'));

  /** Go to a changed address; `quietly` adds no step for Back. */
  function move(change: Record<string, string | undefined>, quietly = false): Promise<unknown> {
    const query: LocationQuery = { ...route.query };
    for (const [key, value] of Object.entries(change)) {
      if (value) query[key] = value;
      else delete query[key];
    }
    return quietly ? router.replace({ query }) : router.push({ query });
  }

  /** Ask the server. The newest question wins; a failure keeps the rows that were shown. */
  async function load(): Promise<void> {
    running?.abort();
    const mine = (running = new AbortController());
    isLoading.value = true;
    const query = { sort: order.value.key, descending: order.value.down, offset: offset.value, limit: limit.value };
    try {
      const next = await options.load({ ...conditions.value, ...query }, mine.signal);
      if (mine !== running) return;
      answer.value = next;
      problem.value = null;
      // The page's last row is gone.
      if (next.rows.length === 0 && next.total > 0 && offset.value > 0) go(Math.floor((next.total - 1) / limit.value) * limit.value, true);
    } catch (error) {
      if (mine === running && !mine.signal.aborted) problem.value = error;
    } finally {
      if (mine === running) isLoading.value = false;
    }
  }

  const go = (to: number, quietly = false) => void move({ page: to > 0 ? String(Math.floor(to / limit.value) + 1) : undefined }, quietly);

  function sortBy(key: string): void {
    const down = order.value.key === key ? !order.value.down : false;
    void move({ sort: (down ? '-' : '') + key, page: undefined });
  }

  function setLimit(size: number): void {
    settings.set(`${options.name}.page`, size);
    void move({ page: undefined }, true);
  }

  /** Take over conditions; what is not named stays. */
  function find(change: Partial<Conditions>, quietly = false): void {
    const visible: Record<string, string | undefined> = { page: undefined };
    const kept: Partial<Conditions> = { ...hidden.value };
    for (const key of Object.keys(change) as (keyof Conditions & string)[]) {
      if (secret(key)) kept[key] = change[key] as Conditions[typeof key];
      else visible[key] = change[key] === options.empty[key] ? undefined : change[key];
    }
    hidden.value = kept;
    void move(visible, quietly);
  }

  /** Like `find`, a moment after the last key. */
  function findSoon(change: Partial<Conditions>): void {
    clearTimeout(typing);
    typing = setTimeout(() => find(change, true), TYPING_MS);
  }

  const open = (id: string) => void move({ id: id || undefined });
  /** The selected row is the open one. */
  const selected = computed(() => (opened.value && opened.value !== NEW ? [opened.value] : []));

  async function mayLeave(to: RouteLocationNormalized): Promise<boolean> {
    if (!isDirty.value || (to.name === here && word(to.query, 'id') === opened.value)) return true;
    const question = { title: text('pane.unsaved.title'), text: text('pane.unsaved.text'), action: text('pane.unsaved.switch') };
    if (!(await confirmation.ask(question))) return false;
    isDirty.value = false;
    return true;
  }

  onBeforeRouteUpdate(mayLeave);
  onBeforeRouteLeave(mayLeave);
  watch(
    () => JSON.stringify([order.value, limit.value, offset.value, conditions.value]),
    () => route.name === here && void load(),
    { immediate: true },
  );
  onBeforeUnmount(() => {
    running?.abort();
    clearTimeout(typing);
  });

  return {
    answer, problem, isLoading, isDirty, isFiltered, limit, offset, conditions, opened, selected,
    rows: computed(() => answer.value?.rows ?? []),
    total: computed(() => answer.value?.total ?? 0),
    sort: computed(() => order.value.key),
    descending: computed(() => order.value.down),
    load, go, sortBy, setLimit, find, findSoon, open,
    select: (ids: string[]) => open(ids[0] ?? ''),
    reset: () => find(options.empty),
    /** Leave the pane although something in it was changed: it is saved, or its row is gone. */
    close: () => {
      isDirty.value = false;
      open('');
    },
  };
}

export type ServerList<Row extends { id: string }, Conditions extends Record<string, string> = Record<string, string>> =
  ReturnType<typeof useServerList<Row, Conditions>>;
