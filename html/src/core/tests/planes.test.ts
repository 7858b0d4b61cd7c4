import { describe, expect, it } from 'vitest';

import { edgeLetters } from '../patient';
import { acrossLine, angleAround, CENTER_GAP, cursorOf, hitPlanes, planeMarks, slabEdges } from '../planeLines';
import { carried, pointAt, toViewport } from '../placed';
import {
  extentLimits,
  fitPlane,
  initialPlanes,
  type LinkedPlanes,
  linkSlabs,
  movePoint,
  nextSlabMode,
  type PlaneId,
  resetPlanes,
  rollPlane,
  scrollPlane,
  setSlabMode,
  setThickness,
  shiftPlane,
  slabHalfWidth,
  slabOf,
  stepThickness,
  tiltPlane,
  turnLine,
  withPlane,
} from '../planes';
import { apply } from '../geometry';
import { lookOf } from '../rotation';
import { insideVolume, isInside, middleOfVolume, nearestPlace, smallestSpacing, toGrid, toPatient } from '../volumeSpace';
import { GRID, rounded, TILTED, vector } from './volumes';

const SIZE = { width: 400, height: 300 };
const SIZES = { axial: SIZE, coronal: SIZE, sagittal: SIZE };
const START = initialPlanes(GRID, SIZES);

const looks = ({ planes }: LinkedPlanes) =>
  Object.fromEntries(Object.entries(planes).map(([id, plane]) => [id, rounded(lookOf(plane))]));
const changed = (before: LinkedPlanes, after: LinkedPlanes) =>
  (['axial', 'coronal', 'sagittal'] as const).filter((id) => before.planes[id] !== after.planes[id]);

describe('places in a volume', () => {
  it('come from fractional columns, rows and millimetres, and go back', () => {
    const point = toPatient(TILTED, { column: 10, row: 20, place: 30 });
    expect(point).toEqual([-40, -25, -30]);
    const back = toGrid(TILTED, point);
    expect(rounded([back.column, back.row, back.place])).toEqual([10, 20, 30]);
  });

  it('know the middle, the finest spacing and the nearest slice', () => {
    expect(middleOfVolume(GRID)).toEqual([0, 0, 0]);
    expect(smallestSpacing(GRID)).toBe(1);
    expect(nearestPlace(GRID, vector(3, 3, -58.6))).toBe(0);
    expect(nearestPlace(GRID, vector(3, 3, -58.4))).toBe(1);
  });

  it('keep a point between the outermost voxels', () => {
    expect(rounded(insideVolume(GRID, vector(70, -90, 10)))).toEqual([50, -80, 10]);
    expect(isInside(GRID, vector(50, 80, 60))).toBe(true);
    expect(isInside(GRID, vector(50.1, 0, 0))).toBe(false);
  });
});

describe('the planes at opening', () => {
  it('go through the middle and look from the feet, the front and the left', () => {
    expect(START.point).toEqual([0, 0, 0]);
    expect(looks(START)).toEqual({ axial: [0, 0, 1], coronal: [0, 1, 0], sagittal: [-1, 0, 0] });
    const letters = (id: PlaneId) =>
      edgeLetters(START.planes[id], { rotation: 0, flip_horizontal: false, flip_vertical: false });
    expect(letters('axial')).toEqual({ top: 'A', right: 'L', bottom: 'P', left: 'R' });
    expect(letters('coronal')).toEqual({ top: 'H', right: 'L', bottom: 'F', left: 'R' });
    expect(letters('sagittal')).toEqual({ top: 'H', right: 'P', bottom: 'F', left: 'A' });
  });

  it('show all of the volume', () => {
    // 101 x 162 mm on 400 x 300 px: the height decides.
    expect(START.planes.axial.extent).toBeCloseTo(162, 9);
    // 162 x 123 mm: the width decides by a hair.
    expect(START.planes.sagittal.extent).toBeCloseTo(123, 9);
    expect(initialPlanes(GRID, { sagittal: { width: 200, height: 300 } }).planes.sagittal.extent).toBeCloseTo(162, 9);
  });

  it('begin at the slice that was read, inside the volume', () => {
    const there = initialPlanes(GRID, SIZES, [10, 20, 99]);
    expect(rounded(there.point)).toEqual([10, 20, 60]);
    expect(rounded(there.planes.axial.center)).toEqual([0, 0, 60]);
    expect(rounded(there.planes.coronal.center)).toEqual([0, 20, 0]);
  });
});

