/** What the menus of the toolbar and the context menu offer. */
import { choosePreset, presetsOf } from '@/core/presets';
import { TOOL_TABLE, toolTextKey } from '@/core/tools/table';
import type { AppliedWindow } from '@/core/tools/target';
import type { ColourMap, Interpolation } from '@/core/wire';

import { short, type Translate } from '../overlay/texts';
import { MEASURE, PRESETS } from './toolbarItems';
import type { Workspace } from './workspace';

export interface Choice {
  readonly id: string;
  readonly label: string;
  /** Hotkey in the notation of the tool table. */
  readonly hotkey?: string;
  readonly detail?: string;
  readonly checked: boolean;
  run(): void;
}

export const COLOUR_MAPS: readonly ColourMap[] = [
  'grey',
  'inverted',
  'hot-iron',
  'hot-metal-blue',
  'pet-20',
  'rainbow',
  'viridis',
];
const INTERPOLATIONS: readonly Interpolation[] = ['linear', 'cubic', 'nearest'];
/** False colours would hide what these pictures are read for. */
const GREY_ONLY = ['MG', 'CR', 'DX'];

export function presetChoices({ active }: Workspace, t: Translate): Choice[] {
  if (!active?.stack) return [];
  const applied = active.appliedWindow;
  return presetsOf(active.stack, applied).map((preset) => ({ preset, ...preset })).map(({ preset, id, key, textKey, label, patch }) => ({
    id,
    label: label ?? t(textKey),
    ...(key !== null && { hotkey: String(key) }),
    ...(patch.window && {
      detail: windowNumbers(patch.window, t),
    }),
    checked: patch.window
      ? active.view.window?.center === patch.window.center && active.view.window.width === patch.window.width
      : active.view.window === null && active.view.voi === patch.voi,
    run: () =>
      void choosePreset(active, preset, (chosen) => {
        active.patch(chosen);
      }),
  }));
}

/** Width and centre, with decimals where they are small. */
export function windowNumbers({ width, center }: AppliedWindow, t: Translate): string {
  const digits = width < 20 ? 2 : 0;
  return t('viewer.overlay.window', { width: short(width, digits), center: short(center, digits) });
}

function measureChoices(workspace: Workspace, t: Translate): Choice[] {
  const rows = TOOL_TABLE.filter(({ group, kind, windows }) => group === 'measure' && kind === 'pointer' && windows.includes(workspace.windowKind));
  return rows.map(({ id, hotkey }) => ({
    id,
    label: t(toolTextKey(id)),
    ...(hotkey !== undefined && { hotkey }),
    checked: workspace.activeBindings.bare('L') === id,
    run: () => {
      workspace.chooseTool(id);
    },
  }));
}

/** The choices of the preset menu, or of a row of kind `menu`. */
export function choicesOf(id: string, workspace: Workspace, t: Translate): Choice[] {
  if (id === MEASURE) return measureChoices(workspace, t);
  if (workspace.volume) return workspace.volume.choices(id, t);
  return id === PRESETS ? presetChoices(workspace, t) : menuChoices(id, workspace, t);
}

/** The choices of a row of kind `menu`. */
function menuChoices(id: string, workspace: Workspace, t: Translate): Choice[] {
  const { active, state } = workspace;
  if (id === 'sync.scroll') {
    return (['off', 'position', 'offset'] as const).map((scroll) => ({
      id: scroll,
      label: t(`viewer.sync.${scroll}`),
      checked: state.sync.scroll === scroll,
      run: () => {
        workspace.setScrollSync(scroll);
      },
    }));
  }
  if (!active?.stack) return [];
  if (id === 'interp') {
    return INTERPOLATIONS.map((interpolation) => ({
      id: interpolation,
      label: t(`viewer.interp.${interpolation}`),
      checked: active.view.interpolation === interpolation,
      run: () => {
        active.patch({ interpolation });
      },
    }));
  }
  const maps = active.stack.colour || GREY_ONLY.includes(active.stack.modality) ? COLOUR_MAPS.slice(0, 1) : COLOUR_MAPS;
  return maps.map((map) => ({
    id: map,
    label: t(`viewer.lut.${map.replaceAll('-', '_')}`),
    checked: active.view.colour_map === map,
    run: () => {
      active.patch({ colour_map: map });
    },
  }));
}
