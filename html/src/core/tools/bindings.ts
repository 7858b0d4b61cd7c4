/** Which pointer tool a button with a modifier starts, and how a chosen tool takes a button. */
import { type Modifier, type MouseButton, TOOL_TABLE, toolRow, type WindowKind } from './table';

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

/** The part of PointerEvent that says which button was pressed with what. */
export interface PressedButton {
  readonly button: number;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/**
 * The button and the modifiers of a press. On a Mac the command key stands for Ctrl, and a click with
 * its Ctrl key is the system's right click.
 */
export function pressOf(event: PressedButton, isMac: boolean): { button: number; modifiers: Modifiers } {
  const { shiftKey: shift, altKey: alt, ctrlKey, metaKey } = event;
  if (!isMac) return { button: event.button, modifiers: { shift, alt, ctrl: ctrlKey || metaKey } };
  const button = ctrlKey && event.button === 0 ? 2 : event.button;
  return { button, modifiers: { shift, alt, ctrl: metaKey } };
}

function modifierOf({ shift, ctrl, alt }: Modifiers): Modifier | null {
  if (Number(shift) + Number(ctrl) + Number(alt) > 1) return null;
  return shift ? 'Shift' : ctrl ? 'Ctrl' : alt ? 'Alt' : '';
}

export class Bindings {
  private readonly chosen = new Map<MouseButton, string>();
  /** What was on a button before the tool chosen last. */
  private readonly former = new Map<MouseButton, string | null>();

  constructor(private readonly window: WindowKind = 'image') {}

  /** The tool that a press starts, null for a combination nobody has. */
  toolFor(button: MouseButton, modifiers: Modifiers): string | null {
    const modifier = modifierOf(modifiers);
    if (modifier === null) return null;
    if (modifier === '') return this.bare(button);
    return this.defaultTool(button, modifier);
  }

  /** The tool on a button without modifier. */
  bare(button: MouseButton): string | null {
    return this.chosen.get(button) ?? this.defaultTool(button, '');
  }

  /** Puts a pointer tool on a button until it is released or the tab is closed. */
  choose(tool: string, button: MouseButton = 'L'): void {
    if (toolRow(tool).kind !== 'pointer') throw new Error(`${tool} takes no button`);
    if (this.bare(button) !== tool) this.former.set(button, this.bare(button));
    if (this.defaultTool(button, '') === tool) this.chosen.delete(button);
    else this.chosen.set(button, tool);
  }

  /** Gives the left button back to its default tool. Returns whether anything changed. */
  release(): boolean {
    return this.chosen.delete('L');
  }

  /** Gives the buttons that have a tool back to those they had before. Returns whether anything changed. */
  giveBack(tool: string): boolean {
    const buttons = BUTTONS.filter((button) => this.chosen.get(button) === tool);
    for (const button of buttons) {
      const former = this.former.get(button) ?? this.defaultTool(button, '');
      this.chosen.delete(button);
      if (former !== null) this.choose(former, button);
    }
    return buttons.length > 0;
  }

  private defaultTool(button: MouseButton, modifier: Modifier): string | null {
    const found = TOOL_TABLE.find(
      ({ mouse, windows }) =>
        mouse?.button === button && mouse.modifier === modifier && windows.includes(this.window),
    );
    return found?.id ?? null;
  }
}
