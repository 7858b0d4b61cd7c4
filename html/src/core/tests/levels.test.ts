import { describe, expect, it, vi } from 'vitest';

import {
  AUTOMATIC,
  LevelQueries,
  type LevelQuestion,
  type LevelSource,
  nextFileWindow,
  spread,
  windowBy,
  windowOfRegion,
} from '../levels';
import { choosePreset, missingPreset, presetOf, presetsOf } from '../presets';
import { keepPercentiles, lacksPercentiles, percentilesOf, volumePresetsOf } from '../volumePresets';
import type { Opened, PercentileValues, ViewPatch } from '../wire';
import { stack, window } from './samples';

/** A viewport whose values are so that percentile p is 10 p. */
function source(opened: Opened, view: object = { position: 6 }) {
  const questions: LevelQuestion[] = [];
  const asked: LevelSource = {
    stack: opened,
    view,
    percentiles: (question) => {
      questions.push(question);
      const values = question.percents.map((percent) => 10 * percent);
      return Promise.resolve({ type: 'percentile-values', viewport: 1, id: 1, unit: '', share: 1, values });
    },
  };
  return { asked, questions };
}

const MR: Opened = { ...stack(), modality: 'MR', unit: '', series: 'mr' };

async function windowOfKey(opened: Opened, key: number): Promise<{ patch: ViewPatch; question: LevelQuestion | undefined }> {
  const { asked, questions } = source(opened);
  const preset = presetsOf(opened, null).find((entry) => entry.key === key);
  let patch: ViewPatch = {};
  if (preset) await choosePreset(asked, preset, (chosen) => (patch = chosen));
  return { patch, question: questions[0] };
}

describe('windows by percentiles', () => {
  it('ask for the slice of a stack, and for the series of a plane', async () => {
    const { asked, questions } = source(MR);
    expect(await windowBy(asked, AUTOMATIC)).toEqual(spread(10, 990));
    expect(await windowBy({ ...asked, view: { center: [0, 0, 0] } }, AUTOMATIC)).toEqual(spread(10, 990));
    expect(questions.map(({ of, position }) => [of, position])).toEqual([
      ['slice', 6],
      ['series', undefined],
    ]);
  });

  it('span the 2nd to the 98th percentile of a region', async () => {
    const { asked, questions } = source(MR);
    const corners = [
      [1, 2],
      [3, 4],
    ] as const;
    expect(await windowOfRegion(asked, [[...corners[0]], [...corners[1]]])).toMatchObject({ center: 500, width: 960 });
    expect(questions[0]).toMatchObject({ of: 'region', position: 6, corners });
  });

  it('are left alone where there is no answer, or another picture meanwhile', async () => {
    const { asked } = source(MR);
    expect(await windowBy({ ...asked, percentiles: () => Promise.resolve(null) }, AUTOMATIC)).toBeNull();
    let shown: Opened | null = MR;
    const leaving: LevelSource = {
      ...asked,
      get stack() {
        return shown;
      },
      percentiles: async (question) => {
        const answer = await asked.percentiles(question);
        shown = null;
        return answer;
      },
    };
    expect(await windowBy(leaving, AUTOMATIC)).toBeNull();
  });

  it('have a width even if all values are the same', () => {
    expect(spread(7, 7).width).toBeGreaterThan(0);
    expect(spread(-1e9, -1e9).width).toBeGreaterThan(1);
  });

  it('come after all windows of the file', () => {
    expect(nextFileWindow({ window: window(1, 2), voi: 1 }, 2)).toBe(0);
    expect(nextFileWindow({ window: null, voi: 0 }, 2)).toBe(1);
    expect(nextFileWindow({ window: null, voi: 1 }, 2)).toBeNull();
    expect(nextFileWindow({ window: null, voi: 0 }, 0)).toBeNull();
  });
});

describe('questions', () => {
  const answer = (id: number): PercentileValues => ({
    type: 'percentile-values',
    viewport: 1,
    id,
    unit: 'HU',
    share: 1,
    values: [id],
  });

  it('are answered by their number, in any order', async () => {
    const send = vi.fn(() => true);
    const queries = new LevelQueries(send);
    const [first, second] = [1, 2].map(() => queries.ask({ of: 'series', percents: [50] }));
    queries.answer(answer(2));
    queries.answer(answer(1));
    queries.answer(answer(9));
    expect((await first)?.values).toEqual([1]);
    expect((await second)?.values).toEqual([2]);
    expect(send).toHaveBeenCalledWith({ type: 'percentiles', id: 1, of: 'series', percents: [50], non_air: false });
  });

  it('end with the line', async () => {
    const queries = new LevelQueries(() => true);
    const asked = queries.ask({ of: 'series', percents: [50] });
    queries.end();
    expect(await asked).toBeNull();
    expect(await new LevelQueries(() => false).ask({ of: 'series', percents: [50] })).toBeNull();
  });
});