describe('moving', () => {
  it('the crosshair in a plane moves the other planes only, along their normals', () => {
    const moved = movePoint(START, GRID, vector(12, -7, 0));
    expect(changed(START, moved)).toEqual(['coronal', 'sagittal']);
    expect(rounded(moved.planes.coronal.center)).toEqual([0, -7, 0]);
    expect(rounded(moved.planes.sagittal.center)).toEqual([12, 0, 0]);
  });

  it('the crosshair stops at the border of the volume', () => {
    expect(rounded(movePoint(START, GRID, vector(500, 0, 0)).point)).toEqual([50, 0, 0]);
  });

  it('scrolls by the smallest spacing along the normal and stops at the last slice', () => {
    const once = scrollPlane(START, GRID, 'axial', 4);
    expect(changed(START, once)).toEqual(['axial']);
    expect(rounded(once.point)).toEqual([0, 0, 4]);
    expect(rounded(scrollPlane(START, GRID, 'sagittal', 5).point)).toEqual([-5, 0, 0]);
    const end = scrollPlane(START, GRID, 'axial', 1000);
    expect(end.point[2]).toBeCloseTo(60, 5);
    const stays = scrollPlane(end, GRID, 'axial', 1);
    expect(stays.point[2]).toBeCloseTo(60, 5);
    expect(scrollPlane(end, GRID, 'sagittal', 3).point[0]).toBeCloseTo(-3, 5);
  });

  it('a line moves its own plane parallel to itself and leaves the others where they are', () => {
    const loose = turnLine({ ...START, ortho: false }, 'axial', 'coronal', 30, true).linked;
    const moved = shiftPlane(loose, GRID, 'coronal', 5);
    expect(changed(loose, moved)).toEqual(['coronal']);
    // The crosshair stays on the sagittal plane x = 0 and in the axial one.
    expect(rounded([moved.point[0], moved.point[2]])).toEqual([0, 0]);
    expect(moved.point[1]).toBeCloseTo(5 / Math.cos(Math.PI / 6), 6);
  });
});

describe('turning lines', () => {
  it('turns both lines clockwise while the planes stay square', () => {
    const { linked, angle } = turnLine(START, 'axial', 'coronal', 30);
    expect(angle).toBeCloseTo(30, 6);
    expect(changed(START, linked)).toEqual(['coronal', 'sagittal']);
    const { coronal, sagittal } = linked.planes;
    expect(rounded(coronal.row)).toEqual(rounded([Math.cos(Math.PI / 6), 0.5, 0]));
    expect(rounded(coronal.column)).toEqual([0, 0, -1]);
    expect(rounded(lookOf(sagittal))).toEqual(rounded([-Math.cos(Math.PI / 6), -0.5, 0]));
    const before = planeMarks(START, 'axial', SIZE).lines[0];
    const after = planeMarks(linked, 'axial', SIZE).lines[0];
    expect(rounded([before!.direction.x, before!.direction.y])).toEqual([1, 0]);
    expect(angleAround({ x: 0, y: 0 }, before!.direction, after!.direction)).toBeCloseTo(30, 6);
  });

  it('turns one line alone when the planes need not be square', () => {
    const { linked } = turnLine({ ...START, ortho: false }, 'axial', 'sagittal', 20);
    expect(changed(START, linked)).toEqual(['sagittal']);
  });

  it('snaps within two degrees of a patient axis unless it is free', () => {
    expect(turnLine(START, 'axial', 'coronal', 1.9)).toMatchObject({ snapped: true, angle: 0 });
    expect(looks(turnLine(START, 'axial', 'coronal', 88.5).linked).coronal).toEqual([-1, 0, 0]);
    expect(turnLine(START, 'axial', 'coronal', 2.1)).toMatchObject({ snapped: false });
    expect(turnLine(START, 'axial', 'coronal', 1.5, true).angle).toBeCloseTo(1.5, 6);
  });

  it('keeps what a viewport shows where it was relative to the crosshair', () => {
    const panned = withPlane(START, 'coronal', { center: [20, 0, 10] });
    const { linked } = turnLine(panned, 'axial', 'coronal', 90);
    expect(rounded(linked.planes.coronal.center)).toEqual([0, 20, 10]);
  });

  it('tilts all planes as one body, half a turn over the width', () => {
    const tilted = tiltPlane(START, 'axial', SIZE, 200, 0);
    // The side that is near the viewer goes with the hand: the patient's right comes to the front.
    expect(looks(tilted).axial).toEqual([1, 0, 0]);
    expect(rounded(tilted.planes.axial.column)).toEqual([0, 1, 0]);
    expect(looks(tilted).sagittal).toEqual([0, 0, 1]);
    expect(changed(START, tiltPlane({ ...START, ortho: false }, 'axial', SIZE, 20, 5))).toEqual(['axial']);
  });

  it('rolls a picture without moving its plane', () => {
    const rolled = rollPlane(START, 'axial', 90);
    expect(looks(rolled)).toEqual(looks(START));
    // What was on the right is at the bottom.
    expect(toViewport(rolled.planes.axial, SIZE, [10, 0, 0]).y).toBeGreaterThan(160);
    expect(changed(START, rolled)).toEqual(['axial']);
  });

  it('goes back to the beginning with the slab kept', () => {
    const slab = setThickness(turnLine(START, 'sagittal', 'axial', 25).linked, 'axial', 12);
    const back = resetPlanes(movePoint(slab, GRID, vector(5, 5, 5)), GRID, SIZES);
    expect(looks(back)).toEqual(looks(START));
    expect(back.point).toEqual([0, 0, 0]);
    expect(slabOf(back.planes.axial)).toBe(12);
  });
});

