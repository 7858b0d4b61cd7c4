import { describe, expect, it } from 'vitest';

import {
  apply,
  boxInSource,
  centerFor,
  compose,
  invert,
  keepInside,
  normaliseAngle,
  type Raster,
  rasterOf,
  scaleBar,
  screenPerPixel,
  sourceToViewport,
  viewportToSource,
  zoomFor,
} from '../geometry';
import { INITIAL_VIEW } from '../viewState';
import { UNKNOWN } from './samples';

const SQUARE: Raster = { columns: 200, rows: 100, pixelWidth: 0.5, pixelHeight: 0.5, calibrated: true };
const VIEWPORT = { width: 400, height: 400 };

function at(raster: Raster, view: Partial<typeof INITIAL_VIEW>, column: number, row: number) {
  const { x, y } = apply(sourceToViewport(raster, VIEWPORT, { ...INITIAL_VIEW, ...view }), { x: column, y: row });
  return [Number(x.toFixed(6)), Number(y.toFixed(6))];
}

describe('a box in the source', () => {
  it('holds all corners of a turned rectangle, and needs a picture', () => {
    const box = [
      { x: 0, y: 0 },
      { x: 4, y: 2 },
    ] as const;
    expect(boxInSource(box, ({ x, y }) => [x - y, x + y])).toEqual([
      [-2, 0],
      [4, 6],
    ]);
    expect(boxInSource(box, () => null)).toBeNull();
  });
});

describe('placement of a frame on the viewport', () => {
  it('fits the whole frame, outer edges of the pixels included', () => {
    expect(at(SQUARE, {}, -0.5, -0.5)).toEqual([0, 100]);
    expect(at(SQUARE, {}, 199.5, 99.5)).toEqual([400, 300]);
  });

  it('fits the turned frame', () => {
    expect(at(SQUARE, { rotation: 90 }, -0.5, -0.5)).toEqual([300, 0]);
    expect(at(SQUARE, { rotation: 90 }, 199.5, -0.5)).toEqual([300, 400]);
  });

  it('mirrors first and turns clockwise afterwards', () => {
    expect(at(SQUARE, { flip_horizontal: true }, -0.5, -0.5)).toEqual([400, 100]);
    expect(at(SQUARE, { flip_vertical: true }, -0.5, -0.5)).toEqual([0, 300]);
    expect(at(SQUARE, { flip_horizontal: true, rotation: 90 }, -0.5, -0.5)).toEqual([300, 400]);
  });

  it('puts the chosen centre in the middle and enlarges around it', () => {
    expect(at(SQUARE, { center: [10, 20], zoom: 3 }, 10, 20)).toEqual([200, 200]);
    expect(at(SQUARE, { center: [10, 20], zoom: 3 }, 11, 20)).toEqual([206, 200]);
  });

  it('shows pixels that are not square with their true aspect', () => {
    const tall = rasterOf({ rows: 100, columns: 100 }, { ...UNKNOWN, spacing: [2, 1] });
    expect(at(tall, {}, 49.5, -0.5)).toEqual([200, 0]);
    expect(at(tall, {}, -0.5, 49.5)).toEqual([100, 200]);
    const aspect = rasterOf({ rows: 100, columns: 100 }, { ...UNKNOWN, pixel_aspect: [2, 1] });
    expect(aspect.calibrated).toBe(false);
    expect(at(aspect, {}, -0.5, 49.5)).toEqual([100, 200]);
  });

  it('comes back to the source for any state', () => {
    const view = { ...INITIAL_VIEW, rotation: 33, flip_vertical: true, zoom: 2.2, center: [7, 90] as [number, number] };
    const there = apply(sourceToViewport(SQUARE, VIEWPORT, view), { x: 12.25, y: 80.5 });
    const back = apply(viewportToSource(SQUARE, VIEWPORT, view), there);
    expect(back.x).toBeCloseTo(12.25, 9);
    expect(back.y).toBeCloseTo(80.5, 9);
  });

  it('carries a frame of one state to the place of another', () => {
    const former = { ...INITIAL_VIEW, zoom: 1 };
    const wanted = { ...INITIAL_VIEW, zoom: 2, rotation: 90 };
    const move = compose(
      sourceToViewport(SQUARE, VIEWPORT, wanted),
      invert(sourceToViewport(SQUARE, VIEWPORT, former)),
    );
    const point = { x: 30, y: 40 };
    const moved = apply(move, apply(sourceToViewport(SQUARE, VIEWPORT, former), point));
    const direct = apply(sourceToViewport(SQUARE, VIEWPORT, wanted), point);
    expect(moved.x).toBeCloseTo(direct.x, 9);
    expect(moved.y).toBeCloseTo(direct.y, 9);
  });

  it('finds the centre that puts a point under the pointer', () => {
    const view = { ...INITIAL_VIEW, zoom: 4, rotation: 20, flip_horizontal: true };
    const center = centerFor(SQUARE, VIEWPORT, view, { x: 50, y: 60 }, { x: 11, y: 22 });
    const { x, y } = apply(sourceToViewport(SQUARE, VIEWPORT, { ...view, center }), { x: 50, y: 60 });
    expect(x).toBeCloseTo(11, 9);
    expect(y).toBeCloseTo(22, 9);
  });

  it('keeps a tenth of the picture in sight', () => {
    const center = keepInside(SQUARE, VIEWPORT, { ...INITIAL_VIEW, center: [5000, 49.5] });
    const edge = apply(sourceToViewport(SQUARE, VIEWPORT, { ...INITIAL_VIEW, center }), { x: 199.5, y: 49.5 });
    expect(edge.x).toBeCloseTo(40, 6);
    expect(edge.y).toBeCloseTo(200, 6);
    expect(keepInside(SQUARE, VIEWPORT, { ...INITIAL_VIEW, center: [99.5, 49.5] })).toEqual([99.5, 49.5]);
  });

  it('knows the magnification and the zoom for it', () => {
    expect(screenPerPixel(SQUARE, VIEWPORT, INITIAL_VIEW)).toBe(2);
    expect(zoomFor(SQUARE, VIEWPORT, 0, 1)).toBe(0.5);
  });

  it('brings angles into (-180, 180]', () => {
    expect([0, 180, 181, -180, 270, -450, 720].map(normaliseAngle)).toEqual([0, 180, -179, 180, -90, -90, 0]);
  });
});

describe('scale bar', () => {
  it.each([0.05, 0.3, 1, 2.7, 9, 40])('fills 15 to 35 per cent of the height at zoom %s', (zoom) => {
    const bar = scaleBar(SQUARE, VIEWPORT, { ...INITIAL_VIEW, zoom });
    const digits = Number((bar?.value ?? 0).toExponential()[0]);
    expect([1, 2, 5]).toContain(digits);
    expect(bar?.length).toBeLessThanOrEqual(0.35 * 400);
    // 1-2-5 steps are at most 2.5 apart.
    expect(bar?.length).toBeGreaterThanOrEqual(0.14 * 400);
  });

  it('counts pixels where no spacing is known', () => {
    const raster = rasterOf({ rows: 100, columns: 200 }, UNKNOWN);
    expect(scaleBar(raster, VIEWPORT, INITIAL_VIEW)).toEqual({ length: 100, value: 50, unit: 'px' });
  });
});
