/** Window presets by modality. Names are texts of the locales under `viewer.preset.`. */
import { between, type LevelRule, type LevelSource, spread, windowBy } from './levels';
import type { AppliedWindow } from './tools/target';
import { lacksUptake } from './uptake';
import type { ColourMap, Opened, ViewPatch, Window } from './wire';

export interface WindowPreset {
  readonly id: string;
  /** Digit of `preset.n`; null where it is only in the menu. */
  readonly key: number | null;
  /** Text key, or the file's own explanation in `label`. */
  readonly textKey: string;
  readonly label?: string;
  /** Without a window where `levels` says it and it has not been asked for yet. */
  readonly patch: ViewPatch;
  readonly levels?: LevelRule;
}

const CT: readonly (readonly [id: string, center: number, width: number])[] = [
  ['abdomen', 50, 400],
  ['lung', -600, 1500],
  ['mediastinum', 50, 350],
  ['bone', 400, 1800],
  ['brain', 40, 80],
  ['stroke', 40, 40],
  ['subdural', 75, 215],
  ['liver', 60, 160],
  ['angiography', 200, 600],
  ['temporal_bone', 600, 2800],
  ['spine_soft', 50, 250],
  ['neck', 50, 350],
  ['posterior_fossa', 40, 120],
  ['orbits', 40, 250],
  ['pulmonary_embolism', 100, 700],
  ['heart', 250, 900],
  ['lung_fine', -500, 1200],
  ['emphysema', -860, 280],
  ['liver_contrast', 100, 180],
  ['pelvis', 40, 400],
  ['colon', -20, 1600],
  ['fat', -80, 200],
  ['metal', 1500, 6000],
  ['full', 1024, 4096],
];

const RADIOGRAPHY = ['CR', 'DX', 'RF', 'XA', 'MG'];

function preset(id: string, key: number | null, center: number, width: number, colourMap?: ColourMap): WindowPreset {
  const patch: ViewPatch = { window: { center, width, function: 'LINEAR', explanation: '' } };
  return { id, key, textKey: `viewer.preset.${id}`, patch: colourMap ? { ...patch, colour_map: colourMap } : patch };
}

/** The file's own windows and tables. */
function filePresets(stack: Opened, count: number): WindowPreset[] {
  return (stack.windows ?? []).slice(0, count).map(({ explanation }, index) => ({
    id: `file_${index + 1}`,
    key: index + 1,
    textKey: 'viewer.preset.file',
    label: explanation ? explanation : `VOI ${index + 1}`,
    patch: { window: null, voi: index },
  }));
}

/** Windows that were asked for, by series and preset. */
const known = new Map<string, Window>();
const MOST_KNOWN = 500;

function knownKey({ series, version }: Pick<Opened, 'series' | 'version'>, id: string): string {
  return JSON.stringify([series, version, id]);
}

function byLevels(stack: Opened, id: string, key: number | null, levels: LevelRule, map?: ColourMap): WindowPreset {
  const window = known.get(knownKey(stack, id));
  const patch: ViewPatch = { ...(window && { window }), ...(map && { colour_map: map }) };
  return { id, key, textKey: `viewer.preset.${id}`, patch, levels };
}

function fullRange(stack: Opened, key: number): WindowPreset[] {
  const range = stack.value_range;
  return range ? [preset('full', key, (range[0] + range[1]) / 2, Math.max(1, range[1] - range[0]))] : [];
}

function radiography(stack: Opened, applied: AppliedWindow | null): WindowPreset[] {
  const range = stack.value_range;
  // Narrow, wide and bone are relative to what the file asks for, not to what was turned by hand.
  const base = stack.windows?.[0] ?? applied;
  const presets = filePresets(stack, 4);
  if (base) {
    presets.push(preset('narrow', 6, base.center, base.width * 0.6), preset('wide', 7, base.center, base.width * 1.6));
    if (range) presets.push(preset('bone_film', 8, base.center + 0.1 * (range[1] - range[0]), base.width * 0.8));
    // Differences of two pictures lie around nothing.
    if (stack.modality === 'XA' && range && range[0] < 0) presets.push(preset('subtraction', null, 0, base.width));
  }
  return [...presets, byLevels(stack, 'film_levels', 5, between('slice', 0.5, 99.5)), ...fullRange(stack, 9)];
}

function positronEmission(stack: Opened): WindowPreset[] {
  const file = filePresets(stack, 1).map((entry) => ({ ...entry, key: null }));
  const levels = byLevels(stack, 'pet_levels', 9, FROM_ZERO, 'inverted');
  if (lacksUptake(stack)) return [levels, ...file];
  const uptake = (id: string, key: number, upper: number, map: ColourMap): WindowPreset =>
    preset(id, key, upper / 2, upper, map);
  return [
    uptake('suv_5', 1, 5, 'inverted'),
    uptake('suv_7', 2, 7, 'inverted'),
    uptake('suv_10', 3, 10, 'inverted'),
    uptake('suv_15', 4, 15, 'inverted'),
    uptake('suv_20', 5, 20, 'inverted'),
    uptake('pet_brain', 6, 12, 'inverted'),
    uptake('psma', 7, 15, 'hot-metal-blue'),
    levels,
    ...file,
  ];
}

