/** One opened study: its arrangement of viewports and what each shows. */
import { markRaw, shallowReactive } from 'vue';

import type { ViewerConnection } from '@/core/connection';
import { defaultLayout, type Layout, layoutOf, moveSplitter, type ScreenShape } from '@/core/layouts';
import { UndoList } from '@/core/undoList';
import type { ViewportController } from '@/core/viewport';

import type { VolumeWindow } from './volumeWindow';
import { isShowable, type SeriesSummary, type StudyDetail } from './studies';

export interface Cell {
  /** Stays the same while the viewport moves through layouts. */
  readonly key: number;
  readonly study: string;
  readonly series: SeriesSummary | null;
  readonly viewport: ViewportController | null;
}

export interface TabState {
  detail: StudyDetail | null;
  problem: { code: string; message: string } | null;
  layout: Layout;
  columns: readonly number[];
  rows: readonly number[];
  cells: readonly Cell[];
  active: number;
  maximised: boolean;
  /** In its place of the grid while a series is in the MPR or Volume window. */
  volume: VolumeWindow | null;
}

let nextKey = 1;

export class StudyTab {
  readonly state: TabState;
  /** Steps of measurements, planes and cuts alike. */
  readonly undo = new UndoList();
  private visible = false;
  private readonly volumes = new Map<string, VolumeWindow>();
  /** The user has arranged the grid: it is never arranged again by itself. */
  private touched = false;

  constructor(
    readonly study: string,
    private readonly connection: ViewerConnection,
    private readonly onCreate: (viewport: ViewportController, tab: StudyTab) => void,
  ) {
    const layout = layoutOf('1x1');
    this.state = shallowReactive<TabState>({
      detail: null,
      problem: null,
      layout,
      columns: layout.columns,
      rows: layout.rows,
      cells: [this.emptyCell()],
      active: 0,
      maximised: false,
      volume: null,
    });
  }

  get activeCell(): Cell | null {
    return this.state.cells[this.state.active] ?? null;
  }

  /** The viewport of the Image window that has the hand; none while the grid is hidden by a volume. */
  get activeViewport(): ViewportController | null {
    return this.state.volume ? null : (this.activeCell?.viewport ?? null);
  }

  get viewports(): ViewportController[] {
    return this.state.volume ? [] : this.shownCells.flatMap(({ viewport }) => viewport ?? []);
  }

  /** Cells on the screen: one while a viewport is maximised. */
  get shownCells(): readonly Cell[] {
    const { cells, maximised, active, layout } = this.state;
    const inGrid = cells.slice(0, layout.cells.length);
    return maximised ? inGrid.slice(active, active + 1) : inGrid;
  }

  /** Fills the grid for the first time. `first` names the series to begin with. */
  arrange(detail: StudyDetail, shape: ScreenShape, first?: string): void {
    const known = this.state.detail !== null;
    this.state.detail = detail;
    this.state.problem = null;
    if (known || this.touched) return;
    const showable = detail.series.filter(isShowable);
    const start = showable.findIndex(
      ({ id, number }) => id === first || (first !== undefined && String(number) === first),
    );
    const ordered = start > 0 ? [...showable.slice(start), ...showable.slice(0, start)] : showable;
    this.setLayout(
      defaultLayout(first === undefined ? showable.length : 1, ordered[0]?.modality ?? '', shape),
      false,
    );
    ordered.slice(0, this.state.layout.cells.length).forEach((series, index) => {
      this.show(index, series, detail.study.id);
    });
    this.touched = false;
  }

  setLayout(id: string, byUser = true): void {
    const layout = layoutOf(id);
    this.touched ||= byUser;
    const cells = [...this.state.cells];
    // The active viewport stays in sight: it moves to the front if the new grid is too small for it.
    let { active } = this.state;
    if (active >= layout.cells.length || layout.id === 'main') {
      const [moved] = cells.splice(active, 1);
      if (moved) cells.unshift(moved);
      active = 0;
    }
    while (cells.length < layout.cells.length) cells.push(this.emptyCell());
    Object.assign(this.state, { layout, columns: layout.columns, rows: layout.rows, cells, active, maximised: false });
    this.fillEmpty(byUser);
    this.refresh();
  }

