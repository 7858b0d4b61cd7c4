/** Looks of the Volume window by modality; the order of a modality's rows is that of the keys 1 to 9. */
import { colourOf } from './transferFunction';
import { lacksUptake } from './uptake';
import type { GradientPoint, Light, ModelView, Opened, TransferPoint, VolumeMode } from './wire';

export type LookPatch = Pick<
  ModelView,
  'mode' | 'transfer' | 'gradient' | 'light' | 'window' | 'voi' | 'invert' | 'colour_map' | 'hide_table'
>;

export interface VolumePreset {
  readonly id: string;
  /** Digit of `preset.n`; null where it is only in the list. */
  readonly key: number | null;
  readonly textKey: string;
  readonly look: LookPatch;
}

/** Values below which so many per cent of a series' tissue lie. */
export interface Percentiles {
  readonly p1: number;
  readonly p50: number;
  readonly p999: number;
}

type Point = readonly [value: number, opacity: number, colour: string];
type Lighting = readonly [ambient: number, diffuse: number, specular: number, power: number];

interface Row {
  readonly id: string;
  readonly points?: readonly Point[];
  readonly light?: Lighting;
  readonly gradient?: readonly (readonly [magnitude: number, factor: number])[];
  readonly mode?: VolumeMode;
  /** Centre and width; null leaves it to the file. */
  readonly window?: readonly [center: number, width: number] | null;
  readonly inverted?: boolean;
  readonly body?: boolean;
}

const CT: readonly Row[] = [
  {
    id: 'ct-bone',
    points: [
      [150, 0, '#6B3A2A'],
      [250, 0.15, '#B98A62'],
      [450, 0.55, '#DFC39A'],
      [900, 0.85, '#F6EBD6'],
      [3071, 0.95, '#FFFFFF'],
    ],
    light: [0.15, 0.85, 0.3, 20],
  },
  {
    id: 'ct-angio',
    points: [
      [110, 0, '#5A0F0A'],
      [160, 0.12, '#9C1F14'],
      [240, 0.5, '#D2452C'],
      [350, 0.7, '#F0B487'],
      [600, 0.8, '#F7E6CC'],
      [3071, 0.9, '#FFFFFF'],
    ],
    light: [0.15, 0.85, 0.35, 25],
  },
  {
    id: 'ct-soft',
    points: [
      [-120, 0, '#7A3B22'],
      [-20, 0.06, '#A65238'],
      [50, 0.35, '#C46A52'],
      [120, 0.6, '#DE9A7E'],
      [300, 0.8, '#F7E3C8'],
      [3071, 0.9, '#FFFFFF'],
    ],
    light: [0.2, 0.8, 0.2, 15],
  },
  {
    id: 'ct-skin',
    points: [
      [-700, 0, '#C98F72'],
      [-450, 0.35, '#DFAE90'],
      [-250, 0.95, '#EEC5A8'],
      [3071, 1, '#F7E2D0'],
    ],
    light: [0.2, 0.8, 0.25, 12],
  },
  {
    id: 'ct-lung',
    points: [
      [-1000, 0, '#20344A'],
      [-960, 0.01, '#2F5C85'],
      [-880, 0.06, '#4F8FC0'],
      [-700, 0.03, '#9CC7E6'],
      [-520, 0.02, '#D9B8A0'],
      [-350, 0, '#E8C7A8'],
    ],
    light: [0.3, 0.7, 0.1, 10],
    body: true,
  },
  {
    id: 'ct-pulm',
    points: [
      [-650, 0, '#2A1A14'],
      [-450, 0.05, '#6E3F22'],
      [-250, 0.3, '#B05A2A'],
      [0, 0.55, '#D23A2A'],
      [250, 0.75, '#F2A07E'],
      [3071, 0.85, '#FFFFFF'],
    ],
    light: [0.2, 0.8, 0.25, 15],
  },
  {
    id: 'ct-coronary',
    points: [
      [110, 0, '#5E1A10'],
      [150, 0.08, '#8E2E1C'],
      [220, 0.35, '#C8602E'],
      [320, 0.7, '#F0B060'],
      [480, 0.85, '#FFF0D8'],
      [3071, 0.9, '#FFFFFF'],
    ],
    light: [0.15, 0.85, 0.4, 30],
  },
  {
    id: 'ct-skin-bone',
    points: [
      [-600, 0, '#C98F72'],
      [-350, 0.03, '#E0B295'],
      [-150, 0.03, '#E8BFA4'],
      [0, 0, '#D8A080'],
      [180, 0, '#B98A62'],
      [350, 0.45, '#E4CBA4'],
      [900, 0.85, '#FFFFFF'],
    ],
    light: [0.2, 0.8, 0.25, 20],
  },
  { id: 'ct-mip', mode: 'mip', window: [200, 800] },
  {
    id: 'ct-colon',
    points: [
      [-1000, 0.8, '#DCEBFA'],
      [-940, 0.6, '#A9CDEE'],
      [-850, 0.15, '#6FA0CC'],
      [-750, 0, '#3C648C'],
    ],
    light: [0.2, 0.8, 0.3, 20],
    body: true,
  },
  {
    id: 'ct-liver',
    points: [
      [120, 0, '#4A1E12'],
      [150, 0.15, '#8A3A20'],
      [200, 0.45, '#C87838'],
      [280, 0.7, '#EFC37A'],
      [600, 0.85, '#FFF6E2'],
    ],
    light: [0.15, 0.85, 0.3, 20],
  },
  {
    id: 'ct-urography',
    points: [
      [180, 0, '#6A4A12'],
      [260, 0.25, '#B98322'],
      [500, 0.65, '#F0BE4A'],
      [1200, 0.9, '#FFF0C0'],
    ],
    light: [0.15, 0.85, 0.35, 25],
  },
  {
    id: 'ct-dental',
    points: [
      [500, 0, '#8C6B46'],
      [900, 0.25, '#D9BE90'],
      [1700, 0.7, '#FFF3DA'],
      [2600, 0.9, '#A8C8FF'],
      [3071, 0.95, '#6FA2FF'],
    ],
    light: [0.15, 0.85, 0.45, 35],
  },
  {
    id: 'ct-bone-glass',
    points: [
      [180, 0, '#3A5A78'],
      [300, 0.03, '#6E9CC4'],
      [800, 0.08, '#BBD8EE'],
      [3071, 0.12, '#FFFFFF'],
    ],
    light: [0.3, 0.7, 0.2, 15],
    gradient: [
      [0, 0],
      [60, 1],
    ],
  },
  // On film dense tissue is bright, which is how values are shown without inversion.
  { id: 'ct-xray', mode: 'mean', window: null },
  { id: 'ct-minip', mode: 'minip', window: [-800, 500], body: true },
];

