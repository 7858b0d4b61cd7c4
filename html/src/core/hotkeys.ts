/** Hotkeys are physical keys, so they work on every keyboard layout. */
import { TOOL_TABLE } from './tools/table';

/** The part of KeyboardEvent that is used. */
export interface KeyPress {
  readonly code: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** Fixed second keys. */
const NUMPAD: Readonly<Record<string, string>> = { NumpadAdd: 'Equal', NumpadSubtract: 'Minus' };
const SECOND: Readonly<Record<string, string>> = { 'Ctrl+Y': 'Ctrl+Shift+Z' };

function shortCode(code: string): string {
  const named = NUMPAD[code];
  if (named !== undefined) return named;
  return code.replace(/^(?:Key|Digit)(?=.$)/, '').replace(/^Numpad(?=\d$)/, '');
}

/** `Ctrl+Shift+Z` of an event; the command key of a Mac counts as Ctrl. */
export function comboOf(event: KeyPress): string {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  if (event.shiftKey) parts.push('Shift');
  return [...parts, shortCode(event.code)].join('+');
}

const BY_COMBO = new Map(TOOL_TABLE.flatMap(({ id, hotkey }) => (hotkey === undefined ? [] : [[hotkey, id] as const])));

/** The tool or action of a key press, null if it is nobody's. */
export function toolOfKey(event: KeyPress): string | null {
  const combo = comboOf(event);
  return BY_COMBO.get(SECOND[combo] ?? combo) ?? null;
}

const SYMBOLS: Readonly<Record<string, string>> = {
  Slash: '/',
  Backslash: '\\',
  Quote: "'",
  Semicolon: ';',
  Backquote: '`',
  Equal: '=',
  Minus: '-',
  Period: '.',
  Comma: ',',
  BracketLeft: '[',
  BracketRight: ']',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  PageUp: 'PgUp',
  PageDown: 'PgDn',
  Escape: 'Esc',
};

const CYRILLIC = new Map(
  [...'QWERTYUIOPASDFGHJKLZXCVBNM'].map((key, index) => [key, [...'ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ'][index]]),
);

/** What is printed on the keys. `layout` maps codes to characters where the browser knows them. */
export function keyLabel(hotkey: string, language: string, layout?: ReadonlyMap<string, string>): string {
  return hotkey
    .split('+')
    .map((part) => {
      if (part === 'Ctrl' || part === 'Shift' || part === 'Alt') return part;
      const known = layout?.get(part.length === 1 ? (/\d/.test(part) ? `Digit${part}` : `Key${part}`) : part);
      if (known) return known.toUpperCase();
      return (language === 'ru' ? CYRILLIC.get(part) : undefined) ?? SYMBOLS[part] ?? part;
    })
    .join(' + ');
}
