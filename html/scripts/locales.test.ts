import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { LANGUAGES, localeProblems, readLanguage } from './locales.ts';

const SOURCES = join(import.meta.dirname, '../src');

/** A tree of sources with one file of each language. */
function tree(en: object, ru: object, code = ''): string {
  const folder = mkdtempSync(join(tmpdir(), 'locales-'));
  for (const [language, messages] of Object.entries({ en, ru })) {
    mkdirSync(join(folder, 'locales', language), { recursive: true });
    writeFileSync(join(folder, 'locales', language, 'page.json'), JSON.stringify(messages));
  }
  writeFileSync(join(folder, 'page.ts'), code);
  return folder;
}

describe('the texts of the pages', () => {
  it('are complete: both languages have equal keys with equal places, and the code uses no other', () => {
    expect(localeProblems(SOURCES)).toEqual([]);
  });

  it('have one, few and many in Russian wherever English has one and many', () => {
    const [en, ru] = LANGUAGES.map((language) => readLanguage(SOURCES, language)) as [Record<string, string>, Record<string, string>];
    const forms = (text: string) => text.split(' | ').length;
    const allowed = (key: string) => (forms(en[key]!) > 1 ? [3] : [1, 3]);
    const wrong = Object.keys(en).filter((key) => !allowed(key).includes(forms(ru[key]!)));
    expect(wrong).toEqual([]);
  });

  it('have no Russian text that was left in English', () => {
    const [en, ru] = LANGUAGES.map((language) => readLanguage(SOURCES, language)) as [Record<string, string>, Record<string, string>];
    const isWord = (text: string) => /[a-z]{4,}/.test(text.replace(/\{\w+\}/g, ''));
    // The name of a colour table is the same everywhere.
    const isName = (key: string) => key.startsWith('viewer.lut.');
    const same = Object.keys(en).filter((key) => en[key] === ru[key] && isWord(en[key]!) && !isName(key));
    expect(same).toEqual([]);
  });
});

describe('a gap in the texts', () => {
  it.each([
    ['a missing key', tree({ 'a.b': 'x', 'a.c': 'y' }, { 'a.b': 'x' }), 'ru: a.c is missing'],
    ['a surplus key', tree({ 'a.b': 'x' }, { 'a.b': 'x', 'a.c': 'y' }), 'en: a.c is missing'],
    ['another place', tree({ 'a.b': '{n} x' }, { 'a.b': '{m} x' }), 'ru: a.b has other places'],
  ])('is found: %s', (_name, folder, problem) => {
    expect(localeProblems(folder)).toEqual([problem]);
  });

  it('is found where the code uses a key that no language has', () => {
    const [problem, ...others] = localeProblems(tree({ 'a.b': 'x' }, { 'a.b': 'x' }, "t('a.unknown')"));
    expect(problem).toMatch(/no text for a\.unknown/);
    expect(others).toEqual([]);
  });
});
