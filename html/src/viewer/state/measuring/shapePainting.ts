/** What the viewports show of the shapes. */
import { type Labelled, layOut, type ShapeOnScreen } from '@/core/measurement/layout';
import type { MeasurementList } from '@/core/measurement/list';
import type { Shape } from '@/core/measurement/shape';
import { text } from '@/i18n';

import { type Look, MeasureLayer } from '../../overlay/measureLayer';
import type { MeasuredViewport } from '../measuringEntry';
import type { ShapeDesk } from './shapeDesk';
import { surfaceOf } from './shapeSurface';
import type { ShapeInHand } from './sheetDrawing';
import type { SurfaceCover } from './surfaceCover';

export class ShapePainting {
  private readonly groups = new WeakMap<MeasuredViewport, SVGGElement>();
  private readonly layers = new WeakMap<SVGGElement, MeasureLayer>();

  constructor(
    private readonly desk: ShapeDesk,
    private readonly cover: SurfaceCover,
  ) {}

  paint(viewport: MeasuredViewport, group: SVGGElement, inHand: ShapeInHand | null): void {
    const layer = this.layers.get(group) ?? new MeasureLayer(group);
    this.layers.set(group, layer);
    this.groups.set(viewport, group);
    const { list, shown } = this.desk;
    const surface = viewport.shownHeader && surfaceOf(viewport);
    if (!list || !surface) {
      layer.draw([], plainLook);
      layer.remind(viewport.size, false, '');
      return;
    }
    const own = list.ofSeries(viewport.source.series);
    const hides = own.length > 0 && (list.hidden || own.some(({ id }) => list.isConcealed(id)));
    layer.remind(surface.size, hides, own.length > 0 ? text('viewer.measure.not_saved') : '');
    const labelled = list.hidden ? [] : own.filter(({ id }) => !list.isConcealed(id)).map((shape) => this.labelled(shape.id, shape, list, false));
    if (inHand?.viewport === viewport) labelled.push(...this.labelledInHand(inHand));
    const shapes = layOut(viewport.kind === 'volume' ? labelled.map(withoutTextOfPlanes) : labelled, surface, layer.width).map(
      (screen) => (viewport.kind === 'volume' && !isFree(list, inHand, screen.id) ? { ...screen, handles: [] } : screen),
    );
    shown.set(
      viewport,
      shapes.filter(({ id }) => id !== inHand?.id),
    );
    this.askFor(shapes, list);
    if (viewport.kind === 'volume') this.cover.look(viewport, own.filter(({ sheet }) => sheet.free));
    layer.draw(shapes, (id) => this.lookOf(id, list, viewport, inHand));
  }

  /** The element that a viewport fills, over which a field can be put. */
  hostOf(viewport: MeasuredViewport): HTMLElement | null {
    return this.groups.get(viewport)?.ownerSVGElement?.parentElement ?? null;
  }

  private askFor(shapes: readonly ShapeOnScreen[], list: MeasurementList): void {
    for (const { id, line } of shapes) {
      const shape = line.length > 0 ? list.get(id) : null;
      if (shape && !this.desk.values.isOpen(id)) this.desk.askUnlessKnown(shape);
    }
  }

  private lookOf(id: number, list: MeasurementList, viewport: MeasuredViewport, inHand: ShapeInHand | null): Look {
    const { selected, hovered } = this.desk;
    const shape = list.get(id) ?? (inHand?.id === id ? inHand.shape : null);
    const chosen = selected?.id === id;
    return {
      selected: chosen,
      hovered: hovered === id || inHand?.id === id,
      handle: chosen ? selected.handle : null,
      waiting: shape !== null && !list.reading(id, shape).fresh,
      dotted: viewport.kind === 'volume' && this.cover.isCovered(id),
    };
  }

  private labelled(id: number, shape: Shape, list: MeasurementList, held: boolean): Labelled {
    return { shape: { ...shape, id }, text: this.desk.values.textOf(id, shape, list), held };
  }

  private labelledInHand({ id, list, shape, beginning }: ShapeInHand): Labelled[] {
    if (shape) return [this.labelled(id, shape, list, true)];
    return beginning ? [{ shape: { ...beginning, id }, text: [], held: true }] : [];
  }
}

/** Over the model only what was drawn on it says its value: areas of slices would hide it. */
function withoutTextOfPlanes(labelled: Labelled): Labelled {
  return labelled.shape.sheet.free ? labelled : { ...labelled, text: [] };
}

function isFree(list: MeasurementList, inHand: ShapeInHand | null, id: number): boolean {
  return inHand?.id === id || list.get(id)?.sheet.free === true;
}

function plainLook(): Look {
  return { selected: false, hovered: false, handle: null, waiting: false, dotted: false };
}
