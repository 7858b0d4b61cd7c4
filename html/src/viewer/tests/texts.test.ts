import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it } from 'vitest';

import type { SeriesSummary, StudySummary } from '@/api/types';
import { presetsOf } from '@/core/presets';
import { AXIAL, stack } from '@/core/tests/samples';
import { type Group, TOOL_TABLE, toolTextKey } from '@/core/tools/table';
import { INITIAL_VIEW } from '@/core/viewState';
import en from '@/locales/en/viewer.json';

import { iconPath } from '../icons';
import { scaleBarText } from '../overlay/scaleBar';
import { fitLines, fitWidth, overlayTexts, type OverlayInput, readingLines, sourceText } from '../overlay/texts';
import { initials, samePatient } from '../state/studies';

const texts: Readonly<Record<string, string>> = en;
const t = (key: string, named: Record<string, string | number> = {}): string => {
  const text = texts[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(named[name]));
};

const STUDY = {
  id: 'a',
  name: 'DOE^JANE',
  pid: '42',
  sex: 'F',
  dob: '1970-05-06',
  age: '056Y',
  mod: ['CT'],
  date: '2026-01-15T09:30:00',
  acc: 'ACC1',
  desc: 'CT chest',
  inst: 'Clinic',
} as StudySummary;
const SERIES = {
  number: 3,
  modality: 'CT',
  description: 'Lung',
  region: 'CHEST',
  laterality: '',
  technique: { KVP: '120.0', XRayTubeCurrent: '200', ConvolutionKernel: 'B60' },
} as unknown as SeriesSummary;

function input(change: Partial<OverlayInput> = {}): OverlayInput {
  const opened = stack();
  return {
    mode: 'full',
    anonymised: false,
    privacy: false,
    study: STUDY,
    series: SERIES,
    reading: null,
    t,
    formatDate: (value) => value.slice(0, 10),
    snapshot: {
      sourceRatio: 0,
      status: 'ready',
      problem: null,
      stack: opened,
      view: { ...INITIAL_VIEW, position: 6 },
      size: { width: 500, height: 500 },
      raster: null,
      index: 3,
      count: 10,
      window: { center: 40, width: 400 },
      magnification: 123.4,
      progress: null,
      hasPicture: true,
      quality: 2,
      ratio: 4,
      lossySource: false,
      reduced: false,
      neighbour: false,
      stale: false,
    },
    ...change,
  };
}

