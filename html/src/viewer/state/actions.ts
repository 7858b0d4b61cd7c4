/** What each row of the tool table does, whether it can be done now, and whether it is on. */
import { zoomFor } from '@/core/geometry';
import { neighbourPhase } from '@/core/phases';
import { AUTOMATIC, nextFileWindow, windowBy } from '@/core/levels';
import { choosePreset, missingPreset, presetsOf } from '@/core/presets';
import { zoomAround } from '@/core/tools/pointerTools';
import { TOOL_TABLE, toolRow, type WindowKind } from '@/core/tools/table';
import type { UndoList } from '@/core/undoList';
import type { ViewportController } from '@/core/viewport';
import { normaliseAngle } from '@/core/geometry';

import { isOffered } from './offeredTools';
import { reasonText, type TranslateCount, volumeReason } from './reasons';
import type { Workspace } from './workspace';

export interface Action {
  run(): void;
  /** Why it cannot be done now; null if it can. */
  blocked?(): Reason | null;
  checked?(): boolean;
}

/** A text key, with a number where the text depends on one. */
export type Reason = string | { readonly key: string; readonly n: number };

export interface PageFunctions {
  copyPicture(): void;
  savePicture(): void;
  fullscreen(): void;
  createLink(): void;
  /** Another window is in front: the hand goes to its pictures. */
  windowChanged(): void;
  /** The address follows the study in front. */
  studyChanged(): void;
}

const NO_PICTURE = 'viewer.reason.no_picture';
const ONE_SLICE = 'viewer.reason.one_slice';
const ZOOM_STEP = 1.25;

/** Rows that do the same in every window. */
export const EVERYWHERE = /^(win\.|m\.|undo$|redo$|overlay$|privacy$|crosshair\.toggle$|study\.|strip\.|panel\.|copy$|export$|link$|fullscreen$|help$|tool\.cancel$)/;

export class Actions {
  private readonly image: Readonly<Record<string, Action>>;

  constructor(
    private readonly workspace: Workspace,
    page: PageFunctions,
  ) {
    this.image = {
      ...this.windows(page),
      ...this.picture(),
      ...this.navigation(),
      ...this.arrangement(page),
      ...this.measurements(),
      ...this.output(page),
      'tool.cancel': {
        run: () => {
          workspace.cancel();
        },
      },
    };
    for (const { id, kind, windows } of TOOL_TABLE) {
      if (kind === 'pointer' || kind === 'menu' || !windows.includes('image')) continue;
      if (!this.image[id]) throw new Error(`nothing does ${id}`);
    }
  }

  run(id: string): void {
    const { kind, windows } = toolRow(id);
    if (!windows.includes(this.workspace.windowKind)) return;
    if (kind === 'pointer') {
      this.workspace.chooseTool(id);
      return;
    }
    const action = this.actionOf(id);
    if (action && this.blocked(id) === null) action.run();
  }

  /** Why a row is disabled; null if it is not. */
  blocked(id: string): Reason | null {
    return this.actionOf(id)?.blocked?.() ?? null;
  }

  /** The same as a text; empty if it is not. */
  reason(id: string, t: TranslateCount): string {
    return reasonText(this.blocked(id), t);
  }

  checked(id: string): boolean {
    return this.actionOf(id)?.checked?.() ?? false;
  }

  private actionOf(id: string): Action | undefined {
    const { volume } = this.workspace;
    return volume && !EVERYWHERE.test(id) ? volume.actions[id] : this.image[id];
  }

  private withPicture(
    run: (viewport: ViewportController) => void,
    checked?: (viewport: ViewportController) => boolean,
  ): Action {
    return {
      run: () => {
        const viewport = this.workspace.active;
        if (viewport?.stack) run(viewport);
      },
      blocked: () => (this.workspace.active?.stack ? null : NO_PICTURE),
      ...(checked && {
        checked: () => {
          const viewport = this.workspace.active;
          return viewport !== null && checked(viewport);
        },
      }),
    };
  }

