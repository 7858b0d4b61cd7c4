import { describe, expect, it } from 'vitest';

import { axesFrom } from '../camera';
import { BOX_HANDLES, boxInPlane, boxOnScreen, dragBox, dragInBox, fullBox, handlePoint, isFull, keptBox } from '../cropBox';
import { initialPlanes } from '../planes';
import { Lasso, MAX_CORNERS } from '../scissors';
import {
  addPoint,
  centreOf,
  colourOf,
  hexOf,
  movePoint,
  recolour,
  removePoint,
  sampleTransfer,
  shiftTransfer,
  widthOf,
} from '../transferFunction';
import { MAX_STEPS, UndoList } from '../undoList';
import { percentilesOf, volumePresetOf, volumePresetsOf } from '../volumePresets';
import { GRID, rounded, TILTED, vector } from './volumes';

const SIZE = { width: 400, height: 300 };
const FRONT = { ...axesFrom([0, -1, 0]), center: vector(0, 0, 0), extent: 300 };
const CT = { modality: 'CT', unit: 'HU', value_range: [-1024, 3071] as [number, number] };

describe('presets of volumes', () => {
  it('are sixteen for CT, the first nine with keys, bones first', () => {
    const presets = volumePresetsOf(CT);
    expect(presets).toHaveLength(16);
    expect(presets.slice(0, 9).map(({ key }) => key)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(presets[0]).toMatchObject({ id: 'ct-bone', look: { mode: 'composite', light: { specular: 0.3, power: 20 } } });
    expect(presets[0]?.look.transfer[1]).toEqual({
      value: 250,
      opacity: 0.15,
      colour: [0xb9 / 255, 0x8a / 255, 0x62 / 255],
    });
    expect(presets[8]).toMatchObject({ id: 'ct-mip', look: { mode: 'mip', window: { center: 200, width: 800 } } });
  });

  it('rise in value, and have opacities of 0 to 1', () => {
    for (const { look } of [...volumePresetsOf(CT), ...volumePresetsOf({ ...CT, modality: 'MR' })]) {
      const values = look.transfer.map(({ value }) => value);
      expect(values).toEqual([...values].sort((a, b) => a - b));
      for (const { opacity } of look.transfer) expect(opacity).toBeLessThanOrEqual(1);
      if (look.mode === 'composite') expect(look.light).not.toBeNull();
      if (look.light) expect(look.light.ambient + look.light.diffuse).toBeCloseTo(1, 9);
    }
  });

  it('of MR are per cent of the way between the percentiles', () => {
    const [angio, mip, , brain] = volumePresetsOf(
      { modality: 'MR', unit: '', value_range: [0, 5000] },
      { p1: 100, p50: 400, p999: 1100 },
    );
    expect(angio?.look.transfer[0]?.value).toBe(450);
    expect(mip?.look.window).toMatchObject({ center: 750, width: 700 });
    expect(brain?.look.gradient[1]).toEqual({ magnitude: 50, factor: 1 });
    expect(percentilesOf({ value_range: null })).toEqual({ p1: 0, p50: 0.5, p999: 1 });
  });

  it('of PET need a known uptake, else they show the whole range', () => {
    const suv = volumePresetsOf({ modality: 'PT', unit: 'SUVbw', value_range: [0, 40] })[0];
    expect(suv?.look).toMatchObject({ mode: 'mip', window: { center: 5, width: 10 }, colour_map: 'inverted' });
    const counts = volumePresetsOf({ modality: 'PT', unit: 'BQML', value_range: [0, 400] })[0];
    expect(counts?.look.window).toMatchObject({ center: 200, width: 400 });
  });

  it('are known again by what a view shows', () => {
    const presets = volumePresetsOf(CT);
    expect(volumePresetOf(presets, presets[3]!.look)?.id).toBe('ct-skin');
    expect(volumePresetOf(presets, { ...presets[8]!.look, transfer: presets[0]!.look.transfer })?.id).toBe('ct-mip');
    const shifted = { ...presets[3]!.look, transfer: shiftTransfer(presets[3]!.look.transfer, 10) };
    expect(volumePresetOf(presets, shifted)).toBeNull();
  });
});

describe('transfer functions', () => {
  const BONE = volumePresetsOf(CT)[0]!.look.transfer;

  it('are linear between points and hold beyond the ends', () => {
    expect(sampleTransfer(BONE, 200).opacity).toBeCloseTo(0.075, 9);
    expect(sampleTransfer(BONE, -500).opacity).toBe(0);
    expect(sampleTransfer(BONE, 9000).opacity).toBe(0.95);
    const half = sampleTransfer(BONE, 200).colour[0];
    expect(half).toBeCloseTo((0x6b + 0xb9) / 2 / 255, 9);
  });

  it('move, and widen about the middle of their rising part', () => {
    expect(centreOf(BONE)).toBe(525);
    expect(widthOf(BONE)).toBe(750);
    const wider = shiftTransfer(BONE, -100, 2).map(({ value }) => value);
    expect(wider).toEqual([-325, -125, 275, 1175, 5517]);
  });

  it('are edited point by point, in order', () => {
    expect(movePoint(BONE, 1, 5000, 2)[1]).toMatchObject({ value: 450, opacity: 1 });
    const { points, index } = addPoint(BONE, 600, 0.7);
    expect(index).toBe(3);
    expect(points.map(({ value }) => value)).toEqual([150, 250, 450, 600, 900, 3071]);
    expect(removePoint(points, 3)).toEqual(BONE);
    expect(removePoint(BONE.slice(0, 2), 0)).toHaveLength(2);
    expect(hexOf(recolour(BONE, 0, colourOf('#12AB7F'))[0]!.colour)).toBe('#12ab7f');
  });
});

describe('crop box', () => {
  const FULL = fullBox(GRID);

  it('reaches to the outer edges of the voxels', () => {
    expect(FULL).toEqual([
      [-0.5, -1, -1.5],
      [100.5, 161, 121.5],
    ]);
    expect(isFull(FULL, GRID)).toBe(true);
    expect(rounded(handlePoint(FULL, [0, 0, 0], GRID))).toEqual([0, 0, 0]);
    expect(rounded(handlePoint(FULL, [-1, -1, -1], TILTED))).toEqual([-50.5, -81.75, -61.5]);
  });

  it('has handles on six faces and eight corners', () => {
    expect(BOX_HANDLES).toHaveLength(14);
    const { edges, handles } = boxOnScreen(FULL, GRID, FRONT, false, SIZE);
    expect(edges).toHaveLength(12);
    expect(handles).toHaveLength(14);
    const front = handles.find(({ part }) => part.join() === '0,-1,0');
    expect(rounded([front!.at.x, front!.at.y])).toEqual([200, 150]);
  });

  it('is dragged by faces, corners and as a whole, inside the volume', () => {
    expect(dragBox(FULL, [1, 0, 0], [-30, 9, 9], GRID)[1]).toEqual([70.5, 161, 121.5]);
    expect(dragBox(FULL, [1, 0, 0], [-300, 0, 0], GRID)[1][0]).toBe(1.5);
    expect(dragBox(FULL, [-1, -1, 1], [10, 20, 30], GRID)).toEqual([
      [9.5, 19, -1.5],
      [100.5, 161, 121.5],
    ]);
    const small = keptBox([[10, 10, 10], [20, 20, 20]], GRID);
    expect(dragBox(small, [0, 0, 0], [5, 500, -500], GRID)).toEqual([
      [15, 151, -1.5],
      [25, 161, 8.5],
    ]);
    expect(isFull(small, GRID)).toBe(false);
  });

  it('is put in order from numbers typed in any order', () => {
    expect(keptBox([[60, 0, 0], [40, 900, 0.5]], GRID)).toEqual([
      [40, 0, 0],
      [60, 161, 2],
    ]);
  });

  it('turns px into millimetres along its own axes', () => {
    // One px is one mm here; from the front columns go right and slices up.
    expect(rounded(dragInBox([1, 0, 0], GRID, FRONT, SIZE, 12, 5))).toEqual([12, 0, 0]);
    expect(rounded(dragInBox([0, 0, 1], GRID, FRONT, SIZE, 12, -7))).toEqual([0, 0, 7]);
    expect(rounded(dragInBox([0, 1, 0], GRID, FRONT, SIZE, 12, -7))).toEqual([0, 0, 0]);
    expect(rounded(dragInBox([1, 1, 1], GRID, FRONT, SIZE, 12, -7))).toEqual([12, 0, 7]);
  });

  it('is a rectangle in a plane', () => {
    const { axial } = initialPlanes(GRID, { axial: SIZE }).planes;
    const corners = boxInPlane(keptBox([[25, 40, 30], [75, 120, 90]], GRID), GRID, { ...axial, extent: 300 }, SIZE);
    expect(corners.map(({ x, y }) => rounded([x, y]))).toEqual([
      [175, 110],
      [225, 110],
      [225, 190],
      [175, 190],
    ]);
    expect(boxInPlane(FULL, GRID, { ...axial, center: [0, 0, 500] }, SIZE)).toEqual([]);
  });
});

describe('scissors', () => {
  it('keep the camera, and corners in millimetres from the middle', () => {
    const lasso = new Lasso(true);
    for (const [x, y] of [[100, 50], [300, 50], [300, 51], [300, 250], [100, 250]] as const) lasso.add({ x, y });
    const cut = lasso.close(FRONT, false, SIZE);
    expect(cut).toMatchObject({ row: [1, 0, 0], column: [0, 0, -1], extent: 300, inside: true, perspective: false });
    expect(cut?.corners).toEqual([
      [-100, -100],
      [100, -100],
      [100, 100],
      [-100, 100],
    ]);
  });

  it('leave out what a straight line has between its ends, and never keep more than 256 corners', () => {
    const straight = new Lasso(false);
    for (let x = 0; x <= 200; x += 4) straight.add({ x, y: 10 });
    for (let y = 14; y <= 200; y += 4) straight.add({ x: 200, y });
    expect(straight.close(FRONT, false, SIZE)?.corners).toHaveLength(3);
    const rough = new Lasso(true);
    for (let step = 0; step < 3000; step += 1) {
      const angle = (step * 2 * Math.PI) / 3000;
      const radius = 3000 + (step % 2) * 40;
      rough.add({ x: radius * Math.cos(angle), y: radius * Math.sin(angle) });
    }
    expect(rough.close(FRONT, false, SIZE)?.corners.length).toBeLessThanOrEqual(MAX_CORNERS);
  });

  it('cut nothing with a slip of the hand', () => {
    const slip = new Lasso(true);
    for (const x of [10, 14, 18]) slip.add({ x, y: 10 });
    expect(slip.close(FRONT, false, SIZE)).toBeNull();
    expect(new Lasso(true).close(FRONT, false, SIZE)).toBeNull();
  });
});

describe('undo', () => {
  it('goes back and forth until something new is done', () => {
    const list = new UndoList();
    let value = 'a';
    const set = (next: string): void => {
      list.change(value, next, (kept) => {
        value = kept;
      });
      value = next;
    };
    set('b');
    set('c');
    set('c');
    expect([list.undo(), value]).toEqual([true, 'b']);
    expect([list.undo(), value, list.canUndo]).toEqual([true, 'a', false]);
    expect([list.redo(), value]).toEqual([true, 'b']);
    set('d');
    expect([list.redo(), value]).toEqual([false, 'd']);
    expect([list.undo(), value]).toEqual([true, 'b']);
  });

  it('keeps a hundred steps', () => {
    const list = new UndoList();
    for (let step = 0; step < MAX_STEPS + 20; step += 1) list.push({ undo: () => undefined, redo: () => undefined });
    let count = 0;
    while (list.undo()) count += 1;
    expect(count).toBe(100);
  });
});
