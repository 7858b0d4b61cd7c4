/**
 * The MPR and Volume windows of one series: three linked planes and a model, what they show, what can be undone.
 *
 * Knows no framework. Whoever draws listens to `moved`; components look at `change` at their own pace.
 */
import { type Camera, initialCamera } from './camera';
import type { ViewerConnection } from './connection';
import { type Box, fullBox, isFull, keptBox } from './cropBox';
import { Emitter } from './emitter';
import {
  fitPlane,
  initialPlanes,
  type LinkedPlanes,
  mapPlanes,
  movePoint,
  type PlaneId,
  PLANES,
  resetPlanes,
  scrollPlane,
  type Sizes,
  slabOf,
  uprightPlane,
} from './planes';
import { MAX_CUTS } from './scissors';
import { UndoList } from './undoList';
import {
  keepPercentiles,
  lacksPercentiles,
  volumePresetOf,
  volumePresetsOf,
  WANTED_PERCENTS,
} from './volumePresets';
import { extentToFit, insideVolume, middleOfVolume } from './volumeSpace';
import { INITIAL_MODEL, INITIAL_PLANE, ModelViewport, PlaneViewport } from './volumeViewport';
import type { Cut, ModelPatch, MprView, Opened, PlanePatch, Vector, VolumeGrid, VolumeView } from './wire';

export type SpaceViewport = PlaneViewport | ModelViewport;
export type PaneId = PlaneId | 'model';

/** How grey values are shown: what a window hands over to another. */
export type Look = Partial<Pick<PlanePatch, 'window' | 'voi' | 'invert' | 'colour_map'>>;

export interface SessionStart {
  readonly study: string;
  readonly series: string;
  /** Of the opened stack, if there is one: spares the wait for it. */
  readonly opened?: Opened | null;
  /** Where the reader was; null = the middle. */
  readonly point?: Vector | null;
  readonly look?: Look;
  /** The steps of the whole tab; without them the volume keeps its own. */
  readonly undo?: UndoList;
}

export interface SessionEvents {
  /** Planes, crosshair or camera moved: lines are drawn again, past any framework. */
  moved: undefined;
  /** Something that components show has changed. */
  change: undefined;
}

type MaskPatch = Pick<ModelPatch, 'crop' | 'cuts' | 'hide_table'>;

export class VolumeSession extends Emitter<SessionEvents> {
  readonly planes: Readonly<Record<PlaneId, PlaneViewport>>;
  readonly model: ModelViewport;
  readonly undo: UndoList;
  opened: Opened | null = null;
  /** Null until the volume is known. */
  linked: LinkedPlanes | null = null;
  /** The reader has pointed at something: the model turns about it. */
  located = false;
  private measuring = false;
  /** Planes that still show all of the volume are fitted again when their viewport changes. */
  private readonly fitted = new Set<PlaneId>(PLANES);

  constructor(
    readonly start: SessionStart,
    private readonly connection: ViewerConnection,
  ) {
    super();
    const { study, series } = start;
    this.undo = start.undo ?? new UndoList();
    const plane = (id: PlaneId): PlaneViewport => {
      const viewport = connection.adopt((number, line) => new PlaneViewport(number, { study, series }, line, id));
      viewport.on('resized', () => {
        this.fitAgain(id);
      });
      return viewport;
    };
    this.planes = { axial: plane('axial'), coronal: plane('coronal'), sagittal: plane('sagittal') };
    this.model = connection.adopt((number, line) => new ModelViewport(number, { study, series }, line));
    for (const viewport of this.viewports) this.follow(viewport);
    if (start.opened?.volume) this.begin(start.opened);
  }

  get viewports(): readonly SpaceViewport[] {
    return [this.planes.axial, this.planes.coronal, this.planes.sagittal, this.model];
  }

  get grid(): VolumeGrid | null {
    return this.opened?.volume ?? null;
  }

  viewport(id: PaneId): SpaceViewport {
    return id === 'model' ? this.model : this.planes[id];
  }

  dispose(): void {
    for (const viewport of this.viewports) this.connection.dispose(viewport);
    this.clear();
  }

  private follow(viewport: SpaceViewport): void {
    const on = viewport as PlaneViewport;
    on.on('opened', (opened) => {
      this.learn(opened);
    });
    on.on('moved', () => {
      this.emit('moved', undefined);
    });
    on.on('change', () => {
      this.emit('change', undefined);
    });
    // A model has a picture when all of its slices have come.
    if (viewport === this.model) {
      this.model.on('shown', () => {
        void this.measure();
      });
    }
  }

