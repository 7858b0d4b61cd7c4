import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Languages of the page; the first is the one the others are compared with. */
export const LANGUAGES = ['en', 'ru'] as const;

type Messages = Record<string, string>;

/** Read the flat JSON files of a language, named by place, into one table. */
export function readLanguage(folder: string, language: string, problems: string[] = []): Messages {
  const messages: Messages = {};
  const files = readdirSync(join(folder, 'locales', language), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.json')).sort()) {
    const content = JSON.parse(readFileSync(join(folder, 'locales', language, file), 'utf8')) as Record<string, unknown>;
    for (const [key, text] of Object.entries(content)) {
      if (typeof text !== 'string' || text === '') problems.push(`${language}/${file}: ${key} is not a text`);
      else if (key in messages) problems.push(`${language}/${file}: ${key} is there twice`);
      else messages[key] = text;
    }
  }
  return messages;
}

/** Named places of a text, `{name}`, without regard to their order. */
function places(text: string): string {
  return [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join(' ');
}

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.(vue|ts)$/.test(entry) && !entry.endsWith('.test.ts')) yield path;
  }
}

/** Keys that the code names literally: `t('place.key')`, `$t(...)`, `keypath="..."`. */
export function usedKeys(folder: string): Map<string, string> {
  const keys = new Map<string, string>();
  const pattern = /(?:\bt|\$t|\btext)\(\s*'([\w-]+(?:\.[\w-]+)+)'|keypath="([\w.-]+)"/g;
  for (const path of sources(folder)) {
    for (const match of readFileSync(path, 'utf8').matchAll(pattern)) keys.set((match[1] ?? match[2])!, path);
  }
  return keys;
}

/** Say what is wrong with the languages of `src`; empty if nothing is. */
export function localeProblems(folder: string): string[] {
  const problems: string[] = [];
  const [first, ...others] = LANGUAGES.map((language) => ({ language, messages: readLanguage(folder, language, problems) }));
  for (const { language, messages } of others) {
    for (const [key, text] of Object.entries(first!.messages)) {
      if (!(key in messages)) problems.push(`${language}: ${key} is missing`);
      else if (places(text) !== places(messages[key]!)) problems.push(`${language}: ${key} has other places`);
    }
    for (const key of Object.keys(messages)) {
      if (!(key in first!.messages)) problems.push(`${first!.language}: ${key} is missing`);
    }
  }
  for (const [key, path] of usedKeys(folder)) {
    if (!(key in first!.messages)) problems.push(`${path}: no text for ${key}`);
  }
  return problems;
}
