/** Window presets by modality. Names are texts of the locales under `viewer.preset.`. */
import type { AppliedWindow } from './tools/target';
import { lacksUptake } from './uptake';
import type { ColourMap, Opened, ViewPatch } from './wire';

export interface WindowPreset {
  readonly id: string;
  /** Digit of `preset.n`; null where it is only in the menu. */
  readonly key: number | null;
  /** Text key, or the file's own explanation in `label`. */
  readonly textKey: string;
  readonly label?: string;
  readonly patch: ViewPatch;
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
  }
  return [...presets, ...fullRange(stack, 9)];
}

function positronEmission(stack: Opened): WindowPreset[] {
  const file = filePresets(stack, 1).map((entry) => ({ ...entry, key: null }));
  if (lacksUptake(stack)) return [...file, ...fullRange(stack, 9)];
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

/** The presets of an opened stack, the ones with keys first. Only what can be computed exactly is offered. */
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
