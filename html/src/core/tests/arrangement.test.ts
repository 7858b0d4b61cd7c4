import { describe, expect, it } from 'vitest';

import { Cine, cineIndex, nextSpeed, speedOf } from '../cine';
import { defaultLayout, gridLayout, layoutOf, moveSplitter } from '../layouts';
import { presetOf, presetsOf } from '../presets';
import { followOffset, followPosition, followView, followWindow, offsetBetween } from '../sync';
import { AXIAL, FakeTarget, SAGITTAL, stack, window } from './samples';

describe('cine', () => {
  const state = { speed: 10, bounce: false, direction: 1, range: [0, 4] } as const;

  it('follows the clock, not the pictures', () => {
    expect([0, 99, 100, 350, 500, 1250].map((time) => cineIndex(0, time, state))).toEqual([0, 0, 1, 3, 0, 2]);
    expect([0, 100, 200].map((time) => cineIndex(0, time, { ...state, direction: -1 }))).toEqual([0, 4, 3]);
  });

  it('bounces at the ends of the range', () => {
    const times = [0, 1, 2, 3, 4, 5, 6].map((step) => step * 100);
    expect(times.map((time) => cineIndex(1, time, { ...state, bounce: true, range: [1, 3] }))).toEqual([
      1, 2, 3, 2, 1, 2, 3,
    ]);
    expect(cineIndex(9, 500, { ...state, range: [2, 2] })).toBe(2);
  });

  it('takes the speed of the file and steps through the others', () => {
    expect(speedOf(40)).toBe(25);
    expect(speedOf(null)).toBe(15);
    expect(speedOf(0)).toBe(15);
    expect(nextSpeed(15, 1)).toBe(20);
    expect(nextSpeed(60, 1)).toBe(60);
    expect(nextSpeed(1, -1)).toBe(1);
  });

  it('leaves pictures out instead of slowing down', () => {
    const scheduled: (() => void)[] = [];
    const clock = { time: 0 };
    const driver = {
      index: 0,
      goTo(index: number) {
        this.index = index;
      },
    };
    const timing = {
      now: () => clock.time,
      schedule: (callback: () => void) => scheduled.push(callback),
      cancel: () => undefined,
    };
    const cine = new Cine(driver, timing, { speed: 10, bounce: false, direction: 1, range: [0, 99] });
    const tick = (time: number) => {
      clock.time = time;
      scheduled.shift()?.();
    };
    cine.start();
    tick(100);
    expect(driver.index).toBe(1);
    tick(1500);
    expect(driver.index).toBe(15);
    for (const slice of [14, 15, 15]) cine.shown(slice);
    expect(cine.realRate, 'a final picture after its preview is none more').toBe(2);
    cine.set({ speed: 20 });
    tick(1600);
    expect(driver.index).toBe(17);
    cine.stop();
    expect(cine.running).toBe(false);
  });
});

describe('layouts', () => {
  it('are made of their id', () => {
    expect(layoutOf('2x3').cells).toHaveLength(6);
    expect(layoutOf('main').cells[0]).toEqual({ column: 0, row: 0, columnSpan: 1, rowSpan: 3 });
    expect(layoutOf('9x9').id).toBe('1x1');
    expect(gridLayout(1, 2).columns).toEqual([1, 1]);
  });

  it('start by the number of series', () => {
    expect([0, 1, 2, 3].map((count) => defaultLayout(count, 'CT'))).toEqual(['1x1', '1x1', '1x2', '2x2']);
    expect(defaultLayout(2, 'CT', 'portrait')).toBe('2x1');
    expect(defaultLayout(5, 'US')).toBe('1x1');
    expect(defaultLayout(5, 'CT', 'phone')).toBe('1x1');
  });

  it('move a splitter without closing a viewport', () => {
    expect(moveSplitter([1, 1], 0, 0.25)).toEqual([1.5, 0.5]);
    expect(moveSplitter([1, 1], 0, 5)[1]).toBeCloseTo(0.3, 9);
    expect(moveSplitter([1, 1, 1], 1, -0.1).reduce((sum, share) => sum + share, 0)).toBeCloseTo(3, 9);
    expect(moveSplitter([1], 0, 0.5)).toEqual([1]);
  });
});