  moveSplitter(axis: 'columns' | 'rows', index: number, delta: number): void {
    this.touched = true;
    this.state[axis] = moveSplitter(this.state[axis], index, delta);
  }

  activate(index: number): void {
    if (index >= 0 && index < this.state.layout.cells.length) this.state.active = index;
  }

  activateViewport(viewport: ViewportController): void {
    this.activate(this.state.cells.findIndex((cell) => cell.viewport === viewport));
  }

  /** The next or previous viewport in reading order. */
  step(direction: 1 | -1): void {
    const count = this.state.layout.cells.length;
    this.state.active = (this.state.active + direction + count) % count;
    this.refresh();
  }

  toggleMaximised(): void {
    if (this.state.layout.cells.length === 1) return;
    this.state.maximised = !this.state.maximised;
    this.refresh();
  }

  /** Puts a series into a viewport. */
  show(index: number, series: SeriesSummary, study: string): void {
    const cell = this.state.cells[index];
    if (!cell || !isShowable(series)) return;
    this.touched = true;
    if (cell.viewport) this.connection.dispose(cell.viewport);
    const viewport = markRaw(this.connection.create({ study, series: series.id }));
    this.onCreate(viewport, this);
    this.replace(index, { key: cell.key, study, series, viewport });
    this.refresh();
  }

  /** The neighbour of the active series among those that can be shown. */
  stepSeries(direction: 1 | -1): void {
    const cell = this.activeCell;
    const series = this.state.detail?.series.filter(isShowable) ?? [];
    if (!cell || series.length === 0) return;
    const current = series.findIndex(({ id }) => id === cell.series?.id);
    const next = series[current < 0 ? 0 : current + direction];
    if (next) this.show(this.state.active, next, this.study);
  }

  /** Hidden tabs and viewports ask for no frames. */
  setVisible(visible: boolean): void {
    this.visible = visible;
    this.state.volume?.setVisible(visible);
    this.refresh();
  }

  /** Puts a volume into the place of the grid, or brings the grid back as it was. */
  showVolume(volume: VolumeWindow | null): void {
    const former = this.state.volume;
    if (former === volume) return;
    former?.setVisible(false);
    this.state.volume = volume;
    if (volume) this.volumes.set(volume.series.id, volume);
    this.refresh();
    volume?.setVisible(this.visible);
  }

  /** The volume of a series that was opened before: its planes, cuts and steps are kept. */
  volumeOf(series: string): VolumeWindow | null {
    return this.volumes.get(series) ?? null;
  }

  /** A new description of the study: series that grew are known by their version. */
  update(detail: StudyDetail): void {
    this.state.detail = detail;
    this.state.cells = this.state.cells.map((cell) => {
      const series = detail.series.find(({ id }) => id === cell.series?.id);
      return series && cell.study === this.study ? { ...cell, series } : cell;
    });
  }

  dispose(): void {
    for (const { viewport } of this.state.cells) if (viewport) this.connection.dispose(viewport);
    this.state.cells = [];
    this.state.volume = null;
    for (const volume of this.volumes.values()) volume.dispose();
    this.volumes.clear();
  }

  private fillEmpty(byUser: boolean): void {
    if (!byUser || !this.state.detail) return;
    const shown = new Set(this.state.cells.map(({ series }) => series?.id));
    const waiting = this.state.detail.series.filter((series) => isShowable(series) && !shown.has(series.id));
    this.state.cells.slice(0, this.state.layout.cells.length).forEach((cell, index) => {
      const next = cell.series === null ? waiting.shift() : undefined;
      if (next) this.show(index, next, this.study);
    });
  }

  private refresh(): void {
    const shown = new Set(this.visible ? this.viewports : []);
    for (const { viewport } of this.state.cells) {
      if (viewport === null) continue;
      if (shown.has(viewport)) viewport.open();
      else viewport.suspend();
    }
  }

  private replace(index: number, cell: Cell): void {
    this.state.cells = this.state.cells.map((former, at) => (at === index ? cell : former));
  }

  private emptyCell(): Cell {
    return { key: nextKey++, study: '', series: null, viewport: null };
  }
}
