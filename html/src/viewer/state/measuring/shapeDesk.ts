/** What all that is done with shapes shares: the lists, what is chosen, what the viewports show, what is said of it. */
import type { ShapeHit } from '@/core/measurement/hit';
import type { ShapeOnScreen } from '@/core/measurement/layout';
import { MeasurementList } from '@/core/measurement/list';
import type { Measurement, Shape } from '@/core/measurement/shape';
import { text } from '@/i18n';

import type { MeasuredViewport } from '../measuringEntry';
import { ShapeValues } from '../shapeValues';
import type { StudyTab } from '../studyTab';
import type { Workspace } from '../workspace';

export class ShapeDesk {
  readonly values: ShapeValues;
  readonly shown = new WeakMap<MeasuredViewport, readonly ShapeOnScreen[]>();
  selected: { readonly id: number; readonly handle: number } | null = null;
  hovered: number | null = null;
  private readonly lists = new WeakMap<StudyTab, MeasurementList>();
  private readonly stop: () => void;
  /** Its value is said aloud when it comes. */
  private toSay: number | null = null;
  private nextId = 1;

  /** `revealed` hears of what a step back or forth has changed. */
  constructor(
    readonly workspace: Workspace,
    private readonly revealed: (measurement: Measurement) => void,
  ) {
    this.values = new ShapeValues(workspace, (id) => {
      this.sayWhenKnown(id);
    });
    this.stop = workspace.connection.on('seriesChanged', (series) => {
      this.list?.forget(series);
    });
  }

  dispose(): void {
    this.stop();
    this.values.dispose();
  }

  /** The shapes of the study in front. */
  get list(): MeasurementList | null {
    const tab = this.workspace.state.current;
    if (!tab) return null;
    const known = this.lists.get(tab);
    if (known) return known;
    const made = new MeasurementList(tab.undo);
    made.on('change', () => {
      this.moved();
    });
    made.on('revealed', (measurement) => {
      this.changed();
      this.revealed(measurement);
    });
    this.lists.set(tab, made);
    return made;
  }

  /** The viewport that has the hand. */
  get active(): MeasuredViewport | null {
    return this.workspace.volume?.active ?? this.workspace.active;
  }

  get chosen(): Measurement | null {
    return this.list?.get(this.selected?.id ?? null) ?? null;
  }

  newId(list: MeasurementList, series: string): number {
    const id = this.nextId;
    this.nextId += 1;
    this.values.own(id, { list, series });
    return id;
  }

  add(list: MeasurementList, id: number, viewport: MeasuredViewport, shape: Shape): void {
    list.add({ ...shape, id, series: viewport.source.series, plate: null, label: '' });
    this.say(id);
    this.changed();
    // A point is a click of the probe, which was on its button before.
    if (shape.kind !== 'point') this.workspace.measuring.finished();
  }

  /** Shows a change that may still go on. */
  show(next: Measurement): void {
    this.list?.show(next);
    this.askUnlessKnown(next);
  }

  /** Makes a step of what has changed since `before`. */
  finish(before: Measurement): void {
    this.list?.finish(before);
    this.say(before.id);
    this.changed();
  }

  select(hit: Pick<ShapeHit, 'id' | 'handle'> | null): void {
    if (this.selected?.id === hit?.id && this.selected?.handle === hit?.handle) return;
    this.selected = hit && { id: hit.id, handle: hit.handle };
    if (hit) this.say(hit.id);
    this.changed();
  }

  lightUp(id: number | null): void {
    if (this.hovered === id) return;
    this.hovered = id;
    this.moved();
  }

  toggle(): void {
    this.list?.toggle();
    this.select(null);
    this.changed();
  }

  /** Who draws wants to see it. */
  showAll(): void {
    if (this.list?.hidden) this.toggle();
  }

  askUnlessKnown(measurement: Measurement): void {
    if (!this.list?.reading(measurement.id, measurement).fresh) this.values.ask(measurement.id, measurement);
  }

  /** Tells those who listen what was drawn or chosen, once its value is there. */
  say(id: number): void {
    this.toSay = id;
    this.sayWhenKnown(id);
  }

  private sayWhenKnown(id: number): void {
    const measurement = this.list?.get(id);
    if (this.toSay !== id || !measurement || !this.list?.reading(id, measurement).fresh) return;
    this.toSay = null;
    const name = text(`viewer.measure.kind_${measurement.kind}`);
    this.workspace.measuring.state.spoken = [name, ...this.values.textOf(id, measurement, this.list)].join(', ');
  }

  /** Whoever looks at buttons must look again. */
  changed(): void {
    this.workspace.measuring.state.changes += 1;
    this.moved();
  }

  /** Lines are drawn again. */
  moved(): void {
    this.workspace.linesMoved();
  }
}
