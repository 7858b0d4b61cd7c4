/** The texts in the corners of planes and models. */
import { anglesOf } from '@/core/camera';
import { placeAlongNormal, planeName } from '@/core/patient';
import type { PlaneId, SlabMode } from '@/core/planes';
import { presetOf } from '@/core/presets';
import { volumePresetOf, volumePresetsOf } from '@/core/volumePresets';
import type { VolumeView } from '@/core/wire';

import type { SeriesSummary } from '../state/studies';
import type { VolumeSnapshot } from '../state/volumeSnapshot';
import type { OverlayMode, Reading } from '../state/workspace';
import { readingLines, short, type Translate } from './texts';

export interface VolumeTextInput {
  readonly mode: OverlayMode;
  readonly anonymised: boolean;
  readonly privacy: boolean;
  readonly series: SeriesSummary;
  readonly snapshot: VolumeSnapshot;
  readonly plane: PlaneId | null;
  readonly reading: Reading | null;
  readonly t: Translate;
}

const filled = (...texts: (string | null | undefined | false)[]): string[] =>
  texts.filter((text): text is string => Boolean(text));

/** Where a plane lies: its name, its letter with millimetres, and whether it is oblique. */
export function planePosition({ snapshot, plane, t }: Pick<VolumeTextInput, 'snapshot' | 'plane' | 't'>): string {
  const { view, point } = snapshot;
  if (!plane || !point) return '';
  const axes = { row: view.row, column: view.column };
  const place = placeAlongNormal({ origin: point }, axes);
  const name = planeName(axes);
  const letter = name === null ? '' : t(`viewer.plane.${name}_letter`);
  return place === null ? '' : `${letter} ${place.toFixed(1)} ${t('viewer.unit.mm')}`;
}

/** `MIP 10 mm`; empty for a single plane. */
export function slabBadge(mode: SlabMode, thickness: number, t: Translate): string {
  if (mode === 'off' || thickness <= 0) return '';
  return `${t(`viewer.slab.${mode}`)} ${short(thickness, 1)} ${t('viewer.unit.mm')}`;
}

export function bottomLeft(input: VolumeTextInput): string[] {
  const { mode, series, snapshot, anonymised, privacy, plane, t } = input;
  if (mode === 'off') return [];
  const name = plane ? t(`viewer.pane.${plane}`) : t('viewer.pane.model');
  const place = planePosition(input);
  if (mode === 'short') return filled(place || name);
  const free = anonymised || privacy ? '' : series.description;
  const title = filled(snapshot.opened?.modality, series.number !== null && String(series.number), free).join(' - ');
  return filled(title, name, place, plane ? '' : cameraText(snapshot.view as VolumeView, t));
}

function cameraText(view: VolumeView, t: Translate): string {
  const { left, head } = anglesOf(view);
  const side = left < 0 ? 'RAO' : 'LAO';
  const height = head < 0 ? 'CAU' : 'CRA';
  const angles = `${side} ${short(Math.abs(left), 0)}°  ${height} ${short(Math.abs(head), 0)}°`;
  return filled(angles, view.perspective && t('viewer.tool.vol_persp')).join('  ');
}

export function bottomRight(input: VolumeTextInput): string[] {
  const { mode, snapshot, reading, plane, t } = input;
  if (mode === 'off') return [];
  const { view } = snapshot;
  const look = plane || (view as VolumeView).mode !== 'composite' ? windowText(input) : '';
  const preset = plane ? '' : presetText(input);
  const inverted = view.invert && (plane || (view as VolumeView).mode !== 'composite') && t('viewer.overlay.inverted');
  const read = mode === 'full' && reading ? readingLines(reading, t) : [];
  return filled(...read, preset, look, inverted);
}

function windowText({ snapshot, t }: VolumeTextInput): string {
  const { window, opened, view } = snapshot;
  if (!window || !opened) return '';
  const digits = window.width < 20 ? 2 : 0;
  const numbers = t('viewer.overlay.window', {
    width: short(window.width, digits),
    center: short(window.center, digits),
  });
  const file = view.window === null ? opened.windows[view.voi] : undefined;
  const preset = file ? null : presetOf(opened, window);
  const name = file ? file.explanation || `VOI ${view.voi + 1}` : preset && (preset.label ?? t(preset.textKey));
  return filled(numbers, name).join('  ');
}

/** The preset of a model, else how it is projected. */
export function presetText({ snapshot, t }: Pick<VolumeTextInput, 'snapshot' | 't'>): string {
  const view = snapshot.view as VolumeView;
  const preset = snapshot.opened && volumePresetOf(volumePresetsOf(snapshot.opened), view);
  return preset ? t(preset.textKey) : t(`viewer.volume_mode.${view.mode}`);
}