describe('slabs', () => {
  it('go through the modes and come back to a single plane', () => {
    expect(['off', 'mip', 'minip', 'mean', 'sum'].map((mode) => nextSlabMode(mode as 'off'))).toEqual([
      'mip',
      'minip',
      'mean',
      'sum',
      'off',
    ]);
    expect(slabOf(setSlabMode(START, 'axial', 'mean').planes.axial)).toBe(10);
  });

  it('are MIPs at first, go in half millimetres up to 200 and end as a single plane', () => {
    const first = setThickness(START, 'coronal', 3.3);
    expect(first.planes.coronal).toMatchObject({ mode: 'mip', thickness: 3.5 });
    expect(setThickness(first, 'coronal', 900).planes.coronal.thickness).toBe(200);
    expect(setThickness(first, 'coronal', 0.1).planes.coronal.mode).toBe('off');
  });

  it('grow by 1, 5 and 10 mm', () => {
    const after = (from: number, direction: 1 | -1) =>
      slabOf(stepThickness(setThickness(START, 'axial', from), 'axial', direction).planes.axial);
    expect([after(0, 1), after(19, 1), after(20, 1), after(50, 1)]).toEqual([1, 20, 25, 60]);
    expect([after(1, -1), after(20, -1), after(25, -1), after(60, -1)]).toEqual([0, 19, 20, 50]);
  });

  it('are one for all planes only while they are linked', () => {
    const all = setThickness(START, 'axial', 8);
    expect(changed(START, all)).toEqual(['axial', 'coronal', 'sagittal']);
    const one = setThickness(linkSlabs(all, 'axial', false), 'axial', 20);
    expect([slabOf(one.planes.axial), slabOf(one.planes.sagittal)]).toEqual([20, 8]);
    expect(slabOf(linkSlabs(one, 'axial', true).planes.sagittal)).toBe(20);
  });
});

