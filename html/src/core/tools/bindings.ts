/** Which pointer tool a button with a modifier starts, and how a chosen tool takes a button. */
import { type Modifier, type MouseButton, TOOL_TABLE, toolRow } from './table';

const BUTTONS: readonly MouseButton[] = ['L', 'M', 'R'];

export interface Modifiers {
  readonly shift: boolean;
  readonly ctrl: boolean;
  readonly alt: boolean;
}

/** DOM `MouseEvent.button` to our name. */
export function buttonName(button: number): MouseButton | null {
  return BUTTONS[button] ?? null;
}

function modifierOf({ shift, ctrl, alt }: Modifiers): Modifier | null {
  if (Number(shift) + Number(ctrl) + Number(alt) > 1) return null;
  return shift ? 'Shift' : ctrl ? 'Ctrl' : alt ? 'Alt' : '';
}

export class Bindings {
  private readonly chosen = new Map<MouseButton, string>();

  /** The tool that a press starts, null for a combination nobody has. */
  toolFor(button: MouseButton, modifiers: Modifiers): string | null {
    const modifier = modifierOf(modifiers);
    if (modifier === null) return null;
    if (modifier === '') return this.bare(button);
    return defaultTool(button, modifier);
  }

  /** The tool on a button without modifier. */
  bare(button: MouseButton): string | null {
    return this.chosen.get(button) ?? defaultTool(button, '');
  }

  /** Puts a pointer tool on a button until it is released or the tab is closed. */
  choose(tool: string, button: MouseButton = 'L'): void {
    if (toolRow(tool).kind !== 'pointer') throw new Error(`${tool} takes no button`);
    if (defaultTool(button, '') === tool) this.chosen.delete(button);
    else this.chosen.set(button, tool);
  }

  /** Gives the left button back to its default tool. Returns whether anything changed. */
  release(): boolean {
    return this.chosen.delete('L');
  }
}

function defaultTool(button: MouseButton, modifier: Modifier): string | null {
  const found = TOOL_TABLE.find(({ mouse }) => mouse?.button === button && mouse.modifier === modifier);
  return found?.id ?? null;
}