describe('presets that go by the picture', () => {
  it('give MR nine keys, by the values that are not air', async () => {
    const keys = presetsOf(MR, null).flatMap(({ key }) => key ?? []);
    expect(keys).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const ends: Record<number, [number, number]> = {
      2: [10, 990],
      3: [50, 950],
      4: [1, 999],
      6: [600, 999],
      7: [300, 998],
    };
    for (const [key, [low, high]] of Object.entries(ends)) {
      const { patch, question } = await windowOfKey(MR, Number(key));
      expect(patch.window, key).toEqual(spread(low, high));
      expect(question).toMatchObject({ of: 'series', nonAir: true });
    }
    expect((await windowOfKey(MR, 5)).patch.window).toEqual(spread(10, 999 + 0.25 * 989));
    expect((await windowOfKey(MR, 9)).question).toMatchObject({ percents: [0, 100], nonAir: false });
    expect((await windowOfKey(MR, 1)).patch).toEqual({ window: null, voi: 0 });
    expect((await windowOfKey({ ...MR, windows: [] }, 1)).patch).toEqual({ window: null, voi: 0 });
  });

  it('are known by name once their window was asked for', async () => {
    const opened = { ...MR, series: 'named' };
    expect(presetOf(opened, { center: 500, width: 980 })).toBeNull();
    await windowOfKey(opened, 2);
    expect(presetOf(opened, { center: 500, width: 980 })?.id).toBe('mr_standard');
    expect(presetOf({ ...opened, version: 'other' }, { center: 500, width: 980 })).toBeNull();
  });

  it('show NM as shares of its maximum', async () => {
    const opened = { ...MR, modality: 'NM' };
    const ends = [];
    for (const key of [1, 2, 3, 4, 5]) ends.push((await windowOfKey(opened, key)).patch.window);
    expect(ends).toEqual([spread(0, 1000), spread(0, 750), spread(0, 500), spread(0, 250), spread(50, 600)]);
  });

  it('show PET in inverted grey, by its 99.9th percentile where uptake is not known', async () => {
    const uptake = { ...MR, modality: 'PT', unit: 'SUVbw g/ml' };
    expect((await windowOfKey(uptake, 3)).patch).toMatchObject({ window: { center: 5, width: 10 }, colour_map: 'inverted' });
    expect((await windowOfKey(uptake, 9)).patch).toEqual({ window: spread(0, 999), colour_map: 'inverted' });
    expect([7, 8, 9].map((key) => missingPreset(uptake, null, key))).toEqual([null, 'viewer.reason.no_liver', null]);
    const counts = { ...uptake, unit: 'Bq/ml' };
    expect([1, 8, 9].map((key) => missingPreset(counts, null, key))).toEqual([
      'viewer.reason.no_preset',
      'viewer.reason.no_preset',
      null,
    ]);
  });

  it('show radiographs from the 0.5th to the 99.5th percentile of the picture', async () => {
    const { patch, question } = await windowOfKey({ ...MR, modality: 'DX' }, 5);
    expect(patch.window).toEqual(spread(5, 995));
    expect(question).toMatchObject({ of: 'slice', position: 6, nonAir: false });
    const angiography = presetsOf({ ...MR, modality: 'XA', value_range: [-2048, 2047] }, null);
    expect(angiography.find(({ id }) => id === 'subtraction')?.patch.window).toMatchObject({ center: 0, width: 400 });
  });

  it('scale models of MR by what the server found of the series', () => {
    const opened = { ...MR, series: 'model', value_range: [0, 4095] as [number, number] };
    expect(percentilesOf(opened)).toMatchObject({ p1: 0, p999: 4095 });
    expect(lacksPercentiles(opened)).toBe(true);
    keepPercentiles(opened, [10, 60, 210]);
    expect(lacksPercentiles(opened)).toBe(false);
    expect(volumePresetsOf(opened)[0]?.look.transfer[0]?.value).toBeCloseTo(10 + 0.35 * 200, 9);
    expect(volumePresetsOf(opened)[1]?.look.window).toMatchObject({ center: 135, width: 150 });
    expect(lacksPercentiles(stack())).toBe(false);
    expect(lacksPercentiles({ ...opened, modality: 'PT', unit: 'SUVbw g/ml', series: 'pet' })).toBe(false);
    expect(lacksPercentiles({ ...opened, modality: 'PT', unit: 'Bq/ml', series: 'pet' })).toBe(true);
  });
});
