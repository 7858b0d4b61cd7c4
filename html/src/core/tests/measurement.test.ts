import { beforeEach, describe, expect, it, vi } from 'vitest';

import { Drawing } from '../measurement/drawing';
import { hitShapes } from '../measurement/hit';
import { type Labelled, layOut } from '../measurement/layout';
import { MeasurementList } from '../measurement/list';
import { onPlaneOf, onSliceOf } from '../measurement/paste';
import { questionOf } from '../measurement/question';
import { Questions } from '../measurement/questions';
import { type Measurement, outline, type Shape, straightened, translated, withHandle } from '../measurement/shape';
import { fromPatient, planeSheet, type Sheet, sliceSheet, toPatient } from '../measurement/sheet';
import { contains, type Surface, surfaceOfPlane, surfaceOfSlice } from '../measurement/surface';
import { UndoList } from '../undoList';
import { INITIAL_PLANE } from '../volumeViewport';
import type { Measured, MeasureQuestion, MprView } from '../wire';
import { AXIAL, FakeTarget, SAGITTAL, stack, UNKNOWN } from './samples';
import { GRID, rounded } from './volumes';

const NONE = { shift: false, alt: false };

/** 200 x 100 pixels of 0.5 mm on 400 x 400 px: one pixel is two px, the picture begins at y = 100. */
function slice(view = {}, opened = stack()): Surface {
  return surfaceOfSlice(new FakeTarget(opened, view))!;
}

function plane(change: Partial<MprView> = {}): Surface {
  const view = { ...INITIAL_PLANE, extent: 400, ...change };
  return surfaceOfPlane({ stack: { ...stack(), volume: GRID }, view, size: { width: 400, height: 400 } })!;
}

function shape(kind: Shape['kind'], points: readonly (readonly [number, number])[], sheet: Sheet = slice().sheet): Shape {
  return { kind, sheet, points: points.map(([x, y]) => ({ x, y })) };
}

const measurement = (of: Shape, id = 1): Measurement => ({ ...of, id, series: 's', plate: null, label: '' });
const coordinates = ({ points }: Shape) => points.map(({ x, y }) => rounded([x, y]));

describe('a sheet', () => {
  it('is a slice in columns and rows, whose points lie in the patient where the file says', () => {
    const sheet = sliceSheet(stack(), 3)!;
    expect(toPatient(sheet, { x: 10, y: 20 })).toEqual([5, 10, 6]);
    expect(fromPatient(sheet, [5, 10, 8])).toEqual({ x: 10, y: 20, depth: 2 });
    expect(toPatient(sliceSheet(stack(UNKNOWN), 3)!, { x: 1, y: 1 })).toBeNull();
    expect(sliceSheet(stack(), 99)).toBeNull();
  });

  it('is a plane in millimetres from where it was drawn', () => {
    const sheet = planeSheet({ ...INITIAL_PLANE, center: [1, 2, 3], column: [0, 0, -1] });
    expect(toPatient(sheet, { x: 10, y: 20 })).toEqual([11, 2, -17]);
  });
});

describe('a surface', () => {
  it('finds what lies under the pointer, and moves it into the picture', () => {
    const surface = slice();
    expect(surface.pointOn(surface.sheet, { x: 1, y: 101 })).toEqual({ x: 0, y: 0 });
    expect(surface.insideOn(surface.sheet, { x: -50, y: 390 })).toEqual({ x: -0.5, y: 99.5 });
    expect(surface.pixel).toBe(2);
  });

  it('holds the shapes of its own slice, and those of planes within half a slice', () => {
    const surface = slice({ position: 4 });
    const own = sliceSheet(stack(), 2)!;
    expect(contains(surface, own, [{ x: 0, y: 0 }])).toBe(true);
    expect(contains(surface, sliceSheet(stack(), 3)!, [{ x: 0, y: 0 }])).toBe(false);
    const near = planeSheet({ ...INITIAL_PLANE, center: [0, 0, 4.9] });
    expect(contains(surface, near, [{ x: 9, y: 9 }])).toBe(true);
    const across = planeSheet({ ...INITIAL_PLANE, center: [0, 0, 4], column: [0, 0, -1] });
    expect(contains(surface, across, [{ x: 0, y: 0 }, { x: 9, y: 9 }])).toBe(false);
  });

  it('without a place in the patient holds only its own', () => {
    const unknown = stack(UNKNOWN);
    const surface = slice({}, unknown);
    expect(contains(surface, sliceSheet(unknown, 0)!, [{ x: 3, y: 3 }])).toBe(true);
    expect(contains(surface, sliceSheet(unknown, 1)!, [{ x: 3, y: 3 }])).toBe(false);
  });

  it('of a plane holds what is nearer than half a millimetre or half the slab', () => {
    const sheet = planeSheet({ ...INITIAL_PLANE, center: [0, 0, 3] });
    expect(contains(plane(), sheet, [{ x: 0, y: 0 }])).toBe(false);
    expect(contains(plane({ center: [0, 0, 2.6] }), sheet, [{ x: 0, y: 0 }])).toBe(true);
    expect(contains(plane({ slab: 6 }), sheet, [{ x: 0, y: 0 }])).toBe(true);
    const inside = plane().insideOn(planeSheet(INITIAL_PLANE), { x: 0, y: 200 });
    expect(rounded([inside.x, inside.y])).toEqual([-50, 0]);
  });
});