/** Values are per cent of the way from percentile 1 to 99.9. */
const MR: readonly Row[] = [
  {
    id: 'mr-angio',
    points: [
      [35, 0, '#5A0F0A'],
      [45, 0.2, '#A5281B'],
      [60, 0.6, '#E06A3C'],
      [80, 0.8, '#FFE0C0'],
      [100, 0.85, '#FFFFFF'],
    ],
    light: [0.15, 0.85, 0.3, 20],
  },
  { id: 'mr-mip', mode: 'mip' },
  {
    id: 'mr-surface',
    points: [
      [8, 0, '#6E4A3A'],
      [15, 0.2, '#B98A70'],
      [30, 0.6, '#DDB79C'],
      [70, 0.85, '#F6E4D4'],
      [100, 0.9, '#FFFFFF'],
    ],
    light: [0.2, 0.8, 0.2, 15],
  },
  {
    id: 'mr-brain',
    points: [
      [25, 0, '#5C4A48'],
      [40, 0.1, '#A58A84'],
      [60, 0.45, '#CDB4AA'],
      [85, 0.75, '#F0E2D8'],
      [100, 0.85, '#FFFFFF'],
    ],
    light: [0.2, 0.8, 0.25, 20],
    gradient: [
      [0, 0],
      [5, 1],
    ],
  },
];

const PT: readonly Row[] = [{ id: 'pt-mip', mode: 'mip', window: [5, 10], inverted: true }];

/** What the server has found of whole series. */
const measured = new Map<string, Percentiles>();
const MOST_MEASURED = 200;

function measuredKey({ series, version }: Pick<Opened, 'series' | 'version'>): string {
  return JSON.stringify([series, version]);
}

/** Whether presets go by percentiles of the series, and these are not known. */
export function lacksPercentiles(opened: Opened): boolean {
  const absolute = opened.modality === 'CT' || (opened.modality === 'PT' && !lacksUptake(opened));
  return !absolute && !measured.has(measuredKey(opened));
}