  private withAnyPicture(run: () => void): Action {
    return {
      run,
      blocked: () => ((this.workspace.volume?.active ?? this.workspace.active)?.shownHeader ? null : NO_PICTURE),
    };
  }

  private windows(page: PageFunctions): Record<string, Action> {
    const { workspace } = this;
    const open = (kind: WindowKind): Action => ({
      run: () => {
        void workspace.openWindow(kind).then(page.windowChanged);
      },
      blocked: () => (kind === 'image' ? null : volumeReason(workspace)),
      checked: () => workspace.state.bindings >= 0 && workspace.windowKind === kind,
    });
    return { 'win.image': open('image'), 'win.mpr': open('mpr'), 'win.volume': open('volume') };
  }

  private picture(): Record<string, Action> {
    const { workspace } = this;
    const presets = Object.fromEntries(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((key) => [
        `preset.${key}`,
        this.preset(key),
      ]),
    );
    const turn = (degrees: number): Action =>
      this.withPicture((viewport) => {
        viewport.patch({ rotation: normaliseAngle(viewport.view.rotation + degrees) });
      });
    return {
      ...presets,
      invert: this.withPicture(
        (viewport) => {
          viewport.patch({ invert: !viewport.view.invert });
        },
        ({ view }) => view.invert,
      ),
      'rot.cw': turn(90),
      'rot.ccw': turn(-90),
      'flip.h': this.withPicture(
        (viewport) => {
          viewport.patch({ flip_horizontal: !viewport.view.flip_horizontal });
        },
        ({ view }) => view.flip_horizontal,
      ),
      'flip.v': this.withPicture(
        (viewport) => {
          viewport.patch({ flip_vertical: !viewport.view.flip_vertical });
        },
        ({ view }) => view.flip_vertical,
      ),
      fit: this.withPicture((viewport) => {
        viewport.patch({ zoom: 1, center: null });
      }),
      one2one: this.withPicture((viewport) => {
        const { raster, size, view, devicePixelRatio } = viewport;
        if (raster) viewport.patch({ zoom: zoomFor(raster, size, view.rotation, 1 / devicePixelRatio) });
      }),
      'reset.view': this.withPicture(resetView),
      'wl.auto': this.withPicture((viewport) => void automaticWindow(viewport)),
      overlay: {
        run: () => {
          workspace.cycleOverlay();
        },
      },
      privacy: {
        run: () => {
          workspace.state.privacy = !workspace.state.privacy;
        },
        checked: () => workspace.state.privacy,
      },
      'zoom.in': this.withPicture((viewport) => {
        zoomAround(viewport, ZOOM_STEP, middle(viewport));
      }),
      'zoom.out': this.withPicture((viewport) => {
        zoomAround(viewport, 1 / ZOOM_STEP, middle(viewport));
      }),
    };
  }

  private preset(key: number): Action {
    return {
      ...this.withPicture((viewport) => {
        applyPreset(viewport, key);
      }),
      blocked: () => {
        const viewport = this.workspace.active;
        return viewport?.stack ? missingPreset(viewport.stack, viewport.appliedWindow, key) : NO_PICTURE;
      },
    };
  }

