/**
 * Every tool and action of the viewer, once: toolbar, context menu, hotkey help and the page of
 * hotkey settings are made of these rows. The order of rows is the order of toolbar and menu.
 */

export type WindowKind = 'image' | 'mpr' | 'volume';
export type Group = 'tools' | 'measure' | 'picture' | 'navigation' | 'windows' | 'mpr' | 'volume' | 'output';
export type MouseButton = 'L' | 'M' | 'R';
export type Modifier = '' | 'Shift' | 'Ctrl' | 'Alt';

export interface MouseBinding {
  readonly button: MouseButton;
  readonly modifier: Modifier;
}

export interface ToolRow {
  readonly id: string;
  readonly group: Group;
  /** `pointer` tools take a mouse button, `menu` opens choices, `toggle` is on or off, the rest acts at once. */
  readonly kind: 'pointer' | 'action' | 'toggle' | 'menu';
  readonly windows: readonly WindowKind[];
  /** Name of the icon in Material Design Icons, without `mdi-`. */
  readonly icon: string;
  readonly mouse?: MouseBinding;
  /** Physical key (`KeyboardEvent.code` without `Key` and `Digit`) with its modifiers, as `Shift+Slash`. */
  readonly hotkey?: string;
  /** In the toolbar by default. */
  readonly show: boolean;
  /** In the context menu by default. */
  readonly menu: boolean;
}

type Windows = 'I' | 'IM' | 'IMV' | 'M' | 'MV' | 'V';

const KINDS: Readonly<Record<Windows, readonly WindowKind[]>> = {
  I: ['image'],
  IM: ['image', 'mpr'],
  IMV: ['image', 'mpr', 'volume'],
  M: ['mpr'],
  MV: ['mpr', 'volume'],
  V: ['volume'],
};

interface Defaults {
  mouse?: `${Modifier | ''}${'+' | ''}${MouseButton}`;
  hotkey?: string;
  show?: boolean;
  menu?: boolean;
}

function row(
  group: Group,
  kind: ToolRow['kind'],
  id: string,
  icon: string,
  windows: Windows,
  { mouse, hotkey, show = false, menu = false }: Defaults = {},
): ToolRow {
  return {
    id,
    group,
    kind,
    windows: KINDS[windows],
    icon,
    ...(mouse === undefined ? {} : { mouse: parseMouse(mouse) }),
    ...(hotkey === undefined ? {} : { hotkey }),
    show,
    menu,
  };
}

function parseMouse(text: string): MouseBinding {
  const parts = text.split('+');
  return { button: parts.at(-1) as MouseButton, modifier: (parts.length > 1 ? parts[0] : '') as Modifier };
}