  /** Asks for the percentiles that presets without absolute unit go by, and shows the preset of now with them. */
  private async measure(): Promise<void> {
    const { opened, model } = this;
    if (!opened || this.measuring || !lacksPercentiles(opened)) return;
    this.measuring = true;
    const answer = await model.percentiles({ of: 'series', percents: WANTED_PERCENTS });
    this.measuring = false;
    if (!answer?.values) return;
    const before = volumePresetOf(volumePresetsOf(opened), model.view);
    keepPercentiles(opened, answer.values);
    const after = volumePresetsOf(opened).find(({ id }) => id === before?.id);
    if (after) model.show(after.look);
    this.emit('change', undefined);
  }

  /** The first answer of the server tells the volume; a later one may tell another (it grew, or was reduced). */
  private learn(opened: Opened): void {
    if (!opened.volume) {
      this.opened ??= opened;
      this.emit('change', undefined);
      return;
    }
    if (this.linked === null) this.begin(opened);
    else this.opened = opened;
    for (const id of PLANES) this.planes[id].show(this.wanted(id));
  }

  private begin(opened: Opened): void {
    this.opened = opened;
    const grid = opened.volume as VolumeGrid;
    this.linked = initialPlanes(grid, this.sizes, this.start.point ?? middleOfVolume(grid));
    const look = { ...this.fileColours, ...this.start.look };
    for (const id of PLANES) seedOrShow(this.planes[id], INITIAL_PLANE, { ...look, ...this.wanted(id) });
    seedOrShow(this.model, INITIAL_MODEL, { ...initialCamera(grid), ...volumePresetsOf(opened)[0]?.look });
    this.emit('moved', undefined);
  }

  private get sizes(): Sizes {
    return Object.fromEntries(
      PLANES.map((id) => [id, this.planes[id].size] as const).filter(([, { width }]) => width > 0),
    );
  }

  /** What the server must know of a plane. */
  private wanted(id: PlaneId): PlanePatch {
    const plane = (this.linked as LinkedPlanes).planes[id];
    const { center, row, column, extent, mode } = plane;
    return { center, row, column, extent, slab: slabOf(plane), ...(mode !== 'off' && { blend: mode }) };
  }

  /**
   * Takes over planes; only what changed is asked of the server, the viewport under the hand first.
   *
   * `placed`: the hand has chosen what this plane shows, so it is not fitted any more.
   */
  setPlanes(next: LinkedPlanes, active?: PlaneId, placed = false): void {
    const former = this.linked;
    this.linked = next;
    if (placed && active) this.fitted.delete(active);
    const order = active ? [active, ...PLANES.filter((id) => id !== active)] : PLANES;
    for (const id of order) {
      if (former?.planes[id] !== next.planes[id]) this.planes[id].show(this.wanted(id));
    }
    this.emit('moved', undefined);
    this.emit('change', undefined);
  }

  /** As `setPlanes`, as a step that can be undone. */
  changePlanes(next: LinkedPlanes, active?: PlaneId): void {
    const before = this.linked;
    this.setPlanes(next, active);
    this.keepStep(before);
  }

  /** Lets the change since `before` be undone. */
  keepStep(before: LinkedPlanes | null): void {
    const after = this.linked;
    if (!before || !after || sameGeometry(before, after)) return;
    this.undo.change(before, after, (kept) => {
      if (this.linked) this.setPlanes(withGeometry(this.linked, kept));
    });
    this.emit('change', undefined);
  }

  // Moving.

  locate(point: Vector, active?: PlaneId): void {
    if (!this.linked || !this.grid) return;
    this.located = true;
    this.setPlanes(movePoint(this.linked, this.grid, point), active);
  }

  scroll(id: PlaneId, steps: number): void {
    if (this.linked && this.grid) this.setPlanes(scrollPlane(this.linked, this.grid, id, steps), id);
  }

  fit(id: PlaneId): void {
    if (!this.linked || !this.grid) return;
    this.fitted.add(id);
    this.setPlanes(fitPlane(this.linked, this.grid, id, this.planes[id].size), id);
  }

  private fitAgain(id: PlaneId): void {
    if (!this.linked || !this.grid || !this.fitted.has(id) || this.planes[id].size.width === 0) return;
    this.linked = fitPlane(this.linked, this.grid, id, this.planes[id].size);
    this.planes[id].show(this.wanted(id));
  }

  /** Axial, coronal, sagittal through the middle. */
  reset(): void {
    if (!this.linked || !this.grid) return;
    for (const id of PLANES) this.fitted.add(id);
    this.changePlanes(resetPlanes(this.linked, this.grid, this.sizes));
  }

