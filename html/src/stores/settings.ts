import { defineStore } from 'pinia';
import { computed, ref } from 'vue';

import type { Audience } from '@/api/client';
import { linkTab } from '@/app/linkTab';
import { deleteSetting, getSettings, putSetting } from '@/api/settings';
import { browserLanguage, LANGUAGES, type Language } from '@/i18n';

export type ThemeName = 'dark' | 'light';

/** Order and visibility of a table's columns, by key. */
export interface TableSettings {
  order: string[];
  hidden: string[];
  /** Widths in pixels of columns that were drawn to another one. */
  widths: Record<string, number>;
  wrap: boolean;
}

/** Settings the shell knows; the viewer keeps its own under other keys with `get` and `set`. */
export interface KnownSettings {
  language: Language;
  theme: ThemeName;
  /** How dates are written: by the language, or always one way. */
  'date.format': 'language' | 'iso' | 'ru';
  /** Percent of brightness of everything but the pictures. */
  dimming: number;
  /** Whether turning the wheel towards oneself shows the next slice or the previous one. */
  'viewer.wheel': 'next' | 'previous';
  'viewer.units': 'mm' | 'cm';
  /** Whether a measuring tool stays on its button after a measurement. */
  'viewer.measuring': 'stay' | 'once';
  'viewer.orientation': 'hf' | 'si';
  'menu.open': boolean;
  'notice.diagnosis': boolean;
  'studies.page': number;
  'studies.saved': { name: string; search: Record<string, string> }[];
}

const LOCAL_KEYS = ['language', 'theme'] as const;
const LOCAL_PREFIX = 'webviewer.';
const WRITE_DELAY = 400;

function readLocal(key: string): string {
  try {
    return localStorage.getItem(LOCAL_PREFIX + key) ?? '';
  } catch {
    return '';
  }
}

function writeLocal(key: string, value: string): void {
  try {
    // Who looks at a link leaves nothing behind.
    if (!linkTab.active) localStorage.setItem(LOCAL_PREFIX + key, value);
  } catch {
    // Storage may be switched off; the setting then lasts as long as the page.
  }
}

/**
 * Settings of the user or of the administrator, whoever the page serves, kept on the server. Language and theme are remembered in the browser too,
 * for the log-in page.
 */
export const useSettings = defineStore('settings', () => {
  const values = ref<Record<string, unknown>>({});
  const local = ref({ language: readLocal('language'), theme: readLocal('theme') });
  const loaded = ref(false);
  /** Whose settings these are. */
  const owner = ref<Audience>('user');
  /** The last write did not reach the server. */
  const unsaved = ref(false);
  const pending = new Map<string, ReturnType<typeof setTimeout>>();

  const language = computed<Language>(() => {
    const wanted = (values.value['language'] ?? local.value.language) as Language;
    return LANGUAGES.includes(wanted) ? wanted : browserLanguage();
  });
  const theme = computed<ThemeName>(() => ((values.value['theme'] ?? local.value.theme) === 'light' ? 'light' : 'dark'));

  function get<Key extends keyof KnownSettings>(key: Key, standard: KnownSettings[Key]): KnownSettings[Key];
  function get<Value>(key: string, standard: Value): Value;
  function get(key: string, standard: unknown): unknown {
    return values.value[key] ?? standard;
  }

  /** Change a setting at once; it is written to the server shortly after the last change. */
  function set<Key extends keyof KnownSettings>(key: Key, value: KnownSettings[Key]): void;
  function set(key: string, value: unknown): void;
  function set(key: string, value: unknown): void {
    values.value = { ...values.value, [key]: value };
    if ((LOCAL_KEYS as readonly string[]).includes(key)) {
      writeLocal(key, String(value));
      local.value = { ...local.value, [key]: String(value) };
    }
    if (loaded.value) schedule(key);
  }

  /** Go back to the standard value. */
  function reset(key: string): void {
    const rest = { ...values.value };
    delete rest[key];
    values.value = rest;
    if (loaded.value) schedule(key);
  }

  function schedule(key: string): void {
    clearTimeout(pending.get(key));
    pending.set(key, setTimeout(() => void write(key), WRITE_DELAY));
  }

  async function write(key: string): Promise<void> {
    clearTimeout(pending.get(key));
    pending.delete(key);
    try {
      await (key in values.value ? putSetting(owner.value, key, values.value[key]) : deleteSetting(owner.value, key));
      unsaved.value = false;
    } catch {
      unsaved.value = true;
    }
  }

  /** Write what still waits, e.g. before logging out. */
  const flush = () => Promise.all([...pending.keys()].map(write));

  /** Read the settings of who has just logged in. What he chose before log-in wins nothing. */
  async function load(who: Audience = 'user'): Promise<void> {
    if (owner.value !== who) await flush();
    values.value = await getSettings(who);
    owner.value = who;
    loaded.value = true;
    for (const key of LOCAL_KEYS) {
      if (typeof values.value[key] === 'string') writeLocal(key, values.value[key]);
    }
  }

  /** Have the settings of whom the next page serves: both may be logged in in one browser. */
  async function serve(who: Audience): Promise<void> {
    if (owner.value !== who || !loaded.value) await load(who);
  }

  function forget(): void {
    pending.forEach(clearTimeout);
    pending.clear();
    const kept = Object.fromEntries(LOCAL_KEYS.flatMap((key) => (key in values.value ? [[key, values.value[key]]] : [])));
    values.value = {};
    local.value = { ...local.value, ...kept };
    loaded.value = false;
  }

  return { values, loaded, owner, unsaved, language, theme, get, set, reset, load, serve, forget, flush };
});
