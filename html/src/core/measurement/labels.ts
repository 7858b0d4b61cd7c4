/** What stands beside a shape: its values with units, rounded as readers want them. */
import type { Measured } from '../wire';
import type { Shape } from './shape';

export interface Words {
  t(key: string, named?: Record<string, string | number>): string;
  /** With the decimal sign and the spaces of the language. */
  number(value: number, digits: number): string;
  /** Lengths are wanted in centimetres, and large areas in their squares. */
  readonly centimetres: boolean;
}

/** What is shown where no value is known yet. */
export const UNKNOWN = '…';
const SMALL_AREA = 100;
const LARGE_AREA = 1000;
const SMALL_VALUE = 10;

type Labelled = Shape & { readonly label?: string };
type Region = NonNullable<Measured['statistics']>;
type Axis = NonNullable<Measured['axes']>[number];

/** What stands beside millimetres that are not, or perhaps not, those of the patient. */
const APPROXIMATE: Partial<Record<Measured['spacing'], string>> = {
  imager: 'detector',
  unstated: 'unstated',
  magnified: 'estimated',
  film: 'film',
  corrected: '',
};
const DELTAS: Readonly<Record<string, string>> = { s: 'Δt', Hz: 'Δf', 'cm/s': 'Δv' };
const NAMES: Readonly<Record<string, string>> = { Hz: 'f', 'cm/s': 'v' };
const LONG = 1;
const KILO = 1000;

/** The values of a shape, behind its label or below it. */
export function labelLines(shape: Labelled, measured: Measured | null, words: Words, colour = false): string[] {
  const lines = valueLines(shape, measured, words, colour);
  const { label = '' } = shape;
  if (label === '') return lines;
  return lines.length === 1 ? [`${label} ${lines[0] ?? ''}`] : [label, ...lines];
}

function valueLines(shape: Shape, measured: Measured | null, words: Words, colour: boolean): string[] {
  if (!measured) return [UNKNOWN];
  if (measured.code !== '') return [words.t('viewer.measure.none')];
  if (shape.kind === 'length') return lengthLines(shape, measured, words);
  if (shape.kind === 'angle') return [typeof measured.value === 'number' ? `${words.number(measured.value, 1)}°` : '—'];
  if (shape.kind === 'point') return pointLines(measured, words);
  return measured.statistics ? regionLines(measured.statistics, measured, words, colour) : [UNKNOWN];
}

function lengthLines({ sheet }: Shape, { value, unit, spacing, axes }: Measured, words: Words): string[] {
  const { t, number } = words;
  if (axes.length > 0) return axes.map((axis) => axisText(axis, DELTAS, words));
  if (typeof value !== 'number') return ['—'];
  if (unit === 'px') return [`${number(value, 0)} ${t('viewer.unit.px')}`];
  const length = millimetres(value, words);
  return [sheet.slab > 0 ? `${length} ${t(`viewer.slab.${sheet.blend}`)}` : marked(length, spacing, t)];
}

/** One digit of a millimetre is told in both units. */
function millimetres(value: number, { t, number, centimetres }: Words): string {
  return centimetres ? `${number(value / 10, 2)} ${t('viewer.unit.cm')}` : `${number(value, 1)} ${t('viewer.unit.mm')}`;
}

function area(value: number, { t, number, centimetres }: Words): string {
  if (centimetres && value >= LARGE_AREA) return `${number(value / 100, 1)} ${t('viewer.unit.cm2')}`;
  return `${number(value, value < SMALL_AREA ? 1 : 0)} ${t('viewer.unit.mm2')}`;
}

/** Over a spectrum or a curve: a time, a frequency, a velocity. */
function axisText({ value, unit }: Axis, names: Readonly<Record<string, string>>, words: Words): string {
  const { t, number } = words;
  const name = names[unit] ? `${names[unit]} ` : '';
  if (unit === 'mm') return millimetres(value, words);
  if (unit === 's') {
    return value < LONG
      ? `${name}${number(value * KILO, 0)} ${t('viewer.unit.ms')}`
      : `${name}${number(value, 2)} ${t('viewer.unit.s')}`;
  }
  if (unit === 'Hz') {
    return Math.abs(value) < KILO
      ? `${name}${number(value, 0)} ${t('viewer.unit.hz')}`
      : `${name}${number(value / KILO, 2)} ${t('viewer.unit.khz')}`;
  }
  return `${name}${number(value, 1)} ${unit === 'cm/s' ? t('viewer.unit.cm_s') : unit}`;
}

function marked(amount: string, spacing: Measured['spacing'], t: Words['t']): string {
  if (spacing === 'fiducial') return `${amount} (${t('viewer.measure.fiducial')})`;
  const origin = APPROXIMATE[spacing];
  if (origin === undefined) return amount;
  return origin === '' ? `≈ ${amount}` : `≈ ${amount} (${t(`viewer.measure.${origin}`)})`;
}

function pointLines({ value, unit, interpolated, point, axes }: Measured, words: Words): string[] {
  const { t, number } = words;
  const star = interpolated ? '*' : '';
  const amount =
    typeof value === 'number'
      ? `${number(value, digitsOf(unit, value, value))} ${unitText(unit, t)}${star}`
      : value
        ? t('viewer.overlay.rgb', { r: value[0], g: value[1], b: value[2] })
        : t('viewer.measure.none');
  const lines = [amount, ...axes.map((axis) => axisText(axis, NAMES, words))];
  if (!point) return lines;
  const [x, y, z] = point.map((part) => number(part, 0));
  return [...lines, t('viewer.overlay.point', { x: x ?? '', y: y ?? '', z: z ?? '' })];
}

function regionLines(region: Region, measured: Measured, words: Words, colour: boolean): string[] {
  const { t, number } = words;
  const { n, mean, deviation, low, high } = region;
  const size = region.area === null ? '' : area(region.area, words);
  const count = `${size && `${marked(size, measured.spacing, t)}  `}n ${number(n, 0)}`;
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