describe('drawing', () => {
  const surface = slice();

  it('of a length goes by drag, and by clicks with a move between', () => {
    const dragged = Drawing.begin('length', surface, { x: 21, y: 121 });
    expect(dragged.set(surface, { x: 21, y: 121 })).toBe(false);
    dragged.move(surface, { x: 81, y: 201 }, NONE);
    expect(coordinates(dragged.shape!)).toEqual([[10, 10], [40, 50]]);
    expect(dragged.complete).toBe(true);
    expect(dragged.set(surface, { x: 81, y: 201 })).toBe(true);
  });

  it('of an angle takes three points, and shows its first arm', () => {
    const angle = Drawing.begin('angle', surface, { x: 21, y: 121 });
    expect(angle.shape).toBeNull();
    angle.move(surface, { x: 81, y: 121 }, NONE);
    expect(angle.shape?.kind).toBe('length');
    expect(angle.complete).toBe(false);
    expect(angle.set(surface, { x: 81, y: 121 })).toBe(false);
    angle.move(surface, { x: 81, y: 161 }, NONE);
    expect(coordinates(angle.shape!)).toEqual([[10, 10], [40, 10], [40, 30]]);
    expect(angle.set(surface, { x: 81, y: 161 })).toBe(true);
  });

  it('of a box goes from corner to corner, with Shift as a square, with Alt from its centre', () => {
    const box = Drawing.begin('rectangle', surface, { x: 101, y: 201 });
    box.move(surface, { x: 141, y: 221 }, NONE);
    expect(coordinates(box.shape!)).toEqual([[50, 50], [70, 50], [70, 60], [50, 60]]);
    box.move(surface, { x: 141, y: 221 }, { shift: true, alt: false });
    expect(coordinates(box.shape!)).toEqual([[50, 50], [70, 50], [70, 70], [50, 70]]);
    box.move(surface, { x: 141, y: 221 }, { shift: false, alt: true });
    expect(coordinates(box.shape!)).toEqual([[30, 40], [70, 40], [70, 60], [30, 60]]);
    const ellipse = Drawing.begin('ellipse', surface, { x: 101, y: 201 });
    ellipse.move(surface, { x: 141, y: 221 }, NONE);
    expect(coordinates(ellipse.shape!)).toEqual([[50, 55], [70, 55], [60, 50], [60, 60]]);
  });

  it('follows a turned and mirrored picture: a box stays upright on the screen', () => {
    const turned = slice({ rotation: 90, flip_horizontal: true });
    const box = Drawing.begin('rectangle', turned, { x: 180, y: 180 });
    box.move(turned, { x: 220, y: 200 }, NONE);
    const places = box.shape!.points.map((point) => turned.place(turned.sheet, point));
    expect(places.map(({ x, y }) => rounded([x, y]))).toEqual([[180, 180], [220, 180], [220, 200], [180, 200]]);
  });

  it('keeps its slice while the wheel turns, and stays in the picture', () => {
    const length = Drawing.begin('length', surface, { x: 21, y: 121 });
    length.move(slice({ position: 6 }), { x: 999, y: 121 }, NONE);
    expect(length.shape?.sheet.position).toBe(0);
    expect(coordinates(length.shape!)).toEqual([[10, 10], [199.5, 10]]);
  });

  it('with Shift is horizontal, vertical or diagonal', () => {
    const from = { x: 10, y: 10 };
    expect(rounded(Object.values(straightened(from, { x: 60, y: 14 })))).toEqual([60, 10]);
    expect(rounded(Object.values(straightened(from, { x: 12, y: -40 })))).toEqual([10, -40]);
    expect(rounded(Object.values(straightened(from, { x: 30, y: 34 })))).toEqual([32, 32]);
  });
});