  private navigation(): Record<string, Action> {
    const { workspace } = this;
    const go = (target: (viewport: ViewportController) => number): Action => ({
      ...this.withPicture((viewport) => {
        viewport.nudge();
        viewport.goTo(target(viewport));
      }),
      blocked: () => (workspace.active?.stack ? (workspace.active.count > 1 ? null : ONE_SLICE) : NO_PICTURE),
    });
    const cineBlocked = (): string | null => ((workspace.active?.count ?? 0) > 1 ? null : ONE_SLICE);
    return {
      'nav.prev': go(({ index }) => index - 1),
      'nav.next': go(({ index }) => index + 1),
      'nav.prev10': go(({ index }) => index - 10),
      'nav.next10': go(({ index }) => index + 10),
      'nav.first': go(() => 0),
      'nav.last': go(({ count }) => count - 1),
      'nav.left': this.phase(-1),
      'nav.right': this.phase(1),
      'nav.goto': {
        ...go(({ index }) => index),
        run: () => {
          workspace.state.goTo = true;
        },
      },
      refline: {
        run: () => {
          workspace.state.referenceLines = !workspace.state.referenceLines;
          workspace.linesMoved();
        },
        checked: () => workspace.state.referenceLines,
      },
      'crosshair.toggle': {
        run: () => {
          workspace.state.crosshair = !workspace.state.crosshair;
          workspace.linesMoved();
        },
        checked: () => workspace.state.crosshair,
      },
      cine: {
        run: () => {
          workspace.toggleCine();
        },
        blocked: cineBlocked,
        checked: () => {
          const { cineOf, cineChanges } = workspace.state;
          return cineChanges >= 0 && cineOf !== null && workspace.cine(cineOf)?.running === true;
        },
      },
      'cine.faster': {
        run: () => {
          workspace.changeSpeed(1);
        },
        blocked: cineBlocked,
      },
      'cine.slower': {
        run: () => {
          workspace.changeSpeed(-1);
        },
        blocked: cineBlocked,
      },
      'cine.mode': {
        run: () => {
          const { cineOf } = workspace.state;
          const cine = cineOf && workspace.cine(cineOf);
          if (cine) workspace.setCine({ bounce: !cine.state.bounce });
        },
        blocked: cineBlocked,
      },
      'sync.view': {
        run: () => {
          workspace.toggleSync('view');
        },
        checked: () => workspace.state.sync.view,
      },
      'sync.wl': {
        run: () => {
          workspace.toggleSync('window');
        },
        checked: () => workspace.state.sync.window,
      },
    };
  }

  /** The same slice in the neighbour phase; the neighbour series where there are no phases. */
  private phase(direction: 1 | -1): Action {
    return this.withPicture((viewport) => {
      const index = neighbourPhase(viewport.stack?.slices ?? [], viewport.index, direction);
      if (index === null) {
        this.run(direction > 0 ? 'series.next' : 'series.prev');
        return;
      }
      viewport.nudge();
      viewport.goTo(index);
    });
  }

  private arrangement(page: PageFunctions): Record<string, Action> {
    const { workspace } = this;
    const layouts = TOOL_TABLE.filter(({ id }) => id.startsWith('layout.')).map(({ id }) => {
      const layout = id.slice('layout.'.length);
      const action: Action = {
        run: () => {
          workspace.stopCine();
          workspace.state.current?.setLayout(layout);
          workspace.linesMoved();
        },
        checked: () => workspace.state.current?.state.layout.id === layout,
      };
      return [id, action] as const;
    });
    const study = (direction: 1 | -1): Action => ({
      run: () => {
        if (workspace.stepStudy(direction)) page.studyChanged();
      },
      blocked: () => (workspace.state.tabs.length > 1 ? null : 'viewer.reason.one_study'),
    });
    const several = (): string | null =>
      (workspace.state.current?.state.layout.cells.length ?? 1) > 1 ? null : 'viewer.reason.one_viewport';
    const step = (direction: 1 | -1): Action => ({
      run: () => {
        workspace.state.current?.step(direction);
        workspace.linesMoved();
      },
      blocked: several,
    });
    const series = (direction: 1 | -1): Action => ({
      run: () => {
        workspace.closeCine();
        workspace.state.current?.stepSeries(direction);
      },
    });
    const isListOpen = (): boolean => workspace.state.panel && workspace.state.panelTab === 'measure';
    return {
      ...Object.fromEntries(layouts),
      'series.prev': series(-1),
      'series.next': series(1),
      'study.prev': study(-1),
      'study.next': study(1),
      'viewport.next': step(1),
      'viewport.prev': step(-1),
      'viewport.max': {
        run: () => {
          workspace.state.current?.toggleMaximised();
        },
        blocked: several,
        checked: () => workspace.state.current?.state.maximised === true,
      },
      'strip.toggle': {
        run: () => {
          workspace.state.strip = !workspace.state.strip;
        },
        checked: () => workspace.state.strip,
      },
      'panel.toggle': {
        run: () => {
          workspace.state.panel = !workspace.state.panel;
        },
        checked: () => workspace.state.panel,
      },
      'panel.measure': {
        run: () => {
          const { state } = workspace;
          state.panel = !isListOpen();
          state.panelTab = 'measure';
        },
        checked: isListOpen,
      },
    };
  }

