/** The viewer as a whole: opened studies, what the hand does, what all viewports share. */
import { markRaw, shallowReactive } from 'vue';

import { ApiError } from '@/api/client';
import { getStudy } from '@/api/studies';
import { Cine, type CineState, nextSpeed, speedOf } from '@/core/cine';
import { Emitter } from '@/core/emitter';
import type { ViewerConnection } from '@/core/connection';
import { FrameFlag } from '@/core/frameHeader';
import type { Point } from '@/core/geometry';
import { canFollowPosition, followOffset, followPosition, followView, followWindow, offsetBetween } from '@/core/sync';
import type { ScrollSync, SyncSettings } from '@/core/sync';
import { Bindings } from '@/core/tools/bindings';
import { Gestures } from '@/core/tools/gestures';
import { imageHost } from '@/core/tools/imageHost';
import type { ToolTarget } from '@/core/tools/target';
import type { Lasso } from '@/core/scissors';
import type { WindowKind } from '@/core/tools/table';
import type { SpaceViewport } from '@/core/volumeSession';
import type { ViewportController } from '@/core/viewport';
import type { Vector } from '@/core/wire';

import { locate } from './locating';
import { MeasuringEntry } from './measuringEntry';
import { type Region, regionServices } from './regionWindow';
import { screenShape } from './screen';
import { SeenSlices } from './seenSlices';
import { PATIENT_COLOURS, samePatient, type StudyDetail, type StudySummary } from './studies';
import { StudyTab } from './studyTab';
import { volumePageOf } from './volumePage';
import type { VolumePage, VolumeWindow } from './volumeWindow';
import type { Way } from './windowSwitch';

export type OverlayMode = 'full' | 'short' | 'off';
export type PanelTab = 'info' | 'measure' | 'presets' | 'volume';

export interface Reading {
  readonly viewport: ViewportController | SpaceViewport;
  readonly at: Point;
  /** A text where the server cannot be asked. */
  readonly value: number | Vector | string | null;
  readonly unit: string;
  readonly point: Vector | null;
  /** The slice it was read from; of a plane or projection none. */
  readonly position: number | null;
  /** Shown beside the pointer, not only in the corner. */
  readonly held: boolean;
}

export interface MenuRequest {
  readonly viewport: ViewportController | SpaceViewport;
  readonly at: Point;
}

export interface SharedState {
  tabs: readonly StudyTab[];
  current: StudyTab | null;
  overlay: OverlayMode;
  privacy: boolean;
  referenceLines: boolean;
  crosshair: boolean;
  strip: boolean;
  panel: boolean;
  panelTab: PanelTab;
  sync: SyncSettings;
  /** Raised whenever a tool changes its button. */
  bindings: number;
  help: boolean;
  goTo: boolean;
  menu: MenuRequest | null;
  reading: Reading | null;
  toolAtWork: { readonly viewport: ViewportController | SpaceViewport; readonly tool: string } | null;
  /** The viewport with a cine bar. */
  cineOf: ViewportController | null;
  /** Raised whenever a cine starts, stops or changes. */
  cineChanges: number;
}

export interface Lens {
  readonly viewport: ViewportController | SpaceViewport;
  readonly at: Point;
}

export interface Signals {
  lens: Lens | null;
  region: Region | null;
  /** The outline of the scissors that is being drawn. */
  lasso: Lasso | null;
  lines: undefined;
}

const OVERLAYS: readonly OverlayMode[] = ['full', 'short', 'off'];
export const MAX_TABS = 12;

export class Workspace {
  readonly state: SharedState = shallowReactive<SharedState>({
    tabs: [],
    current: null,
    overlay: 'full',
    privacy: false,
    referenceLines: true,
    crosshair: true,
    strip: true,
    panel: false,
    panelTab: 'info',
    sync: { scroll: 'off', view: false, window: false },
    bindings: 0,
    help: false,
    goTo: false,
    menu: null,
    reading: null,
    toolAtWork: null,
    cineOf: null,
    cineChanges: 0,
  });
  /** What moves with the hand, past Vue. */
  readonly signals = new Emitter<Signals>();
  readonly seen = new SeenSlices();
  readonly measuring = new MeasuringEntry(this);
  lensFactor = 2;
  readonly bindings = new Bindings();
  readonly gestures: Gestures<ToolTarget>;
  /** The located point, in the frame of reference it was found in. */
  located: { readonly space: string; readonly point: Vector } | null = null;
  private readonly offsets = new Map<number, number>();
  private readonly cines = new WeakMap<ViewportController, Cine>();
  private drawing = false;
  /** Viewports that move with the hand now. */
  private held: readonly ViewportController[] = [];

