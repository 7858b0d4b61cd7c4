import { describe, expect, it } from 'vitest';

import { rasterOf } from '../geometry';
import {
  angleBetween,
  edgeLetters,
  nearestSlice,
  orientationLetters,
  patientToSource,
  planeName,
  planeOf,
  referenceLine,
  sameSpace,
  sourceToPatient,
} from '../patient';
import type { Opened, StackFrame, Vector } from '../wire';
import { AXIAL, SAGITTAL, stack, UNKNOWN } from './samples';

const UPRIGHT = { rotation: 0, flip_horizontal: false, flip_vertical: false };

function plane(opened: Opened, index: number) {
  const slice = opened.slices[index] as StackFrame;
  const found = planeOf(slice, opened.geometry, rasterOf(slice, opened.geometry));
  if (!found) throw new Error('no plane');
  return found;
}

describe('orientation letters', () => {
  it('names what lies beyond the edges of an axial slice', () => {
    expect(edgeLetters(AXIAL, UPRIGHT)).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
  });

  it('follows turning and mirroring', () => {
    expect(edgeLetters(AXIAL, { ...UPRIGHT, rotation: 90 })).toEqual({ left: 'P', right: 'A', top: 'R', bottom: 'L' });
    expect(edgeLetters(AXIAL, { ...UPRIGHT, flip_horizontal: true })).toEqual({
      left: 'L',
      right: 'R',
      top: 'A',
      bottom: 'P',
    });
  });

  it('uses the letters of the setting for up and down', () => {
    expect(edgeLetters(SAGITTAL, UPRIGHT, 'SI')).toEqual({ left: 'A', right: 'P', top: 'S', bottom: 'I' });
    expect(edgeLetters(SAGITTAL, UPRIGHT)?.bottom).toBe('F');
  });

  it('gives up to three letters of an oblique direction, the largest first', () => {
    expect(orientationLetters([0.3, -0.9, 0.2])).toBe('ALH');
    expect(orientationLetters([0.999, 0.03, 0])).toBe('L');
  });

  it('says nothing where nothing is known', () => {
    expect(edgeLetters(UNKNOWN, UPRIGHT)).toBeNull();
  });
});

describe('planes', () => {
  it('names the plane by its normal', () => {
    expect(planeName(AXIAL)).toBe('axial');
    expect(planeName(SAGITTAL)).toBe('sagittal');
    const half = Math.SQRT1_2;
    expect(planeName({ ...AXIAL, column: [0, half, half] })).toBe('oblique');
    expect(planeName(UNKNOWN)).toBeNull();
  });

  it('goes to patient coordinates and back', () => {
    const axial = plane(stack(AXIAL, 10, 2, [-50, -25, 100]), 3);
    const point = sourceToPatient(axial, { x: 20, y: 10 });
    expect(point).toEqual([-40, -20, 106]);
    expect(patientToSource(axial, [-40, -20, 108])).toEqual({ source: { x: 20, y: 10 }, distance: 2 });
  });

  it('finds the slice nearest to a point', () => {
    const { slices, geometry } = stack(AXIAL, 10, 2);
    expect(nearestSlice(slices, geometry, [0, 0, 6.9])).toBe(3);
    expect(nearestSlice(slices, geometry, [0, 0, 900])).toBe(9);
    expect(nearestSlice(slices, UNKNOWN, [0, 0, 0])).toBe(-1);
  });

  it('compares coordinates of one frame of reference only', () => {
    expect(sameSpace(AXIAL, SAGITTAL)).toBe(true);
    expect(sameSpace(AXIAL, { ...SAGITTAL, space: 'b' })).toBe(false);
    expect(sameSpace({ ...AXIAL, space: '' }, { ...AXIAL, space: '' })).toBe(false);
    expect(angleBetween(AXIAL, SAGITTAL)).toBeCloseTo(90, 9);
  });
});

describe('reference lines', () => {
  it('shows where a slice cuts another one', () => {
    const axial = plane(stack(AXIAL, 10, 2, [0, 0, 0]), 5);
    const sagittal = plane(stack(SAGITTAL, 10, 2, [20, 0, 40] as Vector), 0);
    const line = referenceLine(axial, sagittal);
    const xs = line?.map((end) => end.x);
    const ys = line?.map((end) => end.y).sort((a, b) => a - b);
    expect(xs).toEqual([40, 40]);
    expect(ys).toEqual([-0.5, 199.5]);
  });

  it('draws nothing for parallel planes or where the slice does not reach', () => {
    const axial = stack(AXIAL);
    expect(referenceLine(plane(axial, 0), plane(axial, 4))).toBeNull();
    const far = plane(stack(SAGITTAL, 1, 1, [20, 0, -900] as Vector), 0);
    expect(referenceLine(plane(axial, 0), far)).toBeNull();
  });
});
