/** A series in the MPR and Volume windows: which panes are shown, which one has the hand, what moves by itself. */
import { shallowReactive } from 'vue';

import { between, type Camera, lookFrom, turnModel } from '@/core/camera';
import type { ViewerConnection } from '@/core/connection';
import type { Point } from '@/core/geometry';
import { type Layout, layoutOf, moveSplitter } from '@/core/layouts';
import type { Lasso } from '@/core/scissors';
import { Bindings } from '@/core/tools/bindings';
import { Gestures } from '@/core/tools/gestures';
import type { Box } from '@/core/tools/regionDrag';
import { SpaceHost } from '@/core/tools/spaceHost';
import type { Drag, PointerSample } from '@/core/tools/target';
import { type PaneId, type SessionStart, type SpaceViewport, VolumeSession } from '@/core/volumeSession';
import type { PlaneViewport } from '@/core/volumeViewport';
import type { Vector, Window } from '@/core/wire';

import type { Translate } from '../overlay/texts';
import { planePosition } from '../overlay/volumeTexts';
import type { Action } from './actions';
import type { Choice } from './choices';
import type { SeriesSummary } from './studies';
import { volumeChoices } from './volumeChoices';
import { volumeSnapshotOf } from './volumeSnapshot';

export type VolumeKind = 'mpr' | 'volume';

export interface VolumeState {
  layout: Layout;
  columns: readonly number[];
  rows: readonly number[];
  /** What each place of the layout shows. */
  panes: readonly PaneId[];
  active: PaneId;
  maximised: boolean;
  /** The crop box can be dragged. */
  box: boolean;
  /** The model turns, or slices go by. */
  playing: boolean;
  /** Degrees of a line that is being turned. */
  angle: { readonly pane: PaneId; readonly degrees: number; readonly at: Point } | null;
  /** Raised at most ten times a second when something that components show has changed. */
  changes: number;
}

/** What the window needs of the page. */
export interface VolumePage {
  lens(target: SpaceViewport, at: Point | null): void;
  probe(target: SpaceViewport, at: Point | null): void;
  menu(target: SpaceViewport, at: Point): void;
  tool(target: SpaceViewport, tool: string | null): void;
  lasso(lasso: Lasso | null): void;
  region(target: SpaceViewport, box: Box | null): void;
  /** Finds the window by what is inside of a rectangle; `set` gets it. */
  takeRegion(target: PlaneViewport, box: Box, set: (window: Window) => void): void;
  place(target: SpaceViewport, at: Point): void;
  draw(target: SpaceViewport, tool: string, at: PointerSample): Drag | null;
  grab(target: SpaceViewport, at: PointerSample, touch: boolean): Drag | null;
  linesShown(): boolean;
  moved(): void;
}

const CHANGE_MS = 100;
const MOVE_MS = 200;
/** Degrees of the model a second, and how many pictures of it are asked for at most. */
const SPIN_DEGREES = 30;
const SPIN_RATE = 24;
const SLICES_PER_SECOND = 15;

export class VolumeWindow {
  readonly session: VolumeSession;
  readonly state: VolumeState;
  readonly bindings: Readonly<Record<VolumeKind, Bindings>> = {
    mpr: new Bindings('mpr'),
    volume: new Bindings('volume'),
  };
  readonly host: SpaceHost;
  /** What the rows of the tool table do here. */
  readonly actions: Readonly<Record<string, Action>>;
  private readonly gestures: Readonly<Record<VolumeKind, Gestures<SpaceViewport>>>;
  private visible = false;
  private changeTimer: ReturnType<typeof setTimeout> | undefined;
  private flight = 0;
  private held: readonly SpaceViewport[] = [];

  constructor(
    readonly study: string,
    readonly series: SeriesSummary,
    kind: VolumeKind,
    start: Omit<SessionStart, 'study' | 'series'>,
    connection: ViewerConnection,
    private readonly page: VolumePage,
    actions: (window: VolumeWindow) => Readonly<Record<string, Action>>,
  ) {
    this.session = new VolumeSession({ study, series: series.id, ...start }, connection);
    const layout = layoutOf('1x1');
    this.state = shallowReactive<VolumeState>({
      layout,
      columns: layout.columns,
      rows: layout.rows,
      panes: [],
      active: 'axial',
      maximised: false,
      box: false,
      playing: false,
      angle: null,
      changes: 0,
    });
    this.host = new SpaceHost(this.services());
    this.gestures = { mpr: this.makeGestures('mpr'), volume: this.makeGestures('volume') };
    this.session.on('moved', () => {
      this.page.moved();
    });
    this.session.on('change', () => {
      this.changeTimer ??= setTimeout(() => {
        this.changeTimer = undefined;
        this.state.changes += 1;
      }, CHANGE_MS);
    });
    this.actions = actions(this);
    this.arrange(kind);
  }

