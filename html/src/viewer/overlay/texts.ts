/** The texts in the four corners of a picture. Empty attributes vanish. */
import { placeAlongNormal, planeName } from '@/core/patient';
import { phaseOf } from '@/core/phases';
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

/** Height of a line, CSS px. */
export const LINE = 16;
/** Base line of the first one. */
export const TOP = 20;

/** Up to `digits` decimals, without trailing zeros. */
export function short(value: number, digits = 1): string {
  return String(Number(value.toFixed(digits)));
}

const filled = (...texts: (string | null | undefined | false)[]): string[] =>
  texts.filter((text): text is string => Boolean(text));

type PersonInput = Pick<OverlayInput, 'study' | 'privacy' | 'anonymised' | 't' | 'formatDate'> & {
  /** Parts of the pictures are black, because names may be burnt into them. */
  readonly masked?: boolean | undefined;
};

export function patient({ study, privacy, anonymised, masked, t, formatDate }: PersonInput): string[] {
  if (anonymised) return filled(t('viewer.overlay.anonymised'), masked && t('viewer.overlay.masked'));
  if (!study) return [];
  if (privacy) return [t('viewer.overlay.hidden')];
  const birth = study.dob ? formatDate(study.dob) : '';
  const years = study.age && formatAge(study.age);
  const age = years && birth ? ` (${years})` : years;
  return filled(formatName(study.name), study.pid, filled(birth + age, sex(study.sex, t)).join(', '));
}

function sex(code: string, t: Translate): string {
  return ['M', 'F', 'O'].includes(code) ? t(`viewer.sex.${code}`) : code;
}

export function visit({ study, privacy, anonymised, formatDate }: PersonInput): string[] {
  if (!study || privacy || anonymised) return [];
  return filled(study.inst, study.desc, study.date && formatDate(study.date), study.acc);
}

/** What is said of a lossy source: its ratio if it states one. */
export function sourceText({ sourceRatio }: Pick<Snapshot, 'sourceRatio'>, t: Translate): string {
  if (sourceRatio <= 0) return t('viewer.quality.source_lossy');
  return t('viewer.quality.source_ratio', { ratio: short(sourceRatio, sourceRatio < 10 ? 1 : 0) });
}

/** Acquisition numbers by modality; units are those of the DICOM attributes. */
export function technique(series: SeriesSummary | null, t: Translate): string {
  const values = series?.technique ?? {};
  const take = (keyword: string, unit = '', prefix = ''): string | false => {
    const value = values[keyword];
    if (!value) return false;
    const number = Number(value);
    const text = Number.isFinite(number) ? short(number, 2) : value;
    const written = unit === '' ? '' : t(`viewer.unit.${unit}`);
    return `${prefix}${text}${written === '°' || written === '' ? written : ` ${written}`}`;
  };
  const sets: Record<string, (string | false)[]> = {
    CT: [take('KVP', 'kv'), take('XRayTubeCurrent', 'ma'), take('Exposure', 'mas'), take('ConvolutionKernel')],
    MR: [
      take('RepetitionTime', 'ms', 'TR '),
      take('EchoTime', 'ms', 'TE '),
      take('InversionTime', 'ms', 'TI '),
      take('FlipAngle', 'degrees', 'FA '),
      take('MagneticFieldStrength', 'tesla'),
    ],
    PT: [take('Radiopharmaceutical')],
    MG: [take('ViewPosition'), take('KVP', 'kv'), take('CompressionForce', 'newton')],
    US: [take('FrameTime', 'ms')],
  };
  const chosen = sets[series?.modality ?? ''] ?? [take('KVP', 'kv'), take('ViewPosition')];
  return filled(...chosen, take('ContrastBolusAgent')).join('  ');
}

function seriesLines(input: OverlayInput): string[] {
  const { series, snapshot, mode, t, anonymised, privacy } = input;
  const image = t('viewer.overlay.image', { n: snapshot.index + 1, count: snapshot.count });
  const phase = phaseOf(snapshot.stack?.slices ?? [], snapshot.index);
  const phaseText = phase && t('viewer.overlay.phase', { n: phase.phase + 1, count: phase.phases });
  const slice = filled(filled(image, phaseText).join('  '), slicePosition(input));
  if (mode === 'short') return slice;
  const free = anonymised || privacy ? '' : (series?.description ?? '');
  const title = filled(snapshot.stack?.modality, series?.number != null && String(series.number), free).join(' - ');
  const region = anonymised ? '' : filled(series?.region, series?.laterality).join(' ');
  return filled(title, region, ...slice, spacing(input), technique(series, t));
}

function slicePosition({ snapshot, t }: OverlayInput): string {
  const { stack, index } = snapshot;
  const slice = stack?.slices[index];
  if (!slice) return '';
  const place = placeAlongNormal(slice, stack.geometry);
  if (place === null) return '';
  const plane = planeName(stack.geometry);
  const letter = plane === null ? '' : `${t(`viewer.plane.${plane}_letter`)} `;
  return `${letter}${place.toFixed(1)} ${t('viewer.unit.mm')}`;
}

function spacing({ snapshot, t }: OverlayInput): string {
  const { thickness, step } = snapshot.stack?.geometry ?? {};
  if (thickness != null && step != null)
    return t('viewer.overlay.spacing', { thickness: short(thickness, 2), step: short(step, 2) });
  if (thickness != null) return t('viewer.overlay.thickness', { n: short(thickness, 2) });
  return step != null ? t('viewer.overlay.step', { n: short(step, 2) }) : '';
}

/** Name of the window in force: what the file calls its own, else the preset's. */
export function windowName({ window, stack, view }: Snapshot, t: Translate): string {
  if (!window || !stack) return '';
  if (view.window === null && stack.colour) return t('viewer.preset.original');
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
    : typeof value === 'number'
      ? `${short(value, 2)}${unit && ` ${unit}`}`
      : value;
  const [x, y, z] = point ?? ([] as unknown as Vector);
  const place = point !== null && t('viewer.overlay.point', { x: x.toFixed(1), y: y.toFixed(1), z: z.toFixed(1) });
  return filled(amount, place);
}

/** All corners; in the mode `off` only what always stays is left. */
export function overlayTexts(input: OverlayInput): OverlayTexts {
  const full = input.mode === 'full';
  return {
    topLeft: full ? patient({ ...input, masked: input.snapshot.stack?.masked }) : [],
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
