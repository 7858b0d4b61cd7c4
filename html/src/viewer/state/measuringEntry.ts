/** The way to measurements: their code is loaded with the first use of such a tool. */
import { shallowReactive } from 'vue';

import type { Point } from '@/core/geometry';
import { toolRow } from '@/core/tools/table';
import type { Drag, PointerSample, ToolServices, ToolTarget } from '@/core/tools/target';
import type { SpaceViewport } from '@/core/volumeSession';
import type { ViewportController } from '@/core/viewport';
import { addTexts } from '@/i18n';
import { useSettings } from '@/stores/settings';

import type { Measuring } from './measuring';
import type { Workspace } from './workspace';

export type MeasuredViewport = ViewportController | SpaceViewport;

/** What the pointer looks like over a shape. */
export interface HoverLook {
  readonly cursor: string;
  readonly title: string;
}

export class MeasuringEntry {
  /** Null before the first use: there is nothing to draw, to hit or to delete. */
  loaded: Measuring | null = null;
  readonly state = shallowReactive({
    /** Raised when shapes, their selection or the steps back have changed. */
    changes: 0,
    /** The tool that was chosen last. */
    tool: 'm.length',
    /** What screen readers hear of shapes. */
    spoken: '',
  });
  private loading: Promise<Measuring> | null = null;

  constructor(private readonly workspace: Workspace) {}

  /** What the tools of the Image window need. */
  get services(): Pick<ToolServices, 'place' | 'draw' | 'grab'> {
    const seen = (target: ToolTarget): ViewportController => target as ViewportController;
    return {
      place: (target, at) => {
        this.place(seen(target), at);
      },
      draw: (target, tool, at) => this.begin(seen(target), tool, at),
      grab: (target, at, touch) => this.loaded?.grab(seen(target), at, touch) ?? null,
    };
  }

  /** A tool was chosen: a shape that is being drawn is dropped. */
  choose(tool: string): void {
    this.loaded?.drop();
    if (toolRow(tool).group !== 'measure') return;
    this.state.tool = tool;
    void this.load();
  }

  /** Whether a key over a picture was about shapes. */
  takesKey(event: KeyboardEvent): boolean {
    const { target } = event;
    const onPicture = target === document.body || (target instanceof Element && target.closest('[role="application"]'));
    if (!onPicture || !this.loaded?.key(event)) return false;
    event.preventDefault();
    return true;
  }

  load(): Promise<Measuring> {
    this.loading ??= Promise.all([import('./measuring'), addTexts('measure')]).then(
      ([{ Measuring }]) => (this.loaded = new Measuring(this.workspace)),
      (error: unknown) => {
        this.loading = null;
        throw error;
      },
    );
    return this.loading;
  }

  /** A shape was drawn; those who want a tool for one use have the former one again. */
  finished(): void {
    if (useSettings().get('viewer.measuring', 'stay') === 'once') this.workspace.giveBack(this.state.tool);
  }

  /** Begins a shape; what the hand does before the code has come is done then. */
  begin(viewport: MeasuredViewport, tool: string, at: PointerSample): Drag | null {
    if (!tool.startsWith('m.')) return null;
    if (this.loaded) return this.loaded.begin(viewport, tool, at);
    const begun = this.load().then((measuring) => measuring.begin(viewport, tool, at));
    const then = (act: (drag: Drag | null) => void): void => void begun.then(act);
    return {
      move: (sample) => {
        then((drag) => drag?.move(sample));
      },
      end: () => {
        then((drag) => drag?.end?.());
      },
      cancel: () => {
        then((drag) => drag?.cancel?.());
      },
      click: () => undefined,
    };
  }

  place(viewport: MeasuredViewport, at: Point): void {
    void this.load().then((measuring) => {
      measuring.place(viewport, at);
    });
  }
}
