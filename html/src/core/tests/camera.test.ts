import { describe, expect, it } from 'vitest';

import {
  anglesOf,
  axesFrom,
  between,
  eyeDistance,
  initialCamera,
  lookAtAngles,
  lookFrom,
  projected,
  rollCamera,
  STANDARD_VIEWS,
  trackball,
  turnModel,
} from '../camera';
import { cubeDirection, cubeFaces } from '../orientationCube';
import { edgeLetters } from '../patient';
import { panned, zoomed } from '../placed';
import { lookOf, turnBetween } from '../rotation';
import { cornersOfVolume } from '../volumeSpace';
import { GRID, rounded, TILTED, vector } from './volumes';

const SIZE = { width: 400, height: 300 };
const FRONT = { ...axesFrom([0, -1, 0]), center: vector(0, 0, 0), extent: 300 };
const ORIGIN = vector(0, 0, 0);

describe('standard views', () => {
  it.each([
    ['A', 'H', 'L'],
    ['P', 'H', 'R'],
    ['L', 'H', 'P'],
    ['R', 'H', 'A'],
    ['H', 'A', 'R'],
    ['F', 'A', 'L'],
  ] as const)('from %s show %s at the top and %s on the right', (view, top, right) => {
    const axes = axesFrom([...STANDARD_VIEWS[view]]);
    const letters = edgeLetters(axes, { rotation: 0, flip_horizontal: false, flip_vertical: false });
    expect([letters?.top, letters?.right]).toEqual([top, right]);
    expect(rounded(lookOf(axes))).toEqual(rounded(STANDARD_VIEWS[view].map((part) => -part)));
  });

  it('at opening have all of the volume in sight from everywhere', () => {
    for (const grid of [GRID, TILTED]) {
      const camera = initialCamera(grid);
      for (const view of Object.values(STANDARD_VIEWS)) {
        const turned = lookFrom(camera, [...view], camera.center);
        for (const corner of cornersOfVolume(grid)) {
          const at = projected(turned, false, SIZE, corner);
          expect(at?.x).toBeGreaterThanOrEqual(0);
          expect(at?.y).toBeLessThanOrEqual(300.001);
        }
      }
    }
  });
});

describe('turning the model', () => {
  it('goes half round over the width of the viewport', () => {
    expect(rounded(lookOf(trackball(FRONT, SIZE, 400, 0, ORIGIN)))).toEqual([0, -1, 0]);
  });

  it('moves its near side with the hand', () => {
    const near = vector(0, -50, 0);
    const right = turnModel(FRONT, 20, 0, ORIGIN);
    expect(projected(right, false, SIZE, near)?.x).toBeCloseTo(200 + 50 * Math.sin((20 * Math.PI) / 180), 6);
    expect(projected(right, false, SIZE, near)?.y).toBeCloseTo(150, 6);
    const down = turnModel(FRONT, 0, 20, ORIGIN);
    expect(projected(down, false, SIZE, near)?.y).toBeGreaterThan(160);
    // The right side of the patient comes into sight when the front goes to the right.
    expect(anglesOf(right).left).toBeCloseTo(-20, 6);
  });

  it('leaves the pivot where it is on the screen', () => {
    const pivot = vector(30, 10, -20);
    const before = projected(FRONT, false, SIZE, pivot);
    const after = projected(trackball(FRONT, SIZE, 123, -45, pivot), false, SIZE, pivot);
    expect(after?.x).toBeCloseTo(before!.x, 9);
    expect(after?.y).toBeCloseTo(before!.y, 9);
    const other = projected(lookFrom(FRONT, [1, 0, 0], pivot), false, SIZE, pivot);
    expect(other?.x).toBeCloseTo(before!.x, 9);
  });

  it('keeps its axes square over many small turns', () => {
    let camera = { ...FRONT };
    for (let turn = 0; turn < 5000; turn += 1) camera = trackball(camera, SIZE, 3, 2, ORIGIN);
    expect(Math.hypot(...camera.row)).toBeCloseTo(1, 12);
    expect(Math.abs(camera.row.reduce((sum, part, axis) => sum + part * camera.column[axis]!, 0))).toBeLessThan(1e-12);
  });

  it('rolls clockwise', () => {
    const at = projected(rollCamera(FRONT, 90), false, SIZE, vector(40, 0, 0));
    expect(at?.x).toBeCloseTo(200, 9);
    expect(at?.y).toBeCloseTo(190, 9);
  });

  it('pans with the hand and zooms at the pointer', () => {
    expect(rounded(panned(FRONT, SIZE, 10, 20))).toEqual([-10, 0, 20]);
    const closer = zoomed(FRONT, SIZE, 2, { x: 300, y: 150 }, [1, 1000]);
    expect(closer.extent).toBe(150);
    expect(projected({ ...FRONT, ...closer }, false, SIZE, vector(100, 0, 0))?.x).toBeCloseTo(300, 9);
    expect(zoomed(FRONT, SIZE, 1e6, { x: 0, y: 0 }, [7, 1000]).extent).toBe(7);
  });

  it('moves by the shortest turn between two cameras', () => {
    const left = { ...FRONT, ...axesFrom([1, 0, 0]), extent: 1200 };
    const half = between(FRONT, left, 0.5);
    expect(anglesOf(half).left).toBeCloseTo(45, 6);
    expect(half.extent).toBeCloseTo(600, 6);
    expect(between(FRONT, left, 1)).toBe(left);
    expect(turnBetween(FRONT, axesFrom([0, 1, 0])).degrees).toBeCloseTo(180, 6);
    expect(anglesOf(between(FRONT, { ...FRONT, ...axesFrom([0, 1, 0]) }, 0.5)).head).toBeCloseTo(0, 6);
  });
});

