/** The texts in the four corners of a picture. Empty attributes vanish. */
import { planeName } from '@/core/patient';
import { presetOf } from '@/core/presets';
import type { Vector } from '@/core/wire';

import { formatAge, formatName } from '@/app/format';
import type { SeriesSummary, StudySummary } from '../state/studies';
import type { Snapshot } from '../state/snapshot';
import type { OverlayMode, Reading } from '../state/workspace';

export type Translate = (key: string, named?: Record<string, string | number>) => string;

export interface OverlayInput {
  readonly mode: OverlayMode;
  readonly anonymised: boolean;
  readonly privacy: boolean;
  readonly study: StudySummary | null;
  readonly series: SeriesSummary | null;
  readonly snapshot: Snapshot;
  readonly reading: Reading | null;
  readonly t: Translate;
  /** A date of the server (`2026-12-31T14:05`) as the user reads it. */
  formatDate(value: string): string;
}

export interface OverlayTexts {
  readonly topLeft: readonly string[];
  readonly topRight: readonly string[];
  readonly bottomLeft: readonly string[];
  readonly bottomRight: readonly string[];
}

/** Up to `digits` decimals, without trailing zeros. */
export function short(value: number, digits = 1): string {
  return String(Number(value.toFixed(digits)));
}

const filled = (...texts: (string | null | undefined | false)[]): string[] =>
  texts.filter((text): text is string => Boolean(text));

function patient({ study, privacy, anonymised, t, formatDate }: OverlayInput): string[] {
  if (anonymised) return [t('viewer.overlay.anonymised')];
  if (!study) return [];
  if (privacy) return [t('viewer.overlay.hidden')];
  const birth = study.dob ? formatDate(study.dob) : '';
  const years = study.age && formatAge(study.age);
  const age = years && birth ? ` (${years})` : years;
  return filled(formatName(study.name), study.pid, filled(birth + age, study.sex).join(', '));
}

function visit({ study, privacy, anonymised, formatDate }: OverlayInput): string[] {
  if (!study || privacy || anonymised) return [];
  return filled(study.inst, study.desc, study.date && formatDate(study.date), study.acc);
}

/** Acquisition numbers by modality; units are those of the DICOM attributes. */
export function technique(series: SeriesSummary | null): string {
  const values = series?.technique ?? {};
  const take = (keyword: string, unit = '', prefix = ''): string | false => {
    const value = values[keyword];
    if (!value) return false;
    const number = Number(value);
    const text = Number.isFinite(number) ? short(number, 2) : value;
    return `${prefix}${text}${unit && ` ${unit}`}`;
  };
  const sets: Record<string, (string | false)[]> = {
    CT: [take('KVP', 'kV'), take('XRayTubeCurrent', 'mA'), take('Exposure', 'mAs'), take('ConvolutionKernel')],
    MR: [
      take('RepetitionTime', 'ms', 'TR '),
      take('EchoTime', 'ms', 'TE '),
      take('InversionTime', 'ms', 'TI '),
      take('FlipAngle', '°', 'FA '),
      take('MagneticFieldStrength', 'T'),
    ],
    PT: [take('Radiopharmaceutical')],
    MG: [take('ViewPosition'), take('KVP', 'kV'), take('CompressionForce', 'N')],
    US: [take('FrameTime', 'ms')],
  };
  const chosen = sets[series?.modality ?? ''] ?? [take('KVP', 'kV'), take('ViewPosition')];
  return filled(...chosen, take('ContrastBolusAgent')).join('  ');
}

function seriesLines(input: OverlayInput): string[] {
  const { series, snapshot, mode, t, anonymised, privacy } = input;
  const image = t('viewer.overlay.image', { n: snapshot.index + 1, count: snapshot.count });
  const slice = filled(image, slicePosition(input));
  if (mode === 'short') return slice;
  const free = anonymised || privacy ? '' : (series?.description ?? '');
  const title = filled(snapshot.stack?.modality, series?.number != null && String(series.number), free).join(' - ');
  const region = anonymised ? '' : filled(series?.region, series?.laterality).join(' ');
  return filled(title, region, ...slice, spacing(input), technique(series));
}