  /** What a menu offers. */
  choices(id: string, t: Translate): Choice[] {
    return volumeChoices(id, this, t);
  }

  /** What screen readers hear. */
  spoken(t: Translate): string {
    const { active } = this.state;
    const plane = active === 'model' ? null : active;
    const place = planePosition({ snapshot: volumeSnapshotOf(this, this.active), plane, t });
    return [t(`viewer.pane.${active}`), place].filter(Boolean).join(', ');
  }

  get active(): SpaceViewport {
    return this.session.viewport(this.state.active);
  }

  get kind(): VolumeKind {
    return this.active.kind;
  }

  /** Panes on the screen: one while it is maximised. */
  get shown(): readonly PaneId[] {
    return this.state.maximised ? [this.state.active] : this.state.panes;
  }

  gesturesOf(viewport: SpaceViewport): Gestures<SpaceViewport> {
    return this.gestures[viewport.kind];
  }

  /** Brings the panes of a kind of window to the front. */
  arrange(kind: VolumeKind): void {
    this.state.active = kind === 'mpr' ? (this.state.active === 'model' ? 'axial' : this.state.active) : 'model';
    this.setLayout(kind === 'mpr' ? '2x2' : '1x1');
  }

  setLayout(id: string): void {
    const layout = layoutOf(id);
    const panes = panesOf(id, this.state.active).slice(0, layout.cells.length);
    Object.assign(this.state, { layout, columns: layout.columns, rows: layout.rows, panes, maximised: false });
    this.refresh();
  }

  moveSplitter(axis: 'columns' | 'rows', index: number, delta: number): void {
    this.state[axis] = moveSplitter(this.state[axis], index, delta);
  }

  activate(pane: PaneId): void {
    if (this.state.active !== pane) this.state.active = pane;
  }

  step(direction: 1 | -1): void {
    const { panes, active } = this.state;
    this.state.active = panes[(panes.indexOf(active) + direction + panes.length) % panes.length] ?? active;
    this.refresh();
  }

  toggleMaximised(): void {
    if (this.state.panes.length === 1) return;
    this.state.maximised = !this.state.maximised;
    this.refresh();
  }

  /** Hidden panes ask for no frames. */
  setVisible(visible: boolean): void {
    this.visible = visible;
    if (!visible) this.stop();
    this.refresh();
  }

  dispose(): void {
    this.stop();
    clearTimeout(this.changeTimer);
    this.session.dispose();
  }

  // What moves by itself.