  /** Grey values of all planes; of the model too, while it shows them. */
  setLook(look: Look, active: SpaceViewport): void {
    if (active === this.model) {
      this.model.show(look);
      return;
    }
    (active as PlaneViewport).show(look);
    for (const id of PLANES) this.planes[id].show(look);
  }

  // The model.

  get camera(): Camera {
    const { center, row, column, extent } = this.model.view;
    return { center, row, column, extent };
  }

  /** What the model turns about: the located point, else its middle. */
  get pivot(): Vector {
    const grid = this.grid;
    if (!grid) return this.camera.center;
    if (this.located && this.linked) return insideVolume(grid, this.linked.point);
    return middleOfVolume(grid);
  }

  setCamera(camera: Camera): void {
    const { center, row, column, extent } = camera;
    this.model.show({ center, row, column, extent });
  }

  /** The camera of the beginning. */
  resetCamera(): void {
    if (!this.grid) return;
    this.located = false;
    this.setCamera(initialCamera(this.grid));
  }

  /** Whole picture, centred, from where it is looked at now. */
  fitModel(): void {
    const { grid } = this;
    if (!grid) return;
    this.setCamera({ ...this.camera, center: middleOfVolume(grid), extent: extentToFit(grid, this.camera, this.model.size) });
  }

  // Crop and cuts.

  get box(): Box | null {
    const { grid } = this;
    return grid && ((this.model.view.crop as Box | null) ?? fullBox(grid));
  }

  /** Crops; the whole volume is no crop. */
  setBox(box: Box): void {
    const { grid } = this;
    if (!grid) return;
    const kept = keptBox(box, grid);
    this.model.show({ crop: isFull(kept, grid) ? null : ([kept[0], kept[1]] as ModelPatch['crop'] & object) });
  }

  get masks(): MaskPatch {
    const { crop, cuts, hide_table } = this.model.view;
    return { crop, cuts, hide_table };
  }

  /** Cuts, crop and table as one step that can be undone. */
  changeMasks(patch: MaskPatch): void {
    const before = this.masks;
    if (this.model.show(patch)) this.keepMasks(before);
  }

  keepMasks(before: MaskPatch): void {
    const after = this.masks;
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    this.undo.change(before, after, (kept) => {
      this.model.show(kept);
    });
    this.emit('change', undefined);
  }

  /** Returns whether there was room for one more cut. */
  cut(cut: Cut): boolean {
    const { cuts } = this.model.view;
    if (cuts.length >= MAX_CUTS) return false;
    this.changeMasks({ cuts: [...cuts, cut] });
    return true;
  }

  restoreAll(): void {
    this.changeMasks({ cuts: [], crop: null, hide_table: false });
  }

  /** Window, zoom, pan and turn as at opening; measurements, cuts and planes stay. */
  resetView(id: PaneId): void {
    if (id === 'model') {
      const { hide_table: _, ...look } = { hide_table: false, ...(this.opened && volumePresetsOf(this.opened)[0]?.look) };
      this.resetCamera();
      this.model.show(look);
      return;
    }
    this.setLook({ window: null, voi: 0, invert: false, ...this.fileColours, ...this.start.look }, this.planes[id]);
    if (this.linked) this.setPlanes(uprightPlane(this.linked, id), id);
    this.fit(id);
  }

  private get fileColours(): Look {
    return { colour_map: this.opened?.modality === 'PT' ? 'inverted' : 'grey' };
  }
}

/** Before a viewport is opened a state is what it opens with, afterwards a change. */
function seedOrShow<V extends MprView | VolumeView>(viewport: SpaceViewport, plain: V, wanted: Partial<V>): void {
  if (viewport.status === 'closed') viewport.seed({ ...plain, ...wanted } as never);
  // What the server will open with is not known yet: all of it is said.
  else if (viewport.status === 'opening') (viewport as PlaneViewport).patch(wanted as PlanePatch);
  else viewport.show(wanted as never);
}

/** Where the planes of `kept` lie, with the slabs and links of now: those are no steps. */
function withGeometry(now: LinkedPlanes, kept: LinkedPlanes): LinkedPlanes {
  return mapPlanes({ ...now, point: kept.point }, (plane, id) => {
    const { row, column, center, extent } = kept.planes[id];
    return { ...plane, row, column, center, extent };
  });
}

function sameGeometry(a: LinkedPlanes, b: LinkedPlanes): boolean {
  const key = ({ planes }: LinkedPlanes): string => JSON.stringify(PLANES.map((id) => [planes[id].row, planes[id].column]));
  return key(a) === key(b);
}