describe('a shape', () => {
  it('keeps right angles when a corner is dragged, and its opposite corner', () => {
    const box = shape('rectangle', [[0, 0], [10, 0], [10, 6], [0, 6]]);
    expect(coordinates(withHandle(box, 2, { x: 14, y: 9 }))).toEqual([[0, 0], [14, 0], [14, 9], [0, 9]]);
    expect(coordinates(withHandle(box, 1, { x: 4, y: 2 }))).toEqual([[0, 2], [4, 2], [4, 6], [0, 6]]);
    const turned = shape('rectangle', [[0, 0], [5, 5], [0, 10], [-5, 5]]);
    expect(coordinates(withHandle(turned, 2, { x: 0, y: 20 }))).toEqual([[0, 0], [10, 10], [0, 20], [-10, 10]]);
    const flat = shape('rectangle', [[0, 0], [0, 0], [0, 6], [0, 6]]);
    expect(coordinates(withHandle(flat, 2, { x: 3, y: 6 }))).toEqual([[0, 0], [3, 0], [3, 6], [0, 6]]);
  });

  it('keeps the other end of an axis of an ellipse', () => {
    const ellipse = shape('ellipse', [[0, 5], [10, 5], [5, 0], [5, 10]]);
    expect(coordinates(withHandle(ellipse, 1, { x: 20, y: 9 }))).toEqual([[0, 5], [20, 5], [10, 0], [10, 10]]);
  });

  it('is outlined, and moves as a whole', () => {
    const circle = outline(shape('ellipse', [[0, 5], [10, 5], [5, 0], [5, 10]]));
    for (const { x, y } of circle) expect(Math.hypot(x - 5, y - 5)).toBeCloseTo(5);
    expect(outline(shape('rectangle', [[0, 0], [1, 0], [1, 1], [0, 1]]))).toHaveLength(5);
    const moved = translated({ ...measurement(shape('length', [[0, 0], [3, 4]])), plate: { x: 5, y: 5 } }, 1, -1);
    expect(coordinates(moved)).toEqual([[1, -1], [4, 3]]);
    expect(moved.plate).toEqual({ x: 6, y: 4 });
  });

  it('is asked about in pixels of its slice, or in the patient', () => {
    expect(questionOf(shape('length', [[1, 2], [3, 4]]))).toEqual({
      kind: 'length',
      place: { kind: 'slice', position: 0, points: [[1, 2], [3, 4]] },
    });
    const sheet = planeSheet({ ...INITIAL_PLANE, center: [1, 2, 3], slab: 5, blend: 'mean' });
    expect(questionOf(shape('point', [[10, 0]], sheet))?.place).toEqual({
      kind: 'plane', row: [1, 0, 0], column: [0, 1, 0], slab: 5, blend: 'mean', points: [[11, 2, 3]],
    });
  });
});

describe('a copy in another series', () => {
  it('lies on the slice that holds all of it, else nowhere', () => {
    const length = shape('length', [[10, 20], [40, 20]], sliceSheet(stack(), 3)!);
    const finer = stack({ ...AXIAL, spacing: [1, 0.25], step: 5 }, 4, 5);
    const copy = onSliceOf(length, finer)!;
    expect(copy.sheet.position).toBe(5);
    expect(coordinates(copy)).toEqual([[20, 10], [80, 10]]);
    expect(onSliceOf(length, stack(AXIAL, 3))).toBeNull();
    expect(onSliceOf(length, stack(SAGITTAL, 50))).toBeNull();
    expect(onSliceOf(shape('length', [[1, 1], [2, 2]], sliceSheet(stack(UNKNOWN), 0)!), finer)).toBeNull();
  });

  it('lies on a plane through the same points', () => {
    const length = shape('length', [[10, 20], [40, 20]], sliceSheet(stack(), 3)!);
    const copy = onPlaneOf(length)!;
    expect(copy.sheet.position).toBeNull();
    expect(copy.points.map((point) => toPatient(copy.sheet, point))).toEqual([[5, 10, 6], [20, 10, 6]]);
  });
});