describe('window presets', () => {
  it('give CT its nine keys in the fixed order', () => {
    const presets = presetsOf(stack(), null);
    const keys = presets.filter(({ key }) => key !== null);
    expect(keys.map(({ id }) => id)).toEqual([
      'abdomen',
      'lung',
      'mediastinum',
      'bone',
      'brain',
      'stroke',
      'subdural',
      'liver',
      'angiography',
    ]);
    expect(keys[1]?.patch.window).toMatchObject({ center: -600, width: 1500 });
    expect(presetOf(stack(), { center: 40, width: 80 })?.id).toBe('brain');
    expect(presetOf(stack(), { center: 41, width: 80 })).toBeNull();
  });

  it("use the file's own windows for radiographs", () => {
    const opened = { ...stack(), modality: 'DX', windows: [window(2000, 1000, 'NORMAL')] };
    const presets = presetsOf(opened, null);
    expect(presets[0]).toMatchObject({ key: 1, label: 'NORMAL', patch: { window: null, voi: 0 } });
    expect(presets.find(({ id }) => id === 'narrow')?.patch.window).toMatchObject({ center: 2000, width: 600 });
    expect(presets.find(({ key }) => key === 9)?.patch.window).toMatchObject({ center: 1023.5, width: 4095 });
  });

  it('offer uptake windows only where the values are uptake', () => {
    expect(presetsOf({ ...stack(), modality: 'PT', unit: 'g/ml' }, null)[2]).toMatchObject({ id: 'suv_10', key: 3 });
    const counts = presetsOf({ ...stack(), modality: 'PT', unit: 'BQML' }, null);
    expect(counts.some(({ id }) => id.startsWith('suv'))).toBe(false);
  });

  it('offer colour pictures brightness and contrast', () => {
    const presets = presetsOf({ ...stack(), colour: true, modality: 'US' }, null);
    expect(presets.map(({ id }) => id)).toEqual(['original', 'brighter', 'contrast', 'brighter_contrast']);
  });
});

describe('synchronisation', () => {
  it('finds the slice at the same place, in the same frame of reference only', () => {
    const leader = new FakeTarget(stack(AXIAL, 10, 2), { position: 8 });
    const fine = new FakeTarget(stack(AXIAL, 40, 0.5));
    expect(followPosition(leader, fine)).toBe(16);
    expect(followPosition(leader, new FakeTarget(stack({ ...AXIAL, space: 'b' })))).toBe(-1);
    expect(followPosition(leader, new FakeTarget(stack(SAGITTAL)))).toBe(-1);
  });

  it('keeps a fixed difference by offset, even across frames of reference', () => {
    const leader = new FakeTarget(stack(AXIAL, 10, 2), { position: 4 });
    const follower = new FakeTarget(stack({ ...AXIAL, space: 'b' }, 20, 1), { position: 9 });
    const offset = offsetBetween(leader, follower);
    expect(offset).toBe(5);
    leader.goTo(3);
    expect(followOffset(leader, follower, offset)).toBe(11);
    const ordinal = new FakeTarget({ ...stack({ ...AXIAL }, 20, 1), position_unit: 'index' }, { position: 5 });
    expect(offsetBetween(leader, ordinal)).toBe(2);
    expect(followOffset(leader, ordinal, 2)).toBe(5);
  });

  it('shows the same size in millimetres', () => {
    const leader = new FakeTarget(stack(), { zoom: 2, center: [50, 50] });
    const follower = new FakeTarget(stack({ ...AXIAL, spacing: [1, 1] }));
    const patch = followView(leader, follower);
    expect(patch?.zoom).toBeCloseTo(4, 9);
    expect(patch?.center).toEqual([25, 25]);
    const plain = new FakeTarget(stack({ ...AXIAL, spacing: null }));
    expect(followView(leader, plain)).toBeNull();
  });

  it('copies the window within a modality', () => {
    const leader = new FakeTarget(stack(), { window: window(1, 2), invert: true });
    expect(followWindow(leader, new FakeTarget())).toMatchObject({ window: { center: 1, width: 2 }, invert: true });
    expect(followWindow(leader, new FakeTarget({ ...stack(), modality: 'MR' }))).toBeNull();
  });
});