  /** Takes the camera to another place in 200 ms; at once for those who want no motion. */
  fly(target: Camera): void {
    this.stop();
    const from = this.session.camera;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this.session.setCamera(target);
      return;
    }
    const start = performance.now();
    this.session.model.hold(true);
    const advance = (): void => {
      const share = Math.min(1, (performance.now() - start) / MOVE_MS);
      this.session.setCamera(between(from, target, share));
      if (share < 1) this.flight = requestAnimationFrame(advance);
      else this.land();
    };
    this.flight = requestAnimationFrame(advance);
  }

  /** Looks from a direction of the patient. */
  lookFrom(direction: Vector): void {
    this.fly(lookFrom(this.session.camera, direction, this.session.pivot));
  }

  togglePlaying(): void {
    if (this.state.playing) this.stop();
    else this.play();
  }

  private play(): void {
    this.stop();
    const viewport = this.active;
    this.state.playing = true;
    viewport.hold(true);
    this.held = [viewport];
    const rate = viewport.kind === 'volume' ? SPIN_RATE : SLICES_PER_SECOND;
    let last = performance.now();
    const advance = (): void => {
      const now = performance.now();
      if (now - last >= 1000 / rate) {
        if (viewport.kind === 'volume') {
          const degrees = (SPIN_DEGREES * (now - last)) / 1000;
          this.session.setCamera(turnModel(this.session.camera, degrees, 0, this.session.pivot));
        } else this.nextSlice(viewport.plane);
        last = now;
      }
      this.flight = requestAnimationFrame(advance);
    };
    this.flight = requestAnimationFrame(advance);
  }

  /** The next slice; after the last one the first. */
  private nextSlice(plane: 'axial' | 'coronal' | 'sagittal'): void {
    const before = this.session.linked?.planes[plane];
    this.session.scroll(plane, 1);
    if (this.session.linked?.planes[plane] === before) this.session.scroll(plane, -1e5);
  }

  stop(): void {
    if (this.flight === 0) return;
    cancelAnimationFrame(this.flight);
    this.land();
  }

  private land(): void {
    this.flight = 0;
    this.state.playing = false;
    const moved = this.held.length > 0 ? this.held : [this.session.model];
    this.held = [];
    for (const viewport of moved) viewport.hold(false);
  }

  private refresh(): void {
    const shown = new Set<SpaceViewport>(this.visible ? this.shown.map((pane) => this.session.viewport(pane)) : []);
    for (const viewport of this.session.viewports) {
      if (shown.has(viewport)) viewport.open();
      else viewport.suspend();
    }
    this.page.moved();
  }

  private services() {
    // A closure, so that the host sees what is shown at the time of a press.
    const shown = { lines: () => this.page.linesShown(), box: () => this.state.box };
    return {
      session: () => this.session,
      probe: (target: SpaceViewport, at: Point | null) => {
        this.page.probe(target, at);
      },
      lens: (target: SpaceViewport, at: Point | null) => {
        this.page.lens(target, at);
      },
      region: (target: PlaneViewport, box: Box | null) => {
        this.page.region(target, box);
      },
      takeRegion: (target: PlaneViewport, box: Box) => {
        this.page.takeRegion(target, box, (window) => {
          this.session.setLook({ window }, target);
        });
      },
      lasso: (lasso: Lasso | null) => {
        this.page.lasso(lasso);
      },
      angle: (target: SpaceViewport, degrees: number | null, at: Point) => {
        const pane: PaneId = target.kind === 'mpr' ? target.plane : 'model';
        this.state.angle = degrees === null ? null : { pane, degrees, at };
      },
      shown: {
        get lines(): boolean {
          return shown.lines();
        },
        get box(): boolean {
          return shown.box();
        },
      },
      touched: () => {
        this.stop();
      },
      place: (target: SpaceViewport, at: Point) => {
        this.page.place(target, at);
      },
      draw: (target: SpaceViewport, tool: string, at: PointerSample) => this.page.draw(target, tool, at),
      grab: (target: SpaceViewport, at: PointerSample, touch: boolean) => this.page.grab(target, at, touch),
    };
  }

  private makeGestures(kind: VolumeKind): Gestures<SpaceViewport> {
    return new Gestures(this.bindings[kind], this.host, {
      active: (target, active) => {
        this.holdAll(target, active);
      },
      menu: (target, at) => {
        this.page.menu(target, at);
      },
      maximise: (target) => {
        if (this.host.closePolygon()) return;
        this.activate(target.kind === 'mpr' ? target.plane : 'model');
        this.toggleMaximised();
      },
      tool: (target, tool) => {
        this.page.tool(target, tool);
      },
    });
  }

  /** A hand on a plane may move the others too; of the model only itself moves. */
  private holdAll(target: SpaceViewport, active: boolean): void {
    const planes = this.session.viewports.filter((viewport) => viewport.kind === 'mpr');
    const all = target.kind === 'volume' ? [target, ...planes] : planes;
    for (const viewport of all) viewport.hold(active);
  }
}

/** What the places of a layout show, as the active pane asks for. */
function panesOf(layout: string, active: PaneId): readonly PaneId[] {
  const planes: readonly PaneId[] = ['axial', 'coronal', 'sagittal'];
  const others = [...planes, 'model' as const].filter((pane) => pane !== active);
  if (layout === '1x1') return [active];
  if (layout === '2x2') return [...planes, 'model'];
  if (layout === '1x3') return active === 'model' ? ['model', 'axial', 'coronal'] : planes;
  return [active, ...others];
}