describe('on the screen', () => {
  const width = (text: string) => text.length * 7;
  const labelled = (of: Shape, text: readonly string[] = ['12.3 mm'], id = 1): Labelled => ({ shape: { ...of, id }, text, held: false });

  it('a shape of this plane has a line, handles and a text that covers neither handles nor other texts', () => {
    const shapes = layOut([
      labelled(shape('length', [[10, 50], [60, 50]])),
      labelled(shape('length', [[70, 50], [120, 50]]), ['25.0 mm'], 2),
    ], slice(), width);
    const [first, second] = shapes.map(({ plate }) => plate!);
    expect(first!.y + first!.height <= second!.y || second!.y + second!.height <= first!.y || first!.x + first!.width <= second!.x).toBe(true);
    for (const { handles } of shapes)
      for (const { x, y } of handles)
        for (const plate of [first!, second!])
          expect(x < plate.x || x > plate.x + plate.width || y < plate.y || y > plate.y + plate.height).toBe(true);
  });

  it('a text keeps clear of the lines of others where there is room, and stays in sight', () => {
    const [length] = layOut([
      labelled(shape('length', [[10, 50], [60, 50]])),
      labelled(shape('length', [[75, 20], [75, 80]]), [], 2),
    ], slice(), width);
    expect(length!.plate!.x + length!.plate!.width).toBeLessThanOrEqual(151);
    const [edge] = layOut([labelled(shape('length', [[120, 50], [199, 50]]))], slice(), width);
    expect(edge!.plate!.x + edge!.plate!.width).toBeLessThanOrEqual(400);
  });

  it('a text that was put elsewhere has a line to its shape', () => {
    const moved: Labelled = { ...labelled(shape('length', [[10, 50], [60, 50]])) };
    const [screen] = layOut([{ ...moved, shape: { ...moved.shape, plate: { x: 80, y: 10 } } }], slice(), width);
    expect(screen!.plate).toMatchObject({ x: 161, y: 121 });
    expect(screen!.leader).toHaveLength(2);
  });

  it('a shape of another plane is dots where it comes through', () => {
    const across = planeSheet({ ...INITIAL_PLANE, center: [20, 10, 0], column: [0, 0, -1] });
    const through = layOut([labelled(shape('length', [[0, -5], [10, 5]], across))], slice(), width);
    expect(through[0]!.line).toEqual([]);
    expect(through[0]!.plate).toBeNull();
    expect(through[0]!.dots.map(({ x, y }) => rounded([x, y]))).toEqual([[101, 141]]);
    const box = layOut([labelled(shape('rectangle', [[0, -5], [10, -5], [10, 5], [0, 5]], across))], slice(), width);
    expect(box[0]!.dots).toHaveLength(2);
    const away = layOut([labelled(shape('length', [[0, -9], [10, -5]], across))], slice(), width);
    expect(away[0]!.dots).toEqual([]);
  });

  it('a press takes handles of the selected shape, then handles, texts and lines', () => {
    const screens = layOut([
      labelled(shape('length', [[10, 50], [60, 50]])),
      labelled(shape('length', [[10, 50], [60, 90]]), ['x'], 2),
    ], slice(), width);
    const start = { x: 22, y: 202 };
    expect(hitShapes(screens, start, null)).toEqual({ id: 2, part: 'handle', handle: 0 });
    expect(hitShapes(screens, start, 1)).toEqual({ id: 1, part: 'handle', handle: 0 });
    const { plate } = screens[0]!;
    expect(hitShapes(screens, { x: plate!.x + 4, y: plate!.y + 4 }, null)).toMatchObject({ id: 1, part: 'text' });
    expect(hitShapes(screens, { x: 70, y: 197 }, null)).toMatchObject({ id: 1, part: 'line' });
    expect(hitShapes(screens, { x: 70, y: 189 }, null)).toBeNull();
    expect(hitShapes(screens, { x: 70, y: 189 }, null, true)).toMatchObject({ id: 1, part: 'line' });
  });
});