const FROM_ZERO: LevelRule = {
  of: 'series',
  percents: [99.9],
  nonAir: false,
  window: ([top = 0]) => spread(Math.min(0, top), top),
};

/** Shares of the way from 0 to the maximum of the series. */
function ofMaximum(low: number, high: number): LevelRule {
  return { of: 'series', percents: [100], nonAir: false, window: ([top = 0]) => spread(low * top, high * top) };
}

/** MR has no absolute unit: windows go by the values of the series that are not air. */
function magneticResonance(stack: Opened): WindowPreset[] {
  const tissue = (low: number, high: number): LevelRule => between('series', low, high, true);
  const dark: LevelRule = {
    ...tissue(1, 99.9),
    window: ([low = 0, high = 1]) => spread(low, high + 0.25 * (high - low)),
  };
  return [
    filePresets(stack, 1)[0] ?? { id: 'file_1', key: 1, textKey: 'viewer.preset.file', patch: { window: null, voi: 0 } },
    byLevels(stack, 'mr_standard', 2, tissue(1, 99)),
    byLevels(stack, 'mr_contrast', 3, tissue(5, 95)),
    byLevels(stack, 'mr_soft', 4, tissue(0.1, 99.9)),
    byLevels(stack, 'mr_dark', 5, dark),
    byLevels(stack, 'mr_vessels', 6, tissue(60, 99.9)),
    byLevels(stack, 'mr_dwi', 7, tissue(30, 99.8)),
    preset('mr_adc', 8, 1000, 2000),
    byLevels(stack, 'full', 9, between('series', 0, 100)),
    ...filePresets(stack, 9)
      .slice(1)
      .map((entry) => ({ ...entry, key: null })),
  ];
}

function nuclearMedicine(stack: Opened): WindowPreset[] {
  const file = filePresets(stack, 9).map((entry) => ({ ...entry, key: null }));
  return [
    byLevels(stack, 'nm_max', 1, ofMaximum(0, 1)),
    byLevels(stack, 'nm_75', 2, ofMaximum(0, 0.75)),
    byLevels(stack, 'nm_50', 3, ofMaximum(0, 0.5)),
    byLevels(stack, 'nm_25', 4, ofMaximum(0, 0.25)),
    byLevels(stack, 'nm_5_60', 5, ofMaximum(0.05, 0.6)),
    ...file,
  ];
}

function colour(): WindowPreset[] {
  return [
    { id: 'original', key: 1, textKey: 'viewer.preset.original', patch: { window: null, voi: 0 } },
    preset('brighter', 2, 108, 220),
    preset('contrast', 3, 128, 190),
    preset('brighter_contrast', 4, 108, 190),
  ];
}

/** The presets of an opened stack, those with keys first. */
export function presetsOf(stack: Opened, applied: AppliedWindow | null): readonly WindowPreset[] {
  if (stack.colour || stack.modality === 'US' || stack.modality === 'SC') return colour();
  if (stack.modality === 'CT') {
    const file = filePresets(stack, 9).map((entry) => ({ ...entry, key: null }));
    return [
      ...CT.map(([id, center, width], index) => preset(id, index < 9 ? index + 1 : null, center, width)),
      ...file,
    ];
  }
  if (RADIOGRAPHY.includes(stack.modality)) return radiography(stack, applied);
  if (stack.modality === 'PT') return positronEmission(stack);
  if (stack.modality === 'MR') return magneticResonance(stack);
  if (stack.modality === 'NM') return nuclearMedicine(stack);
  const file = filePresets(stack, 8);
  return [...file, ...fullRange(stack, 9)];
}

/** The preset that a window is, for its name on the picture. */
export function presetOf(stack: Opened, applied: AppliedWindow | null): WindowPreset | null {
  if (applied === null) return null;
  const same = ({ patch }: WindowPreset): boolean =>
    patch.window?.center === applied.center && patch.window.width === applied.width;
  return presetsOf(stack, applied).find(same) ?? null;
}

/** Why a key has no preset, as a text key; null if it has one. */
export function missingPreset(stack: Opened, applied: AppliedWindow | null, key: number): string | null {
  if (presetsOf(stack, applied).some((preset) => preset.key === key)) return null;
  return stack.modality === 'PT' && key === 8 && !lacksUptake(stack)
    ? 'viewer.reason.no_liver'
    : 'viewer.reason.no_preset';
}

/** Applies a preset, after its window was asked for where that goes by the picture. */
export async function choosePreset(
  source: LevelSource,
  { id, patch, levels }: WindowPreset,
  apply: (patch: ViewPatch) => void,
): Promise<void> {
  if (!levels) {
    apply(patch);
    return;
  }
  const { stack } = source;
  const window = await windowBy(source, levels);
  if (!stack || !window) return;
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(knownKey(stack, id), window);
  apply({ ...patch, window });
}
