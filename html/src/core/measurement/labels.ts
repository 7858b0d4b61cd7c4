/** What stands beside a shape: its values with units, rounded as readers want them. */
import type { Measured } from '../wire';
import type { Shape } from './shape';

export interface Words {
  t(key: string, named?: Record<string, string | number>): string;
  /** With the decimal sign and the spaces of the language. */
  number(value: number, digits: number): string;
}

/** What is shown where no value is known yet. */
export const UNKNOWN = '…';
const SMALL_AREA = 100;
const SMALL_VALUE = 10;

type Region = NonNullable<Measured['statistics']>;

export function labelLines(shape: Shape, measured: Measured | null, words: Words, colour = false): string[] {
  if (!measured) return [UNKNOWN];
  if (measured.code !== '') return [words.t('viewer.measure.none')];
  if (shape.kind === 'length') return [lengthText(shape, measured, words)];
  if (shape.kind === 'angle') return [typeof measured.value === 'number' ? `${words.number(measured.value, 1)}°` : '—'];
  if (shape.kind === 'point') return pointLines(measured, words);
  return measured.statistics ? regionLines(measured.statistics, measured, words, colour) : [UNKNOWN];
}

function lengthText({ sheet }: Shape, { value, unit, spacing }: Measured, { t, number }: Words): string {
  if (typeof value !== 'number') return '—';
  if (unit === 'px') return `${number(value, 0)} ${t('viewer.unit.px')}`;
  const length = `${number(value, 1)} ${t('viewer.unit.mm')}`;
  if (spacing === 'imager') return `≈ ${length} (${t('viewer.measure.detector')})`;
  if (spacing === 'fiducial') return `${length} (${t('viewer.measure.fiducial')})`;
  return sheet.slab > 0 ? `${length} ${t(`viewer.slab.${sheet.blend}`)}` : length;
}

function pointLines({ value, unit, interpolated, point }: Measured, { t, number }: Words): string[] {
  const star = interpolated ? '*' : '';
  const amount =
    typeof value === 'number'
      ? `${number(value, digitsOf(unit, value, value))} ${unitText(unit, t)}${star}`
      : value
        ? t('viewer.overlay.rgb', { r: value[0], g: value[1], b: value[2] })
        : t('viewer.measure.none');
  if (!point) return [amount];
  const [x, y, z] = point.map((part) => number(part, 0));
  return [amount, t('viewer.overlay.point', { x: x ?? '', y: y ?? '', z: z ?? '' })];
}

function regionLines(region: Region, measured: Measured, { t, number }: Words, colour: boolean): string[] {
  const { n, area, mean, deviation, low, high } = region;
  const size = area === null ? '' : `${number(area, area < SMALL_AREA ? 1 : 0)} ${t('viewer.unit.mm2')}  `;
  const count = `${size}n ${number(n, 0)}`;
  if (mean === null || low === null || high === null) return [count, t('viewer.measure.none')];
  const unit = `${colour ? 'RGB' : unitText(measured.unit, t)}${measured.interpolated ? '*' : ''}`;
  const digits = digitsOf(measured.unit, low, high);
  const spread = deviation === null ? '' : ` ± ${number(deviation, Math.max(1, digits))}`;
  return [
    count,
    `${t('viewer.measure.mean')} ${number(mean, digits)}${spread} ${unit}`,
    `${t('viewer.measure.low')} ${number(low, digits)}  ${t('viewer.measure.high')} ${number(high, digits)}`,
  ];
}

function unitText(unit: string, t: Words['t']): string {
  return unit === '' ? t('viewer.measure.grey') : unit;
}

/** Whole Hounsfield units and greys; uptake, and other units that are small, with two decimals. */
function digitsOf(unit: string, low: number, high: number): number {
  if (unit === 'HU') return 0;
  if (unit.startsWith('SUV')) return 2;
  const whole = Number.isInteger(low) && Number.isInteger(high);
  return !whole && Math.max(Math.abs(low), Math.abs(high)) < SMALL_VALUE ? 2 : 0;
}

/** Where the millimetres come from, for whoever wants to know. */
export function spacingKey({ spacing }: Measured): string {
  return `viewer.measure.spacing_${spacing}`;
}
