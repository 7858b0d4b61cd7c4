import { describe, expect, it } from 'vitest';

import { labelLines, type Words } from '../measurement/labels';
import type { Shape } from '../measurement/shape';
import { planeSheet, type Sheet, sliceSheet } from '../measurement/sheet';
import { INITIAL_PLANE } from '../volumeViewport';
import type { Measured } from '../wire';
import { stack } from './samples';

function shape(kind: Shape['kind'], points: readonly (readonly [number, number])[], sheet: Sheet = sliceSheet(stack(), 0)!): Shape {
  return { kind, sheet, points: points.map(([x, y]) => ({ x, y })) };
}

describe('texts', () => {
  const texts: Record<string, string> = {
    'viewer.unit.mm': 'mm', 'viewer.unit.mm2': 'mm²', 'viewer.unit.px': 'px', 'viewer.measure.mean': 'Mean',
    'viewer.measure.low': 'Min', 'viewer.measure.high': 'Max', 'viewer.measure.grey': 'grey', 'viewer.measure.none': 'no value',
    'viewer.measure.detector': 'detector', 'viewer.measure.fiducial': 'fiducial', 'viewer.slab.mip': 'MIP',
    'viewer.measure.estimated': 'estimated', 'viewer.measure.film': 'film', 'viewer.measure.unstated': 'detector?',
    'viewer.unit.s': 's', 'viewer.unit.cm': 'cm', 'viewer.unit.cm2': 'cm²', 'viewer.unit.ms': 'ms', 'viewer.unit.hz': 'Hz', 'viewer.unit.khz': 'kHz', 'viewer.unit.cm_s': 'cm/s',
    'viewer.overlay.point': 'x {x}  y {y}  z {z} mm', 'viewer.overlay.rgb': 'R {r}  G {g}  B {b}',
  };
  const words: Words = {
    t: (key, named = {}) => texts[key]!.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(named[name])),
    number: (value, digits) => value.toFixed(digits),
    centimetres: false,
  };
  const russian: Words = { ...words, number: (value, digits) => value.toFixed(digits).replace('.', ',') };
  const answer = (change: Partial<Measured>): Measured => ({
    type: 'measured', viewport: 1, id: 1, value: null, unit: '', statistics: null, interpolated: false, spacing: 'pixel',
    point: null, axes: [], code: '', ...change,
  });
  const length = shape('length', [[0, 0], [1, 1]]);
  const region = { n: 45, area: 99.96, mean: 40.4, deviation: 12.34, low: -5, high: 90 };

  it('of lengths say where their millimetres come from', () => {
    const mm = { value: 12.34, unit: 'mm' };
    expect(labelLines(length, answer(mm), words)).toEqual(['12.3 mm']);
    expect(labelLines(length, answer(mm), russian)).toEqual(['12,3 mm']);
    expect(labelLines(length, answer({ ...mm, spacing: 'imager' }), words)).toEqual(['≈ 12.3 mm (detector)']);
    expect(labelLines(length, answer({ ...mm, spacing: 'fiducial' }), words)).toEqual(['12.3 mm (fiducial)']);
    expect(labelLines(length, answer({ value: 122.6, unit: 'px', spacing: 'none' }), words)).toEqual(['123 px']);
    for (const [spacing, written] of [
      ['geometry', '12.3 mm'], ['corrected', '≈ 12.3 mm'], ['magnified', '≈ 12.3 mm (estimated)'],
      ['film', '≈ 12.3 mm (film)'], ['unstated', '≈ 12.3 mm (detector?)'], ['ultrasound', '12.3 mm'],
    ] as const) expect(labelLines(length, answer({ ...mm, spacing }), words)).toEqual([written]);
    expect(labelLines(length, answer({ value: 7, unit: 'px', spacing: 'regions' }), words)).toEqual(['7 px']);
    const slab = shape('length', [[0, 0], [1, 1]], planeSheet({ ...INITIAL_PLANE, slab: 10 }));
    expect(labelLines(slab, answer({ ...mm, spacing: 'volume' }), words)).toEqual(['12.3 mm MIP']);
  });

  it('over spectra and curves are times, frequencies and velocities, never lengths', () => {
    const over = (...axes: Measured['axes']): string[] => labelLines(length, answer({ axes, spacing: 'ultrasound' }), words);
    expect(over({ axis: 'x', value: 0.4503, unit: 's' }, { axis: 'y', value: 35.16, unit: 'cm/s' })).toEqual([
      'Δt 450 ms', 'Δv 35.2 cm/s',
    ]);
    expect(over({ axis: 'x', value: 1.234, unit: 's' }, { axis: 'y', value: 12.34, unit: 'mm' })).toEqual(['Δt 1.23 s', '12.3 mm']);
    expect(over({ axis: 'y', value: 812, unit: 'Hz' })).toEqual(['Δf 812 Hz']);
    expect(over({ axis: 'y', value: 1812, unit: 'Hz' })).toEqual(['Δf 1.81 kHz']);
    expect(over({ axis: 'y', value: 40, unit: '%' })).toEqual(['40.0 %']);
    const velocity = answer({ value: 12, axes: [{ axis: 'y', value: -85.2, unit: 'cm/s' }] });
    expect(labelLines(shape('point', [[0, 0]]), velocity, words)).toEqual(['12 grey', 'v -85.2 cm/s']);
  });

  it('of areas are whole Hounsfield units and greys, uptake with two decimals', () => {
    const box = shape('rectangle', [[0, 0], [1, 0], [1, 1], [0, 1]]);
    expect(labelLines(box, answer({ unit: 'HU', statistics: region }), words)).toEqual([
      '100.0 mm²  n 45', 'Mean 40 ± 12.3 HU', 'Min -5  Max 90',
    ]);
    const uptake = { ...region, area: 1234.5, mean: 2.345, deviation: 0.456, low: 1, high: 7.891 };
    expect(labelLines(box, answer({ unit: 'SUVbw g/ml', statistics: uptake, interpolated: true }), words)).toEqual([
      '1235 mm²  n 45', 'Mean 2.35 ± 0.46 SUVbw g/ml*', 'Min 1.00  Max 7.89',
    ]);
    expect(labelLines(box, answer({ spacing: 'imager', statistics: region }), words)[0]).toBe('≈ 100.0 mm² (detector)  n 45');
    const uncalibrated = answer({ statistics: { ...region, area: null, deviation: null } });
    expect(labelLines(box, uncalibrated, words)).toEqual(['n 45', 'Mean 40 grey', 'Min -5  Max 90']);
    expect(labelLines(box, uncalibrated, words, true)[1]).toBe('Mean 40 RGB');
    const empty = { n: 0, area: 4, mean: null, deviation: null, low: null, high: null };
    expect(labelLines(box, answer({ statistics: empty }), words)).toEqual(['4.0 mm²  n 0', 'no value']);
  });

  it('are in centimetres for those who want them, areas from ten of their squares', () => {
    const wanted: Words = { ...words, centimetres: true };
    const box = shape('rectangle', []);
    const area = (size: number): string | undefined =>
      labelLines(box, answer({ statistics: { ...region, area: size } }), wanted)[0]?.split('  ')[0];
    expect(labelLines(length, answer({ value: 123.4, unit: 'mm' }), wanted)).toEqual(['12.34 cm']);
    expect(labelLines(length, answer({ value: 123.4, unit: 'px', spacing: 'none' }), wanted)).toEqual(['123 px']);
    expect([area(99), area(999), area(1000)]).toEqual(['99.0 mm²', '999 mm²', '10.0 cm²']);
  });

  it('stand behind the label of a shape, or below it', () => {
    const named = { ...length, label: 'Lesion 1' };
    expect(labelLines(named, answer({ value: 12.34, unit: 'mm' }), words)).toEqual(['Lesion 1 12.3 mm']);
    const box = { ...shape('rectangle', []), label: 'Lesion 1' };
    expect(labelLines(box, answer({ statistics: region }), words).slice(0, 2)).toEqual(['Lesion 1', '100.0 mm²  n 45']);
  });

  it('of points, angles and what is not known', () => {
    const point = shape('point', [[0, 0]]);
    expect(labelLines(point, answer({ value: -3.7, unit: 'HU', interpolated: true, point: [1.2, -3.6, 40] }), words)).toEqual([
      '-4 HU*', 'x 1  y -4  z 40 mm',
    ]);
    expect(labelLines(point, answer({ value: [1, 2, 3] }), words)).toEqual(['R 1  G 2  B 3']);
    expect(labelLines(shape('angle', []), answer({ value: 34.52, unit: '°' }), words)).toEqual(['34.5°']);
    expect(labelLines(length, null, words)).toEqual(['…']);
    expect(labelLines(length, answer({ code: 'damaged' }), words)).toEqual(['no value']);
  });
});