describe('texts over the picture', () => {
  beforeEach(() => {
    setActivePinia(createPinia());
  });

  it('are complete in the full set and leave out what is empty', () => {
    const { topLeft, topRight, bottomLeft, bottomRight } = overlayTexts(input());
    expect(topLeft[0]).toBe('DOE JANE');
    expect(topLeft[1]).toBe('42');
    expect(topLeft[2]).toMatch(/^1970-05-06 \(.*56.*\), F$/);
    expect(topRight).toEqual(['Clinic', 'CT chest', '2026-01-15', 'ACC1']);
    expect(bottomLeft).toEqual([
      'CT - 3 - Lung',
      'CHEST',
      'Im 4/10',
      'A 6.0 mm',
      'T 2 / S 2 mm',
      '120 kV  200 mA  B60',
    ]);
    expect(bottomRight).toEqual(['W 400  C 40  VOI 1', '123 %']);
  });

  it('leave out of thickness and spacing what the file does not say', () => {
    const base = input();
    const opened = stack({ ...AXIAL, step: null });
    const { bottomLeft } = overlayTexts({ ...base, snapshot: { ...base.snapshot, stack: opened } });
    expect(bottomLeft).toContain('T 2 mm');
  });

  it('tell the phase and the place of slices that lie on each other', () => {
    const base = input();
    const { slices: places, ...opened } = stack(AXIAL, 2);
    const slices = [...places, ...places].map((slice, index) => ({ ...slice, position: index }));
    const snapshot = { ...base.snapshot, stack: { ...opened, slices, position_unit: 'index' as const }, count: 4 };
    expect(overlayTexts({ ...base, snapshot }).bottomLeft.slice(2, 4)).toEqual(['Im 4/4  Ph 2/2', 'A 2.0 mm']);
  });

  it('name the colours of a picture as they are in the file', () => {
    const base = input();
    const snapshot = { ...base.snapshot, stack: { ...stack(), colour: true, windows: [] }, window: { center: 128, width: 256 } };
    expect(overlayTexts({ ...base, snapshot }).bottomRight[0]).toBe('W 256  C 128  Original');
  });

  it('say how much a lossy source was compressed, if it says so itself', () => {
    expect(sourceText({ sourceRatio: 20 }, t)).toBe('Source 20:1');
    expect(sourceText({ sourceRatio: 7.53 }, t)).toBe('Source 7.5:1');
    expect(sourceText({ sourceRatio: 0 }, t)).toBe('Source lossy');
  });

  it('shrink to slice and window, then to nothing', () => {
    const brief = overlayTexts(input({ mode: 'short' }));
    expect(brief).toEqual({
      topLeft: [],
      topRight: [],
      bottomLeft: ['Im 4/10', 'A 6.0 mm'],
      bottomRight: ['W 400  C 40  VOI 1'],
    });
    const off = overlayTexts(input({ mode: 'off' }));
    expect(Object.values(off).flat()).toEqual([]);
  });

  it('say nothing about the patient when anonymised or hidden', () => {
    for (const change of [{ anonymised: true }, { privacy: true }]) {
      const all = JSON.stringify(overlayTexts(input(change)));
      for (const secret of ['DOE', '42"', '1970', 'Clinic', 'CT chest', 'ACC1', 'Lung'])
        expect(all).not.toContain(secret);
    }
    expect(overlayTexts(input({ anonymised: true })).topLeft).toEqual(['Anonymised']);
    const base = input({ anonymised: true });
    const masked = { ...base.snapshot, stack: { ...base.snapshot.stack!, masked: true } };
    expect(overlayTexts({ ...base, snapshot: masked }).topLeft).toEqual(['Anonymised', 'Masked: may contain names']);
  });

  it('tell turned, inverted and coloured pictures', () => {
    const base = input();
    const view = { ...base.snapshot.view, rotation: 90, invert: true, colour_map: 'hot-iron' as const };
    const { bottomRight } = overlayTexts({ ...base, snapshot: { ...base.snapshot, view } });
    expect(bottomRight.slice(1)).toEqual(['123 %  90°  Hot iron', 'INVERTED']);
  });

  it('write the value under the pointer with its unit and place', () => {
    expect(readingLines({ value: -12.345, unit: 'HU', point: [1, 2, 3] }, t)).toEqual([
      '-12.35 HU',
      'x 1.0  y 2.0  z 3.0 mm',
    ]);
    expect(readingLines({ value: [1, 2, 3], unit: '', point: null }, t)).toEqual(['R 1  G 2  B 3']);
    expect(readingLines({ value: null, unit: '', point: null }, t)).toEqual([]);
  });

  it('give up lines from the middle and characters from the end', () => {
    expect(fitLines(['a', 'b', 'c', 'd'], 2)).toEqual(['a', 'd']);
    expect(fitLines(['a', 'b'], 0)).toEqual(['a']);
    expect(fitWidth('a long description', 60, 6)).toBe('a long de…');
    expect(fitWidth('short', 60, 6)).toBe('short');
  });
});

describe('names of the viewer', () => {
  it('exist for every tool, group, preset and icon', () => {
    const groups = new Set<Group>(TOOL_TABLE.map(({ group }) => group));
    for (const { id, icon } of TOOL_TABLE) {
      expect(texts[toolTextKey(id)], id).toBeTruthy();
      expect(iconPath(icon)).toMatch(/^M/);
    }
    for (const group of groups) expect(texts[`viewer.group.${group}`], group).toBeTruthy();
    const variants = [
      {},
      { modality: 'MR' },
      { modality: 'NM' },
      { modality: 'XA' },
      { modality: 'DX' },
      { modality: 'PT', unit: 'g/ml' },
      { modality: 'PT', unit: 'BQML' },
      { modality: 'US', colour: true },
    ];
    for (const variant of variants) {
      for (const preset of presetsOf({ ...stack(), ...variant }, null))
        expect(texts[preset.textKey], preset.id).toBeTruthy();
    }
    expect(() => iconPath('nothing')).toThrow();
  });

  it('tell patients apart', () => {
    expect(initials('DOE^JANE')).toBe('DJ');
    expect(samePatient(STUDY, { ...STUDY, id: 'b' })).toBe(true);
    expect(samePatient(STUDY, { ...STUDY, id: 'b', dob: '1971-01-01' })).toBe(false);
    expect(samePatient({ ...STUDY, pid: '' }, { ...STUDY, pid: '', id: 'b' })).toBe(false);
  });
});

describe('text of the scale bar', () => {
  it.each([
    [{ value: 50, unit: 'mm' }, '5 cm'],
    [{ value: 5, unit: 'mm' }, '5 mm'],
    [{ value: 0.2, unit: 'mm' }, '0.2 mm'],
    [{ value: 0.02, unit: 'mm' }, '20 µm'],
    [{ value: 0.0005, unit: 'mm' }, '0.5 µm'],
    [{ value: 200, unit: 'px' }, '200 px'],
  ] as const)('of %o is %s', (bar, words) => {
    expect(scaleBarText({ length: 100, ...bar }, t)).toBe(words);
  });
});