  /** `patientNumber` tells patients apart by a number from 0, null as long as only one is open. */
  constructor(
    readonly connection: ViewerConnection,
    private readonly patientNumber: (study: StudySummary) => number | null,
  ) {
    this.gestures = new Gestures<ToolTarget>(
      this.bindings,
      imageHost({
        probe: (target, at) => void this.probe(target as ViewportController, at, true),
        lens: (target, at) => {
          this.signals.emit('lens', at && { viewport: target as ViewportController, at });
        },
        locate: (target, at) => {
          locate(this, target as ViewportController, at);
        },
        ...regionServices(this),
        ...this.measuring.services,
      }),
      {
        active: (target, active) => {
          this.hold(target as ViewportController, active);
        },
        menu: (target, at) => {
          this.measuring.loaded?.point(target as ViewportController, at);
          this.state.menu = { viewport: target as ViewportController, at };
        },
        maximise: (target) => {
          this.state.current?.activateViewport(target as ViewportController);
          this.state.current?.toggleMaximised();
        },
        tool: (target, tool) => {
          this.state.toolAtWork = tool === null ? null : { viewport: target as ViewportController, tool };
        },
      },
    );
    connection.on('seriesChanged', (series) => void this.seriesChanged(series));
  }

  get active(): ViewportController | null {
    return this.state.current?.activeViewport ?? null;
  }

  /** The volume in the place of the grid, if there is one. */
  get volume(): VolumeWindow | null {
    return this.state.current?.state.volume ?? null;
  }

  /** The kind of window that has the hand. */
  get windowKind(): WindowKind {
    return this.volume?.kind ?? 'image';
  }

  /** Every study that is open, the current one first. */
  get studies(): StudyDetail[] {
    const { tabs, current } = this.state;
    const ordered = current ? [current, ...tabs.filter((tab) => tab !== current)] : tabs;
    return ordered.flatMap((tab) => tab.state.detail ?? []);
  }

  // Tabs.

  /** Brings a study to the front, opening it if it is not open. Returns the studies that had to go. */
  async openStudy(study: string, first?: string): Promise<string[]> {
    const known = this.state.tabs.find((tab) => tab.study === study);
    if (known) {
      this.bringToFront(known);
      if (known.state.problem) await this.load(known, first);
      return [];
    }
    const tab = markRaw(
      new StudyTab(study, this.connection, (viewport, owner) => {
        this.adopt(viewport, owner);
      }),
    );
    const dropped = this.state.tabs.length >= MAX_TABS ? this.state.tabs.slice(0, 1) : [];
    this.state.tabs = [...this.state.tabs, tab];
    this.bringToFront(tab);
    for (const old of dropped) this.closeStudy(old.study);
    await this.load(tab, first);
    return dropped.map((old) => old.study);
  }

  closeStudy(study: string): void {
    const tab = this.state.tabs.find((candidate) => candidate.study === study);
    if (!tab) return;
    const index = this.state.tabs.indexOf(tab);
    this.state.tabs = this.state.tabs.filter((other) => other !== tab);
    if (this.state.current === tab) {
      this.state.current = null;
      const next = this.state.tabs[Math.min(index, this.state.tabs.length - 1)];
      if (next) this.bringToFront(next);
    }
    tab.dispose();
  }

  stepStudy(direction: 1 | -1): StudyTab | null {
    const { tabs, current } = this.state;
    if (!current || tabs.length < 2) return null;
    const next = tabs[(tabs.indexOf(current) + direction + tabs.length) % tabs.length] ?? null;
    if (next) this.bringToFront(next);
    return next;
  }

  bringToFront(tab: StudyTab): void {
    if (this.state.current === tab) return;
    this.stopCine();
    this.gestures.cancel();
    this.measuring.loaded?.drop();
    this.state.current?.setVisible(false);
    this.state.current = tab;
    this.state.reading = null;
    tab.setVisible(true);
    this.linesMoved();
  }

  async load(tab: StudyTab, first?: string): Promise<void> {
    try {
      const detail = await getStudy(tab.study);
      tab.arrange(detail, screenShape(), first);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tab.state.problem = { code: error.code, message: error.message };
    }
  }

  /** Colour of the patient, null as long as only one is open. */
  colourOf(study: StudySummary): string | null {
    const number = this.patientNumber(study);
    return number === null ? null : (PATIENT_COLOURS[number % PATIENT_COLOURS.length] ?? null);
  }

  studyOf(id: string): StudyDetail | null {
    return this.state.tabs.find((tab) => tab.study === id)?.state.detail ?? null;
  }

  get differentPatients(): boolean {
    if (this.volume) return false;
    const shown = this.state.current?.shownCells.filter(({ viewport }) => viewport) ?? [];
    const studies = shown.flatMap(({ study }) => this.studyOf(study)?.study ?? []);
    return studies.some((study) => !samePatient(study, studies[0] as StudySummary));
  }