describe('lines over a viewport', () => {
  const marks = planeMarks(START, 'axial', SIZE);
  const [coronal, sagittal] = marks.lines;

  it('cross at the crosshair with a gap, with round and square handles at two and one thirds', () => {
    expect(marks.center).toEqual({ x: 200, y: 150 });
    expect(coronal?.plane).toBe('coronal');
    expect(coronal?.pieces).toEqual([
      { from: { x: 0, y: 150 }, to: { x: 200 - CENTER_GAP, y: 150 } },
      { from: { x: 200 + CENTER_GAP, y: 150 }, to: { x: 400, y: 150 } },
    ]);
    expect(coronal?.rotate.map(({ x }) => Math.round(x))).toEqual([67, 333]);
    expect(sagittal?.slab).toEqual([
      { x: 200, y: 100 },
      { x: 200, y: 200 },
    ]);
  });

  it('are hit as centre, handle or line, and not beyond the round handles', () => {
    expect(hitPlanes(marks, { x: 206, y: 156 })).toEqual({ part: 'center', plane: null });
    expect(hitPlanes(marks, { x: 335, y: 148 })).toEqual({ part: 'rotate', plane: 'coronal' });
    expect(hitPlanes(marks, { x: 203, y: 98 })).toEqual({ part: 'slab', plane: 'sagittal' });
    expect(hitPlanes(marks, { x: 290, y: 154 })).toEqual({ part: 'line', plane: 'coronal' });
    expect(hitPlanes(marks, { x: 380, y: 150 })).toBeNull();
    expect(hitPlanes(marks, { x: 290, y: 160 })).toBeNull();
    expect(hitPlanes(marks, { x: 290, y: 160 }, true)).toEqual({ part: 'line', plane: 'coronal' });
  });

  it('show by the pointer in which way they move', () => {
    expect(cursorOf({ part: 'line', plane: 'coronal' }, marks)).toBe('ns-resize');
    expect(cursorOf({ part: 'line', plane: 'sagittal' }, marks)).toBe('ew-resize');
    const turned = planeMarks(turnLine(START, 'axial', 'coronal', 45).linked, 'axial', SIZE);
    expect(cursorOf({ part: 'slab', plane: 'coronal' }, turned)).toBe('nesw-resize');
    expect(cursorOf({ part: 'slab', plane: 'sagittal' }, turned)).toBe('nwse-resize');
  });

  it('carry the edges of the slab', () => {
    const slab = setThickness(START, 'axial', 54);
    const line = planeMarks(slab, 'axial', SIZE).lines[0]!;
    // 300 px show 162 mm.
    expect(line.half).toBeCloseTo(50, 6);
    expect(slabEdges(line).map(({ from }) => Math.round(from.y))).toEqual([200, 100]);
    expect(slabHalfWidth(slab.planes.axial, slab.planes.coronal, SIZE)).toBeCloseTo(50, 6);
    expect(Math.abs(acrossLine(line, { x: 200, y: 150 }, { x: 10, y: 175 }))).toBe(25);
  });

  it('have no handles when the crosshair is out of sight', () => {
    const away = planeMarks(withPlane(START, 'axial', { center: [400, 0, 0] }), 'axial', SIZE);
    expect(away.lines.map(({ rotate }) => rotate)).toEqual([[], []]);
    expect(away.lines[1]?.ends).toEqual([]);
  });

  it('vanish for planes that are nearly parallel', () => {
    const loose = turnLine({ ...START, ortho: false }, 'axial', 'coronal', 88, true).linked;
    expect(planeMarks(loose, 'axial', SIZE).lines).toHaveLength(2);
    expect(planeMarks(loose, 'sagittal', SIZE).lines.map(({ plane }) => plane)).toEqual(['axial']);
  });
});

describe('what a viewport shows', () => {
  it('fits the volume again and limits the magnification', () => {
    const zoomed = withPlane(START, 'axial', { extent: 10, center: [30, 30, 0] });
    const fitted = fitPlane(zoomed, GRID, 'axial', SIZE).planes.axial;
    expect(fitted.extent).toBeCloseTo(162, 6);
    expect(rounded(fitted.center)).toEqual([0, 0, 0]);
    expect(extentLimits(GRID, SIZE)).toEqual([7.5, 6000]);
  });

  it('has a point under the pointer', () => {
    expect(rounded(pointAt(START.planes.coronal, SIZE, { x: 200, y: 0 }))).toEqual([
      0,
      0,
      Number((START.planes.coronal.extent / 2).toFixed(6)),
    ]);
  });

  it('carries the last picture along within its plane, and not to another plane', () => {
    const from = START.planes.axial;
    const to = { ...rollPlane(START, 'axial', 30).planes.axial, center: vector(7, 3, 0), extent: 100 };
    const move = carried(from, SIZE, to, SIZE)!;
    const at = { x: 33, y: 44 };
    const direct = toViewport(to, SIZE, pointAt(from, SIZE, at));
    expect(apply(move, at).x).toBeCloseTo(direct.x, 9);
    expect(apply(move, at).y).toBeCloseTo(direct.y, 9);
    expect(carried(from, SIZE, START.planes.coronal, SIZE)).toBeNull();
  });
});
