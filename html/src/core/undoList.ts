/** What can be undone: cuts, crop, planes, measurements. Navigation and window are not. */

export interface Step {
  undo(): void;
  redo(): void;
}

export const MAX_STEPS = 100;

export class UndoList {
  private done: Step[] = [];
  private undone: Step[] = [];

  constructor(private readonly limit = MAX_STEPS) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Keeps a finished gesture; what was undone before cannot be redone any more. */
  push(step: Step): void {
    this.done.push(step);
    this.undone = [];
    if (this.done.length > this.limit) this.done.shift();
  }

  /** Keeps the change from one value to another, unless nothing has changed. */
  change<T>(before: T, after: T, apply: (value: T) => void): void {
    if (before === after) return;
    this.push({
      undo: () => {
        apply(before);
      },
      redo: () => {
        apply(after);
      },
    });
  }

  /** Returns whether there was something. */
  undo(): boolean {
    const step = this.done.pop();
    if (!step) return false;
    step.undo();
    this.undone.push(step);
    return true;
  }

  redo(): boolean {
    const step = this.undone.pop();
    if (!step) return false;
    step.redo();
    this.done.push(step);
    return true;
  }

  clear(): void {
    this.done = [];
    this.undone = [];
  }
}