describe('questions', () => {
  const question = (x: number): MeasureQuestion => ({ kind: 'point', place: { kind: 'slice', position: 0, points: [[x, 0]] } });
  const reply = (id: number, code = ''): Measured => ({
    type: 'measured', viewport: 1, id, value: 1, unit: '', statistics: null, interpolated: false, spacing: 'pixel', point: null, axes: [], code,
  });
  let sent: { shape: number; id: number; question: MeasureQuestion }[];
  let timers: { milliseconds: number; callback: () => void }[];
  let online: boolean;
  const answered = vi.fn();
  let questions: Questions;

  beforeEach(() => {
    sent = [];
    timers = [];
    online = true;
    answered.mockReset();
    questions = new Questions({
      send: (shape, id, asked) => {
        if (online) sent.push({ shape, id, question: asked });
        return online;
      },
      answered,
      later: (milliseconds, callback) => {
        const timer = { milliseconds, callback };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
    });
  });

  it('of one shape are never more than one on the way, and the newest comes next', () => {
    for (const x of [1, 2, 3, 4]) questions.ask(7, question(x));
    expect(sent).toHaveLength(1);
    questions.answer(reply(sent[0]!.id));
    expect(sent.map((each) => each.question)).toEqual([question(1), question(4)]);
    questions.answer(reply(sent[1]!.id));
    expect(sent).toHaveLength(2);
    expect(answered.mock.calls.map(([, asked]) => asked as MeasureQuestion)).toEqual([question(1), question(4)]);
    expect(questions.isOpen(7)).toBe(false);
  });

  it('of many shapes go out a few at a time', () => {
    for (let shape = 1; shape <= 10; shape += 1) questions.ask(shape, question(shape));
    expect(sent).toHaveLength(3);
    for (let index = 0; index < 10; index += 1) questions.answer(reply(sent[index]!.id));
    expect(sent.map((each) => each.shape)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('are asked again after a while where pixels have not come, unless there is a newer one', () => {
    questions.ask(1, question(1));
    questions.answer(reply(sent[0]!.id, 'not_loaded'));
    expect(answered).not.toHaveBeenCalled();
    expect(sent).toHaveLength(1);
    questions.ask(1, question(2));
    timers[0]!.callback();
    expect(sent.at(-1)?.question).toEqual(question(2));
  });

  it('wait while nobody can be asked, and go out again after the line was lost', () => {
    questions.ask(1, question(1));
    questions.lost();
    online = false;
    questions.pump();
    expect(sent).toHaveLength(1);
    expect(questions.isOpen(1)).toBe(true);
    online = true;
    timers.at(-1)!.callback();
    expect(sent).toHaveLength(2);
    questions.answer(reply(sent[0]!.id));
    expect(answered).not.toHaveBeenCalled();
    questions.answer(reply(sent[1]!.id));
    expect(answered).toHaveBeenCalledOnce();
  });

  it('that are never answered are given up after some attempts', () => {
    questions.ask(1, question(1));
    for (let turn = 0; turn < 5; turn += 1) timers.at(-1)?.callback();
    expect(sent).toHaveLength(3);
    expect(questions.isOpen(1)).toBe(false);
  });
});

describe('the list', () => {
  let undo: UndoList;
  let list: MeasurementList;
  const one = measurement(shape('length', [[0, 0], [1, 1]]), 1);
  const two = measurement(shape('length', [[5, 5], [9, 9]]), 2);

  beforeEach(() => {
    undo = new UndoList();
    list = new MeasurementList(undo);
    list.add(one);
    list.add(two);
  });

  it('leads back step by step, and tells what to look at', () => {
    const revealed = vi.fn();
    list.on('revealed', revealed);
    const moved = translated(one, 3, 0);
    list.show(translated(one, 1, 0));
    list.show(moved);
    list.finish(one);
    list.remove([2]);
    expect(list.all).toEqual([moved]);
    undo.undo();
    expect(list.all).toEqual([moved, two]);
    expect(revealed).toHaveBeenLastCalledWith(two);
    undo.undo();
    expect(list.all).toEqual([one, two]);
    expect(revealed).toHaveBeenLastCalledWith(one);
    undo.undo();
    undo.undo();
    expect(list.all).toEqual([]);
    while (undo.redo()) expect(undo.canUndo).toBe(true);
    expect(list.all).toEqual([moved]);
  });

  it('keeps labels as steps', () => {
    list.add(measurement(shape('length', [[0, 0], [9, 0]])));
    list.rename(1, 'Lesion');
    list.rename(1, 'Lesion');
    expect(list.get(1)!.label).toBe('Lesion');
    undo.undo();
    expect(list.get(1)!.label).toBe('');
  });

  it('keeps no step where nothing has changed', () => {
    list.show(one);
    list.finish(one);
    list.remove([99]);
    undo.undo();
    expect(list.all).toEqual([one]);
  });

  it('knows whether an answer is of the shape as it is', () => {
    const measured = { value: 1 } as Measured;
    list.learn(1, one, measured);
    expect(list.reading(1, one)).toEqual({ measured, fresh: true });
    const moved = translated(one, 1, 0);
    expect(list.reading(1, moved)).toEqual({ measured, fresh: false });
    expect(list.reading(1, { ...one, plate: { x: 1, y: 1 } } as Shape).fresh).toBe(true);
    list.forget('s');
    expect(list.reading(1, one).fresh).toBe(false);
  });
});

it('a slice without a step counts its thickness', () => {
  const opened = stack({ ...AXIAL, step: null, thickness: 5 }, 1);
  expect(slice({}, opened).half).toBe(2.5);
});