  private measurements(): Record<string, Action> {
    const { workspace } = this;
    const { measuring, state } = workspace;
    const when = (possible: () => boolean | undefined, reason: string): (() => Reason | null) =>
      () => (measuring.state.changes >= 0 && possible() ? null : reason);
    const noShapes = when(() => Boolean(measuring.loaded?.countInSeries), 'viewer.reason.no_shapes');
    const back = (): UndoList | undefined => state.current?.undo;
    const step = (walk: (list: UndoList) => void) => (): void => {
      const list = back();
      if (!list) return;
      walk(list);
      measuring.state.changes += 1;
    };
    return {
      'nav.mark.prev': { run: () => measuring.loaded?.goToNext(-1), blocked: noShapes },
      'nav.mark.next': { run: () => measuring.loaded?.goToNext(1), blocked: noShapes },
      'm.label': {
        run: () => measuring.loaded?.editLabel(),
        blocked: when(() => measuring.loaded?.hasSelection, 'viewer.reason.no_shape_chosen'),
      },
      'm.delete': {
        run: () => measuring.loaded?.deleteSelected(),
        blocked: when(() => measuring.loaded?.hasSelection, 'viewer.reason.no_shape_chosen'),
      },
      'm.clear': {
        run: () => void measuring.loaded?.clear(),
        blocked: noShapes,
      },
      'm.toggle': {
        run: () => measuring.loaded?.toggle(),
        blocked: when(() => Boolean(measuring.loaded?.count), 'viewer.reason.no_shapes'),
        checked: () => measuring.state.changes > 0 && measuring.loaded?.hidden === false && measuring.loaded.count > 0,
      },
      undo: { run: step((list) => list.undo()), blocked: when(() => back()?.canUndo, 'viewer.reason.nothing_to_undo') },
      redo: { run: step((list) => list.redo()), blocked: when(() => back()?.canRedo, 'viewer.reason.nothing_to_redo') },
    };
  }

  private output(page: PageFunctions): Record<string, Action> {
    return {
      copy: this.withAnyPicture(() => {
        page.copyPicture();
      }),
      export: this.withAnyPicture(() => {
        page.savePicture();
      }),
      fullscreen: {
        run: () => {
          page.fullscreen();
        },
        checked: () => document.fullscreenElement !== null,
      },
      link: {
        run: () => {
          if (isOffered({ id: 'link' })) page.createLink();
        },
        blocked: () => (this.workspace.state.current?.state.detail ? null : 'viewer.reason.no_study'),
      },
      help: {
        run: () => {
          this.workspace.state.help = true;
        },
      },
    };
  }
}

function middle({ size }: ViewportController): { x: number; y: number } {
  return { x: size.width / 2, y: size.height / 2 };
}

function applyPreset(viewport: ViewportController, key: number): void {
  const preset = viewport.stack && presetsOf(viewport.stack, viewport.appliedWindow).find((entry) => entry.key === key);
  if (!preset) return;
  void choosePreset(viewport, preset, (patch) => {
    viewport.patch(patch);
  });
}

/** The file's first window, its others, then one by percentiles of the slice. */
async function automaticWindow(viewport: ViewportController): Promise<void> {
  const voi = nextFileWindow(viewport.view, viewport.stack?.windows.length ?? 0);
  if (voi !== null) {
    viewport.patch({ window: null, voi });
    return;
  }
  const window = await windowBy(viewport, AUTOMATIC);
  if (window) viewport.patch({ window });
}

/** Everything back to the state at opening but the slice. */
function resetView(viewport: ViewportController): void {
  if (viewport.initialView === null) return;
  const { kind: _, position: __, ...look } = viewport.initialView;
  viewport.patch(look);
}