export const WANTED_PERCENTS = [1, 50, 99.9] as const;

/** Keeps values of `WANTED_PERCENTS` for the presets of a series. */
export function keepPercentiles(opened: Opened, [p1 = 0, p50 = 0, p999 = 0]: readonly number[]): void {
  if (measured.size >= MOST_MEASURED) measured.clear();
  measured.set(measuredKey(opened), { p1, p50, p999: p999 > p1 ? p999 : p1 + 1 });
}

/** Percentiles of a series, as far as they follow from the range of the values while they are not known. */
export function percentilesOf(
  opened: Pick<Opened, 'value_range'> & Partial<Pick<Opened, 'series' | 'version'>>,
): Percentiles {
  const { value_range: range, series, version } = opened;
  const found = series !== undefined && version !== undefined && measured.get(measuredKey({ series, version }));
  if (found) return found;
  const [low, high] = range ?? [0, 1];
  return { p1: low, p50: (low + high) / 2, p999: high > low ? high : low + 1 };
}

function lookOfRow(row: Row, scale: (value: number) => number, slope: number): LookPatch {
  const transfer = (row.points ?? []).map(
    ([value, opacity, colour]): TransferPoint => ({ value: scale(value), opacity, colour: colourOf(colour) }),
  );
  const gradient = (row.gradient ?? []).map(([magnitude, factor]): GradientPoint => ({
    magnitude: magnitude * slope,
    factor,
  }));
  const [ambient, diffuse, specular, power] = row.light ?? [];
  const light: Light | null =
    ambient === undefined || diffuse === undefined || specular === undefined || power === undefined
      ? null
      : { ambient, diffuse, specular, power };
  const window = row.window
    ? { center: row.window[0], width: row.window[1], function: 'LINEAR' as const, explanation: '' }
    : null;
  return {
    mode: row.mode ?? 'composite',
    transfer,
    gradient,
    light,
    window,
    voi: 0,
    invert: false,
    colour_map: row.inverted ? 'inverted' : 'grey',
    hide_table: row.body ?? false,
  };
}

function presets(rows: readonly Row[], scale: (value: number) => number = (value) => value, slope = 1): VolumePreset[] {
  return rows.map((row, index) => ({
    id: row.id,
    key: index < 9 ? index + 1 : null,
    textKey: `viewer.volume_preset.${row.id.replaceAll('-', '_')}`,
    look: lookOfRow(row, scale, slope),
  }));
}

/** Rows without absolute unit: scaled to the series. */
function relative(percentiles: Percentiles): VolumePreset[] {
  const { p1, p50, p999 } = percentiles;
  const slope = (p999 - p1) / 100;
  const upper: Row['window'] = [(p50 + p999) / 2, Math.max(1e-6, p999 - p50)];
  const rows = MR.map((row) => (row.id === 'mr-mip' ? { ...row, window: upper } : row));
  return presets(rows, (value) => p1 + value * slope, slope);
}

/** The presets of an opened volume; the first one is its look at opening. */
export function volumePresetsOf(
  opened: Pick<Opened, 'modality' | 'unit' | 'value_range'> & Partial<Pick<Opened, 'series' | 'version'>>,
  percentiles = percentilesOf(opened),
): readonly VolumePreset[] {
  if (opened.modality === 'CT') return presets(CT);
  if (opened.modality !== 'PT') return relative(percentiles);
  if (!lacksUptake(opened)) return presets(PT);
  const { p1, p999 } = percentiles;
  return presets(PT.map((row) => ({ ...row, window: [(p1 + p999) / 2, p999 - p1] as const })));
}

/** The preset whose values a view still has. */
export function volumePresetOf(
  available: readonly VolumePreset[],
  view: Pick<ModelView, 'mode' | 'transfer' | 'window'>,
): VolumePreset | null {
  const key = (look: Pick<ModelView, 'mode' | 'transfer' | 'window'>): string =>
    JSON.stringify([
      look.mode,
      look.mode === 'composite' ? look.transfer.map(({ value, opacity }) => [value, opacity]) : [],
      look.mode === 'composite' ? null : look.window && [look.window.center, look.window.width],
    ]);
  const wanted = key(view);
  return available.find(({ look }) => key(look) === wanted) ?? null;
}