describe('angles of angiography', () => {
  it.each([
    [30, 0],
    [-30, 0],
    [0, 20],
    [0, -20],
    [-45, 25],
    [90, 0],
  ])('LAO %s and CRA %s are what the camera is set to', (left, head) => {
    const angles = anglesOf(lookAtAngles(FRONT, { left, head }, ORIGIN));
    expect(angles.left).toBeCloseTo(left, 6);
    expect(angles.head).toBeCloseTo(head, 6);
  });

  it('have the camera on the left of the patient for LAO and above him for CRA', () => {
    expect(lookOf(lookAtAngles(FRONT, { left: 30, head: 0 }, ORIGIN))[0]).toBeCloseTo(-0.5, 6);
    expect(lookOf(lookAtAngles(FRONT, { left: 0, head: 30 }, ORIGIN))[2]).toBeCloseTo(-0.5, 6);
  });
});

describe('perspective', () => {
  it('keeps the plane through the centre and shows near things larger', () => {
    const eye = eyeDistance(300);
    expect(eye).toBeCloseTo(559.8, 1);
    expect(projected(FRONT, true, SIZE, vector(100, 0, 0))?.x).toBeCloseTo(300, 9);
    expect(projected(FRONT, true, SIZE, vector(100, -eye / 2, 0))?.x).toBeCloseTo(400, 9);
    expect(projected(FRONT, true, SIZE, vector(100, -eye, 0))).toBeNull();
  });
});

describe('orientation cube', () => {
  it('shows the front alone from the front, three faces from a corner', () => {
    expect(cubeFaces(FRONT, 64).map(({ view }) => view)).toEqual(['A']);
    expect(cubeFaces(axesFrom([1, -1, 1]), 64).map(({ view }) => view).sort()).toEqual(['A', 'H', 'L']);
    expect(cubeFaces(FRONT, 64)[0]?.middle).toEqual({ x: 32, y: 32 });
  });

  it('stays inside its drawing however it is turned', () => {
    for (const from of [vector(1, 1, 1), vector(1, -1, 0), vector(-1, 2, 3)]) {
      for (const { corners } of cubeFaces(rollCamera({ ...FRONT, ...axesFrom(from) }, 33), 64)) {
        for (const { x, y } of corners) {
          expect(Math.min(x, y)).toBeGreaterThan(0);
          expect(Math.max(x, y)).toBeLessThan(64);
        }
      }
    }
  });

  it('has faces, edges and corners under the pointer', () => {
    expect(cubeDirection(FRONT, 64, { x: 32, y: 32 })).toEqual([0, -1, 0]);
    expect(cubeDirection(FRONT, 64, { x: 48, y: 32 })).toEqual([1, -1, 0]);
    expect(cubeDirection(FRONT, 64, { x: 48, y: 16 })).toEqual([1, -1, 1]);
    expect(cubeDirection(FRONT, 64, { x: 2, y: 2 })).toBeNull();
  });

  it('reaches all 26 views', () => {
    const found = new Set<string>();
    for (const view of Object.values(STANDARD_VIEWS)) {
      for (let x = 0; x < 64; x += 4) {
        for (let y = 0; y < 64; y += 4) {
          const direction = cubeDirection(axesFrom([...view]), 64, { x: x + 0.5, y: y + 0.5 });
          if (direction) found.add(direction.map((part) => part + 0).join());
        }
      }
    }
    expect(found.size).toBe(26);
  });
});