  // Tools.

  get activeBindings(): Bindings {
    const { volume } = this;
    return volume ? volume.bindings[volume.kind] : this.bindings;
  }

  chooseTool(tool: string, button: 'L' | 'M' | 'R' = 'L'): void {
    this.volume?.host.dropPolygon();
    this.measuring.choose(tool);
    this.activeBindings.choose(tool, button);
    this.state.bindings += 1;
  }

  /** A tool for one use was used: its button has the former one again. */
  giveBack(tool: string): void {
    if (this.activeBindings.giveBack(tool)) this.state.bindings += 1;
  }

  /** Escape: the drag or outline, then the chosen shape, then the chosen tool, then the maximised viewport. */
  cancel(): void {
    const { volume } = this;
    if (volume ? volume.host.dropPolygon() || volume.gesturesOf(volume.active).cancel() : this.gestures.cancel()) return;
    if (this.measuring.loaded?.cancel()) return;
    if (this.activeBindings.release()) {
      this.state.bindings += 1;
      return;
    }
    if (volume?.state.maximised) volume.toggleMaximised();
    else if (!volume && this.state.current?.state.maximised) this.state.current.toggleMaximised();
  }

  /** Puts the active series into another kind of window; the code of volumes is loaded with the first one. */
  async openWindow(kind: WindowKind, way?: Way): Promise<void> {
    if (kind === 'image' && !this.volume) return;
    this.measuring.loaded?.drop();
    const { openWindow } = await import('./windowSwitch');
    openWindow(this, kind, way);
  }

  /** Layout of the window that has the hand. */
  get layout(): string {
    return (this.volume ?? this.state.current)?.state.layout.id ?? '';
  }

  setLayout(id: string): void {
    (this.volume ?? this.state.current)?.setLayout(id);
    this.linesMoved();
  }

  /** What volumes need of the page. */
  readonly volumePage: VolumePage = volumePageOf(this);

  cycleOverlay(): void {
    this.state.overlay = OVERLAYS[(OVERLAYS.indexOf(this.state.overlay) + 1) % OVERLAYS.length] ?? 'full';
  }

  /** Asks for the value under a point; shown in the corner, and beside the pointer while held. */
  async probe(viewport: ViewportController, at: Point | null, held: boolean): Promise<void> {
    if (at === null) {
      this.state.reading = null;
      return;
    }
    const source = viewport.sourceAt(at);
    if (source === null) return;
    const { position } = viewport.view;
    const answer = await viewport.value([Math.round(source[0]), Math.round(source[1])]);
    if (answer === null) return;
    const { value, unit = '', point = null } = answer;
    const stillHeld = held && this.state.toolAtWork?.tool === 'probe';
    this.state.reading = { viewport, at, value, unit, point, position, held: stillHeld };
  }

  // Crosshair and lines.

