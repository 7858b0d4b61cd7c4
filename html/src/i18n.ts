import { createI18n } from 'vue-i18n';

export type Language = 'en' | 'ru';
export const LANGUAGES: readonly Language[] = ['en', 'ru'];

type Messages = Record<string, string>;

/** A reader needs one language: each is a file of its own, loaded when it is chosen. */
const FILES: Readonly<Record<Language, () => Promise<{ default: Messages }>>> = {
  en: () => import('@/locales/en'),
  ru: () => import('@/locales/ru'),
};

/** Texts that come with the part of the page that needs them. */
const PARTS = {
  measure: { en: () => import('@/locales/en/measure.json'), ru: () => import('@/locales/ru/measure.json') },
} as const satisfies Readonly<Record<string, Readonly<Record<Language, () => Promise<{ default: Messages }>>>>>;
type Part = keyof typeof PARTS;
const parts = new Set<Part>();

/** Index of the Russian plural form: 1 снимок, 2 снимка, 5 снимков. */
export function russianPlural(count: number, choices: number): number {
  const [tens, ones] = [Math.abs(count) % 100, Math.abs(count) % 10];
  const form = tens > 10 && tens < 20 ? 2 : ones === 1 ? 0 : ones > 1 && ones < 5 ? 1 : 2;
  return Math.min(form, choices - 1);
}

/** The browser's language if it is one of ours, else English. */
export function browserLanguage(): Language {
  const wanted = navigator.languages.map((name) => name.slice(0, 2).toLowerCase());
  return wanted.find((name): name is Language => LANGUAGES.includes(name as Language)) ?? 'en';
}

/** Keys are flat (`viewer.tool.wl`), the files are named by place; both languages have equal keys. */
export const i18n = createI18n({
  legacy: false,
  locale: browserLanguage(),
  // Languages have equal keys (the build checks it), so none stands in for another.
  fallbackLocale: false,
  // Keys are flat: no path is walked, so a key may be the start of another.
  messageResolver: (messages, key) => (messages as Messages)[key] ?? null,
  messages: {} as Record<Language, Messages>,
  pluralRules: { ru: russianPlural },
});

/** Translate outside of components; inside, `useI18n()` follows the language too. */
export const text = (key: string, named: Record<string, unknown> = {}, plural?: number): string =>
  plural === undefined ? i18n.global.t(key, named) : i18n.global.t(key, named, plural);

/** Adds the texts of a part, in this language and in those chosen later. Rejects if they do not come. */
export async function addTexts(part: Part): Promise<void> {
  parts.add(part);
  for (const language of i18n.global.availableLocales) {
    i18n.global.mergeLocaleMessage(language, (await PARTS[part][language]()).default);
  }
}

async function textsOf(language: Language): Promise<Messages> {
  const files = await Promise.all([FILES[language](), ...[...parts].map((part) => PARTS[part][language]())]);
  return Object.assign({}, ...files.map((file) => file.default)) as Messages;
}

/** The language that was asked for last: an answer that comes after another choice changes nothing. */
let chosen: Language | null = null;

/** Load a language and switch to it. Rejects, and the old one stays, if its file does not come. */
export async function setLanguage(language: Language): Promise<void> {
  chosen = language;
  if (!i18n.global.availableLocales.includes(language)) i18n.global.setLocaleMessage(language, await textsOf(language));
  if (chosen !== language) return;
  i18n.global.locale.value = language;
  document.documentElement.lang = language;
}