export const TOOL_TABLE: readonly ToolRow[] = [
  row('windows', 'action', 'win.image', 'image-outline', 'IMV', { hotkey: 'Shift+I', show: true, menu: true }),
  row('windows', 'action', 'win.mpr', 'axis-arrow', 'IMV', { hotkey: 'Shift+M', show: true, menu: true }),
  row('windows', 'action', 'win.volume', 'cube-outline', 'IMV', { hotkey: 'Shift+V', show: true, menu: true }),

  row('tools', 'pointer', 'wl', 'contrast-circle', 'IM', { mouse: 'L', hotkey: 'W', show: true, menu: true }),
  row('tools', 'pointer', 'wl.region', 'select-drag', 'IM', { hotkey: 'Shift+W' }),
  row('tools', 'pointer', 'pan', 'cursor-move', 'IMV', { mouse: 'M', hotkey: 'P', show: true }),
  row('tools', 'pointer', 'zoom', 'magnify', 'IMV', { mouse: 'R', hotkey: 'Z', show: true }),
  row('tools', 'pointer', 'scroll', 'swap-vertical', 'IM', { mouse: 'Shift+L', hotkey: 'S', show: true }),
  row('tools', 'pointer', 'rotate.free', 'rotate-orbit', 'IMV', { mouse: 'Ctrl+R', hotkey: 'O', show: true }),
  row('tools', 'pointer', 'crosshair', 'crosshairs-gps', 'IMV', {
    mouse: 'Ctrl+L',
    hotkey: 'C',
    show: true,
    menu: true,
  }),
  row('tools', 'pointer', 'magnifier', 'magnify-scan', 'IM', { mouse: 'Ctrl+M', hotkey: 'M', show: true }),
  row('tools', 'pointer', 'probe', 'eyedropper', 'IM', { mouse: 'Alt+L', hotkey: 'N' }),
  row('tools', 'pointer', 'rotate3d', 'rotate-3d-variant', 'V', { mouse: 'L', show: true }),
  row('tools', 'pointer', 'tf.shift', 'circle-opacity', 'V', { mouse: 'Shift+L', show: true }),
  row('tools', 'pointer', 'mpr.slabdrag', 'arrow-collapse-vertical', 'M', { mouse: 'Shift+M', show: true }),
  row('tools', 'pointer', 'mpr.tilt', 'axis-arrow', 'M', { hotkey: 'Shift+Z' }),
  row('tools', 'pointer', 'vol.cut.in', 'scissors-cutting', 'V', { hotkey: 'J', show: true, menu: true }),
  row('tools', 'pointer', 'vol.cut.out', 'select-inverse', 'V', { hotkey: 'Shift+J', show: true, menu: true }),
  row('tools', 'toggle', 'vol.crop', 'crop', 'MV', { hotkey: 'Shift+C', show: true }),
  row('measure', 'pointer', 'm.length', 'ruler', 'IMV', { hotkey: 'L', show: true, menu: true }),
  row('measure', 'pointer', 'm.angle', 'angle-acute', 'IMV', { hotkey: 'A', show: true, menu: true }),
  row('measure', 'pointer', 'm.rect', 'vector-rectangle', 'IM', { hotkey: 'Q', show: true, menu: true }),
  row('measure', 'pointer', 'm.ellipse', 'ellipse-outline', 'IM', { hotkey: 'E', show: true, menu: true }),
  row('measure', 'action', 'm.label', 'text-box-edit-outline', 'IMV', { hotkey: 'F2', menu: true }),
  row('measure', 'action', 'm.delete', 'delete-outline', 'IMV', { hotkey: 'Delete', menu: true }),
  row('measure', 'action', 'm.clear', 'delete-sweep-outline', 'IMV', { hotkey: 'Shift+Delete', menu: true }),
  row('measure', 'toggle', 'm.toggle', 'eye-outline', 'IMV', { hotkey: 'Shift+O', show: true }),
  row('measure', 'action', 'undo', 'undo', 'IMV', { hotkey: 'Ctrl+Z', show: true }),
  row('measure', 'action', 'redo', 'redo', 'IMV', { hotkey: 'Ctrl+Shift+Z' }),
  row('measure', 'action', 'tool.cancel', 'close', 'IMV', { hotkey: 'Escape' }),

  row('picture', 'toggle', 'invert', 'invert-colors', 'IMV', { hotkey: 'I', show: true, menu: true }),
  row('picture', 'action', 'rot.cw', 'rotate-right', 'IM', { hotkey: 'R', show: true, menu: true }),
  row('picture', 'action', 'rot.ccw', 'rotate-left', 'IM', { hotkey: 'Shift+R' }),
  row('picture', 'toggle', 'flip.h', 'flip-horizontal', 'I', { hotkey: 'H', show: true, menu: true }),
  row('picture', 'toggle', 'flip.v', 'flip-vertical', 'I', { hotkey: 'V' }),
  row('picture', 'action', 'fit', 'fit-to-screen-outline', 'IMV', { hotkey: 'F', show: true, menu: true }),
  row('picture', 'action', 'one2one', 'image-size-select-actual', 'IM', { hotkey: 'Shift+F' }),
  row('picture', 'action', 'reset.view', 'restore', 'IMV', { hotkey: 'B', show: true, menu: true }),
  row('picture', 'action', 'wl.auto', 'auto-fix', 'IM', { hotkey: '0' }),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) =>
    row('picture', 'action', `preset.${n}`, 'numeric-1-box-multiple-outline', 'IMV', { hotkey: String(n) }),
  ),
  row('picture', 'menu', 'lut', 'palette-outline', 'IMV'),
  row('picture', 'menu', 'interp', 'grid', 'IM'),
  row('picture', 'action', 'overlay', 'text-box-outline', 'IMV', { hotkey: 'Backquote', show: true }),
  row('picture', 'toggle', 'privacy', 'incognito', 'IMV', { hotkey: 'Shift+H' }),

  row('navigation', 'toggle', 'refline', 'vector-line', 'IM', { hotkey: 'Y', show: true, menu: true }),
  row('navigation', 'toggle', 'crosshair.toggle', 'crosshairs', 'IMV', { hotkey: 'Shift+Y' }),
  row('navigation', 'action', 'nav.prev', 'chevron-left', 'IMV', { hotkey: 'ArrowUp' }),
  row('navigation', 'action', 'nav.next', 'chevron-right', 'IMV', { hotkey: 'ArrowDown' }),
  row('navigation', 'action', 'nav.prev10', 'chevron-double-up', 'IMV', { hotkey: 'Shift+ArrowUp' }),
  row('navigation', 'action', 'nav.next10', 'chevron-double-down', 'IMV', { hotkey: 'Shift+ArrowDown' }),
  row('navigation', 'action', 'nav.first', 'page-first', 'IM', { hotkey: 'Home' }),
  row('navigation', 'action', 'nav.last', 'page-last', 'IM', { hotkey: 'End' }),
  row('navigation', 'action', 'nav.left', 'skip-previous-outline', 'IMV', { hotkey: 'ArrowLeft' }),
  row('navigation', 'action', 'nav.right', 'skip-next-outline', 'IMV', { hotkey: 'ArrowRight' }),
  row('navigation', 'action', 'nav.mark.prev', 'chevron-left', 'IMV', { hotkey: 'Shift+ArrowLeft' }),
  row('navigation', 'action', 'nav.mark.next', 'chevron-right', 'IMV', { hotkey: 'Shift+ArrowRight' }),
  row('navigation', 'action', 'nav.goto', 'pound', 'IM', { hotkey: 'Ctrl+G' }),
  row('navigation', 'action', 'series.prev', 'chevron-left', 'IMV', { hotkey: 'PageUp' }),
  row('navigation', 'action', 'series.next', 'chevron-right', 'IMV', { hotkey: 'PageDown' }),
  row('navigation', 'action', 'study.prev', 'tab', 'IMV', { hotkey: 'Shift+PageUp' }),
  row('navigation', 'action', 'study.next', 'tab', 'IMV', { hotkey: 'Shift+PageDown' }),
  row('navigation', 'action', 'viewport.next', 'view-grid-outline', 'IMV', { hotkey: 'Quote' }),
  row('navigation', 'action', 'viewport.prev', 'view-grid-outline', 'IMV', { hotkey: 'Semicolon' }),
  row('navigation', 'toggle', 'cine', 'play-pause', 'IMV', { hotkey: 'Space', show: true }),
  row('navigation', 'action', 'cine.faster', 'speedometer', 'IMV', { hotkey: 'Shift+Equal' }),
  row('navigation', 'action', 'cine.slower', 'speedometer-slow', 'IMV', { hotkey: 'Shift+Minus' }),
  row('navigation', 'action', 'cine.mode', 'repeat', 'IMV'),
  row('navigation', 'action', 'zoom.in', 'plus-box-outline', 'IMV', { hotkey: 'Equal' }),
  row('navigation', 'action', 'zoom.out', 'minus-box-outline', 'IMV', { hotkey: 'Minus' }),
  row('navigation', 'menu', 'sync.scroll', 'sync', 'IM', { hotkey: 'U', show: true, menu: true }),
  row('navigation', 'toggle', 'sync.view', 'link-variant', 'IM', { hotkey: 'Shift+U' }),
  row('navigation', 'toggle', 'sync.wl', 'sync-circle', 'IM'),

  row('windows', 'toggle', 'viewport.max', 'fullscreen', 'IMV', { hotkey: 'X' }),
  row('windows', 'action', 'layout.1x1', 'square-outline', 'IMV', { hotkey: 'Shift+1', show: true }),
  row('windows', 'action', 'layout.1x2', 'view-column-outline', 'IMV', { hotkey: 'Shift+2' }),
  row('windows', 'action', 'layout.1x3', 'view-column', 'IMV', { hotkey: 'Shift+3' }),
  row('windows', 'action', 'layout.2x2', 'view-grid-outline', 'IMV', { hotkey: 'Shift+4' }),
  row('windows', 'action', 'layout.2x1', 'view-agenda-outline', 'IMV', { hotkey: 'Shift+5' }),
  row('windows', 'action', 'layout.2x3', 'view-module-outline', 'I', { hotkey: 'Shift+6' }),
  row('windows', 'action', 'layout.main', 'view-dashboard-edit-outline', 'IMV', { hotkey: 'Shift+7' }),
  row('windows', 'action', 'layout.3x3', 'view-comfy-outline', 'I', { hotkey: 'Shift+9' }),
  row('windows', 'toggle', 'strip.toggle', 'page-layout-sidebar-left', 'IMV', { hotkey: 'Slash' }),
  row('windows', 'toggle', 'panel.toggle', 'page-layout-sidebar-right', 'IMV', { hotkey: 'Backslash' }),
  row('windows', 'toggle', 'panel.measure', 'format-list-bulleted', 'IMV', { hotkey: 'Shift+N' }),

  row('mpr', 'menu', 'mpr.mode', 'layers-triple-outline', 'MV', { hotkey: 'Shift+S', show: true, menu: true }),
  row('mpr', 'action', 'mpr.thicker', 'format-line-weight', 'M', { hotkey: 'BracketRight' }),
  row('mpr', 'action', 'mpr.thinner', 'unfold-more-horizontal', 'M', { hotkey: 'BracketLeft' }),
  row('mpr', 'toggle', 'mpr.ortho', 'angle-right', 'M'),
  row('mpr', 'action', 'mpr.reset', 'backup-restore', 'MV', { hotkey: 'Shift+X', show: true, menu: true }),

  ...(['A', 'P', 'L', 'R', 'H', 'F'] as const).map((view) =>
    row('volume', 'action', `vol.view.${view}`, 'cube-scan', 'V', { show: true, menu: true }),
  ),
  row('volume', 'toggle', 'vol.persp', 'perspective-less', 'V'),
  row('volume', 'toggle', 'vol.shading', 'weather-sunny', 'V'),
  row('volume', 'toggle', 'vol.table', 'table-furniture', 'V', { show: true }),
  row('volume', 'action', 'vol.restore', 'rotate-3d', 'V', { menu: true }),

  row('output', 'action', 'copy', 'content-copy', 'IMV', { hotkey: 'Ctrl+C', menu: true }),
  row('output', 'action', 'export', 'camera-outline', 'IMV', { hotkey: 'Ctrl+E', show: true }),
  row('output', 'action', 'link', 'share-variant-outline', 'IMV', { hotkey: 'Shift+K', show: true }),
  row('output', 'action', 'fullscreen', 'overscan', 'IMV'),
  row('output', 'action', 'help', 'keyboard-outline', 'IMV', { hotkey: 'Shift+Slash', show: true }),
];

const BY_ID = new Map(TOOL_TABLE.map((entry) => [entry.id, entry]));

/** The row of a tool; throws for an id that the table does not have. */
export function toolRow(id: string): ToolRow {
  const found = BY_ID.get(id);
  if (found === undefined) throw new Error(`no tool ${id}`);
  return found;
}

/** Key of the tool's name in the locales; dots of ids would clash with the nesting of texts. */
export function toolTextKey(id: string): string {
  return `viewer.tool.${id.replaceAll('.', '_')}`;
}