  /** Lines over the pictures may lie elsewhere: told once before the next paint. */
  linesMoved(): void {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.signals.emit('lines', undefined);
    });
  }

  // Synchronisation.

  setScrollSync(scroll: ScrollSync): void {
    this.state.sync = { ...this.state.sync, scroll };
    this.takeOffsets();
    if (scroll === 'position' && this.active) this.spread(this.active, ['position']);
  }

  cycleScrollSync(): void {
    const order: readonly ScrollSync[] = ['off', 'position', 'offset'];
    this.setScrollSync(order[(order.indexOf(this.state.sync.scroll) + 1) % order.length] ?? 'off');
  }

  toggleSync(which: 'view' | 'window'): void {
    this.state.sync = { ...this.state.sync, [which]: !this.state.sync[which] };
    if (this.active && this.state.sync[which]) this.spread(this.active, [which === 'view' ? 'zoom' : 'window']);
  }

  /** Whether a viewport takes part in synchronous scrolling but has no place to go to. */
  isUnlinked(viewport: ViewportController): boolean {
    const leader = this.active;
    if (this.state.sync.scroll !== 'position' || !leader || leader === viewport || !viewport.stack) return false;
    return !canFollowPosition(leader, viewport);
  }

  private takeOffsets(): void {
    this.offsets.clear();
    const all = this.state.current?.viewports ?? [];
    const base = all[0];
    if (base?.stack)
      for (const viewport of all) if (viewport.stack) this.offsets.set(viewport.id, offsetBetween(base, viewport));
  }

  private spread(leader: ViewportController, changed: readonly string[]): void {
    const { sync } = this.state;
    const some = (...names: string[]): boolean => names.some((name) => changed.includes(name));
    for (const follower of this.state.current?.viewports ?? []) {
      if (follower === leader || !follower.stack) continue;
      if (some('position')) this.scrollAlong(leader, follower);
      const view = sync.view && some('zoom', 'center', 'rotation') ? followView(leader, follower) : null;
      const look = sync.window && some('window', 'voi', 'invert', 'colour_map') ? followWindow(leader, follower) : null;
      if (view ?? look) follower.follow({ ...view, ...look });
    }
  }

  private scrollAlong(leader: ViewportController, follower: ViewportController): void {
    const { scroll } = this.state.sync;
    if (scroll === 'position') {
      const index = followPosition(leader, follower);
      if (index >= 0) follower.followTo(index);
    }
    if (scroll === 'offset') {
      const mine = this.offsets.get(leader.id);
      const other = this.offsets.get(follower.id);
      if (mine !== undefined && other !== undefined) follower.followTo(followOffset(leader, follower, other - mine));
    }
  }

  private hold(viewport: ViewportController, active: boolean): void {
    const { sync } = this.state;
    const together = sync.scroll !== 'off' || sync.view || sync.window || this.state.toolAtWork?.tool === 'crosshair';
    const held = together ? (this.state.current?.viewports ?? []) : [viewport];
    if (active) {
      this.held = held;
      for (const each of held) each.hold(true);
    } else {
      for (const each of this.held) each.hold(false);
      this.held = [];
    }
  }

  // Cine.

  cine(viewport: ViewportController): Cine | null {
    const known = this.cines.get(viewport);
    if (known || !viewport.stack) return known ?? null;
    const made = new Cine(
      viewport,
      {
        now: () => performance.now(),
        schedule: (callback) => requestAnimationFrame(callback),
        cancel: (handle) => {
          cancelAnimationFrame(handle);
        },
      },
      { speed: speedOf(viewport.stack.frame_time), bounce: false, direction: 1, range: [0, viewport.count - 1] },
    );
    viewport.on('shown', ({ sliceIndex }) => {
      made.shown(sliceIndex);
    });
    this.cines.set(viewport, made);
    return made;
  }

  toggleCine(): void {
    const viewport = this.active;
    const cine = viewport && this.cine(viewport);
    if (!viewport || !cine || viewport.count < 2) return;
    if (cine.running) this.stopCine();
    else {
      this.stopCine();
      this.state.cineOf = viewport;
      viewport.hold(true);
      cine.start();
    }
    this.state.cineChanges += 1;
  }

  stopCine(): void {
    const viewport = this.state.cineOf;
    const cine = viewport && this.cines.get(viewport);
    if (!cine?.running) return;
    cine.stop();
    viewport?.hold(false);
    this.state.cineChanges += 1;
  }

  closeCine(): void {
    this.stopCine();
    this.state.cineOf = null;
  }

  setCine(change: Partial<CineState>): void {
    const cine = this.state.cineOf && this.cines.get(this.state.cineOf);
    cine?.set(change);
    this.state.cineChanges += 1;
  }

  changeSpeed(direction: 1 | -1): void {
    const viewport = this.active;
    const cine = viewport && this.cine(viewport);
    if (!cine) return;
    this.state.cineOf = viewport;
    this.setCine({ speed: nextSpeed(cine.state.speed, direction) });
  }

  private adopt(viewport: ViewportController, tab: StudyTab): void {
    viewport.on('patched', (patch) => {
      if (this.state.current !== tab) return;
      this.spread(viewport, Object.keys(patch));
    });
    viewport.on('moved', () => {
      this.linesMoved();
    });
    viewport.on('shown', ({ sliceIndex, flags }) => {
      const { source, stack } = viewport;
      if (stack && !(flags & FrameFlag.Neighbour))
        this.seen.add(source.series, stack.version, sliceIndex, viewport.count);
    });
    // The pointer rests, the slice below it changes.
    viewport.on('shown', () => {
      const { reading } = this.state;
      if (reading?.viewport === viewport) void this.probe(viewport, reading.at, reading.held);
    });
  }

  private async seriesChanged(series: string): Promise<void> {
    const tab = this.state.tabs.find((candidate) => candidate.state.detail?.series.some(({ id }) => id === series));
    if (!tab) return;
    const detail = await getStudy(tab.study);
    tab.update(detail);
    for (const { viewport, series: shown } of tab.state.cells) if (shown?.id === series) viewport?.reopen();
    for (const viewport of tab.volumeOf(series)?.session.viewports ?? []) viewport.reopen();
  }

  dispose(): void {
    this.stopCine();
    this.measuring.loaded?.dispose();
    for (const tab of [...this.state.tabs]) tab.dispose();
    this.state.tabs = [];
    this.state.current = null;
    this.connection.close();
  }
}
