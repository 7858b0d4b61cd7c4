/** What the toolbar shows, in the order of the tool table. */
import { TOOL_TABLE, type ToolRow, toolTextKey, type WindowKind } from '@/core/tools/table';

import { isOffered } from './offeredTools';

export interface Item {
  readonly id: string;
  /** Null for the menu of window presets, which is no row of the table. */
  readonly row: ToolRow | null;
  /** A new group begins here. */
  readonly separated: boolean;
}

export const PRESETS = 'presets';
export const LAYOUT = 'layout';
/** The list behind the measuring tool that was used last. */
export const MEASURE = 'measure';

/**
 * The rows shown in a window, the preset menu behind window/level; all layouts are one button, and of the measuring tools
 * only the last one used stands beside their list.
 */
export function toolbarItems(window: WindowKind, measureTool: string): Item[] {
  const items: Item[] = [];
  const fits = TOOL_TABLE.some(({ id, windows }) => id === measureTool && windows.includes(window));
  const beside = fits ? measureTool : 'm.length';
  let group = '';
  for (const row of TOOL_TABLE) {
    if (!row.show || !isOffered(row) || !row.windows.includes(window)) continue;
    const measures = row.group === 'measure' && row.kind === 'pointer';
    if (measures && row.id !== beside) continue;
    const id = row.id === 'layout.1x1' ? LAYOUT : row.id;
    items.push({ id, row, separated: group !== '' && group !== row.group });
    group = row.group;
    if (measures) items.push({ id: MEASURE, row: null, separated: false });
    if (row.id === 'wl') items.push({ id: PRESETS, row: null, separated: false });
  }
  return items;
}

export function opensMenu({ id, row }: Item): boolean {
  return id === PRESETS || id === LAYOUT || id === MEASURE || row?.kind === 'menu';
}

export function iconOf({ id, row }: Item): string {
  if (id === LAYOUT) return 'view-grid-outline';
  if (id === MEASURE) return 'ruler';
  return row?.icon ?? 'numeric-1-box-multiple-outline';
}

/** Key of the item's name in the locales. */
export function nameKey({ id, row }: Item): string {
  return row === null || id === LAYOUT ? `viewer.toolbar.${id}` : toolTextKey(row.id);
}