function slicePosition({ snapshot, t }: OverlayInput): string {
  const slice = snapshot.stack?.slices[snapshot.index];
  if (!slice || snapshot.stack?.position_unit !== 'mm') return '';
  const plane = planeName(snapshot.stack.geometry);
  const letter = plane === null ? '' : `${t(`viewer.plane.${plane}_letter`)} `;
  return `${letter}${slice.position.toFixed(1)} ${t('viewer.unit.mm')}`;
}

function spacing({ snapshot, t }: OverlayInput): string {
  const { thickness, step } = snapshot.stack?.geometry ?? {};
  if (thickness == null && step == null) return '';
  const parts = [thickness, step].map((value) => (value == null ? '-' : short(value, 2)));
  return t('viewer.overlay.spacing', { thickness: parts[0] ?? '', step: parts[1] ?? '' });
}

/** Name of the window in force: what the file calls its own, else the preset's. */
export function windowName({ window, stack, view }: Snapshot, t: Translate): string {
  if (!window || !stack) return '';
  const file = view.window === null ? stack.windows[view.voi] : undefined;
  if (file) return file.explanation || `VOI ${view.voi + 1}`;
  const preset = presetOf(stack, window);
  return preset ? (preset.label ?? t(preset.textKey)) : '';
}

function windowText({ snapshot, t }: OverlayInput): string {
  const { window } = snapshot;
  if (!window) return '';
  const digits = window.width < 20 ? 2 : 0;
  const named = { width: short(window.width, digits), center: short(window.center, digits) };
  return filled(t('viewer.overlay.window', named), windowName(snapshot, t)).join('  ');
}

function pictureLines(input: OverlayInput): string[] {
  const { snapshot, mode, t, reading } = input;
  const { view, magnification } = snapshot;
  const window = windowText(input);
  if (mode === 'short') return filled(window);
  const turned = Math.abs(view.rotation) > 0.05 && t('viewer.overlay.rotation', { degrees: short(view.rotation, 1) });
  const zoom =
    magnification !== null && t('viewer.overlay.zoom', { percent: short(magnification, magnification < 10 ? 1 : 0) });
  const map = view.colour_map !== 'grey' && t(`viewer.lut.${view.colour_map.replaceAll('-', '_')}`);
  return filled(
    ...(reading ? readingLines(reading, t) : []),
    window,
    filled(zoom, turned, map).join('  '),
    view.invert && t('viewer.overlay.inverted'),
  );
}

/** Value and patient coordinates under the pointer. */
export function readingLines(
  { value, unit, point }: Pick<Reading, 'value' | 'unit' | 'point'>,
  t: Translate,
): string[] {
  const amount = Array.isArray(value)
    ? t('viewer.overlay.rgb', { r: value[0], g: value[1], b: value[2] })
    : value !== null && `${short(value, 2)}${unit && ` ${unit}`}`;
  const [x, y, z] = point ?? ([] as unknown as Vector);
  const place = point !== null && t('viewer.overlay.point', { x: x.toFixed(1), y: y.toFixed(1), z: z.toFixed(1) });
  return filled(amount, place);
}

/** All corners; in the mode `off` only what always stays is left. */
export function overlayTexts(input: OverlayInput): OverlayTexts {
  const full = input.mode === 'full';
  return {
    topLeft: full ? patient(input) : [],
    topRight: full ? visit(input) : [],
    bottomLeft: input.mode === 'off' ? [] : seriesLines(input),
    bottomRight: input.mode === 'off' ? [] : pictureLines(input),
  };
}

/** Leaves out lines from the middle until `room` is enough. */
export function fitLines(lines: readonly string[], room: number): string[] {
  const kept = [...lines];
  while (kept.length > Math.max(1, room)) kept.splice(Math.floor(kept.length / 2), 1);
  return kept;
}

/** Shortens a line that would reach over the middle of the picture. */
export function fitWidth(line: string, width: number, perCharacter: number): string {
  const room = Math.max(6, Math.floor(width / perCharacter));
  return line.length > room ? `${line.slice(0, room - 1).trimEnd()}…` : line;
}
