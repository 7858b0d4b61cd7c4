import { createI18n } from 'vue-i18n';

export type Language = 'en' | 'ru';
export const LANGUAGES: readonly Language[] = ['en', 'ru'];

type Messages = Record<string, string>;

export type Files = Readonly<Record<Language, () => Promise<{ default: Messages }>>>;
/** `page` is needed everywhere, the others on their pages only. */
export type TextPart = 'page' | 'measure' | 'settings' | 'upload' | 'admin' | 'signOn' | 'link' | 'links';

/** A reader needs one language: each is a file of its own, loaded when it is chosen. */
const FILES: Record<string, Files> = {
  page: { en: () => import('@/locales/en'), ru: () => import('@/locales/ru') },
  measure: { en: () => import('@/locales/en/measure.json'), ru: () => import('@/locales/ru/measure.json') },
  settings: { en: () => import('@/locales/en.settings'), ru: () => import('@/locales/ru.settings') },
  upload: { en: () => import('@/locales/en.upload'), ru: () => import('@/locales/ru.upload') },
  link: { en: () => import('@/locales/en.link'), ru: () => import('@/locales/ru.link') },
  links: { en: () => import('@/locales/en.links'), ru: () => import('@/locales/ru.links') },
  admin: { en: () => import('@/locales/en.admin'), ru: () => import('@/locales/ru.admin') },
};
const parts = new Set<TextPart>(['page']);
const loaded = new Set<string>();

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

/** The language that was asked for last: an answer that comes after another choice changes nothing. */
let chosen: Language | null = null;

async function loadMissing(language: Language): Promise<void> {
  const missing = [...parts].filter((part) => !loaded.has(`${language}.${part}`));
  const files = await Promise.all(missing.map((part) => FILES[part]![language]()));
  files.forEach((file, index) => {
    i18n.global.mergeLocaleMessage(language, file.default);
    loaded.add(`${language}.${missing[index]!}`);
  });
}

/** Load the texts of a part, in the language of the page now and in every other from its choice on. */
export async function addTexts(part: TextPart): Promise<void> {
  parts.add(part);
  const current = () => chosen ?? (i18n.global.locale.value as Language);
  let language: Language;
  do {
    language = current();
    await loadMissing(language);
  } while (language !== current()); // another one may have been chosen meanwhile
}

/** Load the texts of a part that few installations have: its code brings them. */
export function addRareTexts(part: TextPart, files: Files): Promise<void> {
  FILES[part] = files;
  return addTexts(part);
}

/** A page or a part of one whose texts come with it. */
export const withTexts = <Page>(page: () => Promise<Page>, ...texts: TextPart[]) => async (): Promise<Page> => {
  const [found] = await Promise.all([page(), ...texts.map(addTexts)]);
  return found;
};

/** Load a language and switch to it. Rejects, and the old one stays, if its file does not come. */
export async function setLanguage(language: Language): Promise<void> {
  chosen = language;
  await loadMissing(language);
  if (chosen !== language) return;
  i18n.global.locale.value = language;
  document.documentElement.lang = language;
}
