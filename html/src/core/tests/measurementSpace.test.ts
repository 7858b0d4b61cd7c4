import { describe, expect, it } from 'vitest';

import { type Labelled, layOut } from '../measurement/layout';
import { surfaceOfModel } from '../measurement/modelSurface';
import { questionOf } from '../measurement/question';
import type { Shape } from '../measurement/shape';
import type { Sheet } from '../measurement/sheet';
import { movedInSpace, pointsInSpace, shapeInSpace, withPointInSpace } from '../measurement/space';
import { type Surface, surfaceOfPlane } from '../measurement/surface';
import { dot } from '../patient';
import { INITIAL_MODEL, INITIAL_PLANE } from '../volumeViewport';
import type { Vector, VolumeView } from '../wire';
import { stack } from './samples';
import { GRID, rounded } from './volumes';

function plane(): Surface {
  const view = { ...INITIAL_PLANE, extent: 400 };
  return surfaceOfPlane({ stack: { ...stack(), volume: GRID }, view, size: { width: 400, height: 400 } })!;
}

describe('a shape in space', () => {
  const POINTS: readonly Vector[] = [[1, 2, 3], [4, 6, 3], [4, 6, 15]];

  it('lies on a plane through all of its points', () => {
    const angle = shapeInSpace('angle', POINTS);
    expect(pointsInSpace(angle)!.map((point) => rounded(point))).toEqual(POINTS);
    const length = shapeInSpace('length', POINTS.slice(0, 2));
    expect(rounded(length.points.flatMap(({ x, y }) => [x, y]))).toEqual([0, 0, 5, 0]);
    expect(questionOf(length)!.place).toMatchObject({ kind: 'plane', slab: 0 });
    const one = shapeInSpace('length', [[1, 1, 1], [1, 1, 1]]);
    expect(pointsInSpace(one)).toEqual([[1, 1, 1], [1, 1, 1]]);
  });

  it('has axes of unit length at right angles, whatever its points are', () => {
    for (const points of [POINTS, POINTS.slice(0, 1), [POINTS[0]!, POINTS[0]!], [[0, 0, 0], [0, 0, 7], [0, 0, 9]] as Vector[]]) {
      const { row, column } = shapeInSpace('angle', points).sheet;
      expect(rounded([Math.hypot(...row), Math.hypot(...column), dot(row, column)])).toEqual([1, 1, 0]);
    }
  });

  it('goes anywhere with one of its points, or as a whole', () => {
    const moved = withPointInSpace(shapeInSpace('length', POINTS.slice(0, 2)), 1, [1, 2, 13]);
    expect(pointsInSpace(moved)!.map((point) => rounded(point))).toEqual([[1, 2, 3], [1, 2, 13]]);
    const shifted = movedInSpace(moved, [0, 0, 1]);
    expect(pointsInSpace(shifted)!.map((point) => rounded(point))).toEqual([[1, 2, 4], [1, 2, 14]]);
  });

  it('is a line on planes that hold it, and a dot on those that it pierces', () => {
    const labelled = (of: Shape): Labelled => ({ shape: { ...of, id: 1 }, text: ['x'], held: false });
    const within = shapeInSpace('length', [[0, 0, 0], [30, 10, 0.2]]);
    const across = shapeInSpace('length', [[10, 0, -20], [10, 0, 20]]);
    const [line, dot] = layOut([labelled(within), labelled(across)], plane(), () => 20);
    expect(line!.line).toHaveLength(2);
    expect([dot!.line, dot!.dots.map(({ x, y }) => rounded([x, y]))]).toEqual([[], [[210, 200]]]);
  });
});

describe('the model', () => {
  const size = { width: 400, height: 400 };
  const model = (change: Partial<VolumeView> = {}): Surface =>
    surfaceOfModel({ stack: { ...stack(), volume: GRID }, view: { ...INITIAL_MODEL, extent: 400, ...change }, size })!;

  it('shows every shape where its points are seen', () => {
    const { points, sheet } = shapeInSpace('length', [[0, 50, 0], [100, -50, 20]]);
    const seen = points.map((point) => model().place(sheet, point));
    expect(seen.map(({ x, y, depth }) => rounded([x, y, depth]))).toEqual([[200, 200, 0], [300, 180, 0]]);
    const near = points.map((point) => model({ perspective: true }).place(sheet, point));
    expect(near[1]!.x).toBeGreaterThan(300);
    expect(surfaceOfModel({ stack: null, view: INITIAL_MODEL, size })).toBeNull();
  });

  it('finds the point of a sheet under the hand', () => {
    const { sheet } = shapeInSpace('length', [[0, 50, 0], [100, 50, 0]]);
    const tilted: Sheet = { ...sheet, column: [0, 0.6, 0.8] };
    for (const surface of [model(), model({ perspective: true })]) {
      const at = surface.place(tilted, { x: 30, y: 40 });
      const back = surface.pointOn(tilted, at);
      expect(rounded([back.x, back.y], 3)).toEqual([30, 40]);
    }
  });
});
