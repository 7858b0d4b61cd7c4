/** What the menus offer in the MPR and Volume windows. */
import { linkSlabs, setSlabMode, setThickness, SLAB_MODES } from '@/core/planes';
import { choosePreset, presetsOf } from '@/core/presets';
import { volumePresetOf, volumePresetsOf } from '@/core/volumePresets';
import type { ModelViewport, PlaneViewport } from '@/core/volumeViewport';
import type { Translate } from '../overlay/texts';
import { type Choice, COLOUR_MAPS, windowNumbers } from './choices';
import { PRESETS } from './toolbarItems';
import { VOLUME_MODES } from './volumeActions';
import type { VolumeWindow } from './volumeWindow';

const THICKNESSES = [5, 10, 20, 50] as const;

/** The choices of the preset menu, or of a row of kind `menu`. */
export function volumeChoices(id: string, window: VolumeWindow, t: Translate): Choice[] {
  const { active } = window;
  void window.state.changes;
  if (!window.session.opened) return [];
  if (id === 'lut') return colourMaps(window, t);
  if (active.kind === 'volume') return modelChoices(id, window, active, t);
  return planeChoices(id, window, active, t);
}

function colourMaps({ session, active }: VolumeWindow, t: Translate): Choice[] {
  return COLOUR_MAPS.map((map) => ({
    id: map,
    label: t(`viewer.lut.${map.replaceAll('-', '_')}`),
    checked: active.view.colour_map === map,
    run: () => {
      session.setLook({ colour_map: map }, active);
    },
  }));
}

function planeChoices(id: string, window: VolumeWindow, viewport: PlaneViewport, t: Translate): Choice[] {
  if (id === PRESETS) return windowPresets(window, viewport, t);
  if (id === 'mpr.mode') return slabs(window, viewport, t);
  if (id !== 'interp') return [];
  return (['linear', 'nearest'] as const).map((interpolation) => ({
    id: interpolation,
    label: t(`viewer.interp.${interpolation}`),
    checked: viewport.view.interpolation === interpolation,
    run: () => {
      for (const each of Object.values(window.session.planes)) each.show({ interpolation });
    },
  }));
}

function windowPresets({ session }: VolumeWindow, viewport: PlaneViewport, t: Translate): Choice[] {
  if (!session.opened) return [];
  const { view, appliedWindow } = viewport;
  return presetsOf(session.opened, appliedWindow).map((preset) => ({ preset, ...preset })).map(({ preset, id, key, textKey, label, patch }) => ({
    id,
    label: label ?? t(textKey),
    ...(key !== null && { hotkey: String(key) }),
    ...(patch.window && {
      detail: windowNumbers(patch.window, t),
    }),
    checked: patch.window
      ? view.window?.center === patch.window.center && view.window.width === patch.window.width
      : view.window === null && view.voi === patch.voi,
    run: () =>
      void choosePreset(viewport, preset, ({ window = null, voi = 0, colour_map }) => {
        session.setLook({ window, voi, ...(colour_map && { colour_map }) }, viewport);
      }),
  }));
}

/** The modes, usual thicknesses, and whether all planes share them. */
function slabs({ session }: VolumeWindow, { plane }: PlaneViewport, t: Translate): Choice[] {
  const { linked } = session;
  if (!linked) return [];
  const { mode, thickness } = linked.planes[plane];
  const modes = SLAB_MODES.map((each) => ({
    id: each,
    label: t(`viewer.slab.${each}`),
    checked: mode === each,
    run: () => {
      session.setPlanes(setSlabMode(linked, plane, each), plane);
    },
  }));
  const sizes = THICKNESSES.map((millimetres) => ({
    id: `${millimetres}`,
    label: `${millimetres} ${t('viewer.unit.mm')}`,
    checked: mode !== 'off' && thickness === millimetres,
    run: () => {
      session.setPlanes(setThickness(linked, plane, millimetres), plane);
    },
  }));
  const all = {
    id: 'linked',
    label: t('viewer.slab.linked'),
    checked: linked.slabsLinked,
    run: () => {
      session.setPlanes(linkSlabs(linked, plane, !linked.slabsLinked), plane);
    },
  };
  return [...modes, ...sizes, all];
}

function modelChoices(id: string, { session }: VolumeWindow, viewport: ModelViewport, t: Translate): Choice[] {
  if (id === 'mpr.mode') {
    return VOLUME_MODES.map((mode) => ({
      id: mode,
      label: t(`viewer.volume_mode.${mode}`),
      checked: viewport.view.mode === mode,
      run: () => {
        viewport.show({ mode });
      },
    }));
  }
  if (id !== PRESETS || !session.opened) return [];
  const presets = volumePresetsOf(session.opened);
  const current = volumePresetOf(presets, viewport.view);
  return presets.map((preset) => ({
    id: preset.id,
    label: t(preset.textKey),
    ...(preset.key !== null && { hotkey: String(preset.key) }),
    checked: preset.id === current?.id,
    run: () => {
      viewport.show(preset.look);
    },
  }));
}
