/** Draws lines, handles, crosshair and boxes over a plane or model into an SVG group, element by element, past Vue. */
import { type Camera, projected } from '@/core/camera';
import { type Box, boxInPlane, boxOnScreen } from '@/core/cropBox';
import type { Point, Size } from '@/core/geometry';
import { type PlaneLine, planeMarks, slabEdges } from '@/core/planeLines';
import type { PlaneId } from '@/core/planes';
import type { Lasso } from '@/core/scissors';
import type { VolumeSession } from '@/core/volumeSession';
import type { PlaneViewport } from '@/core/volumeViewport';

const SVG = 'http://www.w3.org/2000/svg';
const HANDLE = 5;
/** Farther in than the orientation letters. */
const LETTER_INSET = 56;
const ARM = 9;
const GAP = 3;

const path = (from: Point, to: Point): string => `M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${to.x.toFixed(1)} ${to.y.toFixed(1)}`;
const closed = (points: readonly Point[]): string =>
  points.length > 1 ? `M${points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}Z` : '';
const circle = ({ x, y }: Point, radius: number): string =>
  `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
const square = ({ x, y }: Point, half: number): string => `M${x - half} ${y - half}h${2 * half}v${2 * half}h${-2 * half}Z`;

/** The elements of one class; each gets its outline, and nothing is touched that stays as it is. */
class Shapes {
  private readonly elements = new Map<string, SVGElement>();

  constructor(private readonly group: SVGGElement) {}

  path(name: string, className: string, outline: string): void {
    const element = this.element(name, 'path');
    if (element.getAttribute('class') !== className) element.setAttribute('class', className);
    if (element.getAttribute('d') !== outline) element.setAttribute('d', outline);
  }

  text(name: string, className: string, at: Point | null, text: string): void {
    const element = this.element(name, 'text');
    element.style.display = at ? '' : 'none';
    if (!at) return;
    element.setAttribute('class', className);
    element.setAttribute('x', at.x.toFixed(1));
    element.setAttribute('y', at.y.toFixed(1));
    if (element.textContent !== text) element.textContent = text;
  }

  private element(name: string, tag: 'path' | 'text'): SVGElement {
    const known = this.elements.get(name);
    if (known) return known;
    const made = document.createElementNS(SVG, tag);
    this.elements.set(name, made);
    this.group.append(made);
    return made;
  }
}

/** What is drawn over a plane: the two other planes, and where the crop box is. */
export class PlanesLayer {
  private readonly shapes: Shapes;

  constructor(group: SVGGElement) {
    this.shapes = new Shapes(group);
  }

  draw(session: VolumeSession, viewport: PlaneViewport, shown: boolean, box: boolean, letters: Record<PlaneId, string>): void {
    const { linked } = session;
    const { size, plane } = viewport;
    const marks = linked && shown && size.width > 0 ? planeMarks(linked, plane, size) : null;
    for (const id of ['axial', 'coronal', 'sagittal'] as const) {
      if (id !== plane) this.line(id, marks?.lines.find((line) => line.plane === id) ?? null, size, letters[id]);
    }
    this.crop(session, viewport, box);
  }

  private line(id: PlaneId, line: PlaneLine | null, size: Size, letter: string): void {
    const outline = (line?.pieces ?? []).map(({ from, to }) => path(from, to)).join('');
    this.shapes.path(`${id} halo`, 'plane-halo', outline);
    this.shapes.path(`${id} line`, `plane-line ${id}`, outline);
    const edges = line ? slabEdges(line) : [];
    this.shapes.path(`${id} slab`, `plane-slab ${id}`, edges.map(({ from, to }) => path(from, to)).join(''));
    const handles = [
      ...(line?.rotate ?? []).map((at) => circle(at, HANDLE)),
      ...(line?.slab ?? []).map((at) => square(at, HANDLE - 1)),
    ];
    this.shapes.path(`${id} handles`, `plane-handle ${id}`, handles.join(''));
    [0, 1].forEach((end) => {
      const at = line?.ends[end];
      const other = line?.ends[1 - end];
      this.shapes.text(`${id} letter ${end}`, `plane-letter ${id}`, at && other ? inset(at, other, size) : null, letter);
    });
  }

  private crop(session: VolumeSession, viewport: PlaneViewport, box: boolean): void {
    const { grid, linked } = session;
    const crop = session.model.view.crop as Box | null;
    const visible = grid && linked && (box || crop) ? (crop ?? session.box) : null;
    const outline = visible && grid ? closed(boxInPlane(visible, grid, viewport.view, viewport.size)) : '';
    this.shapes.path('crop', 'crop-outline', outline);
  }
}

/** Letters stand beside their line, a little inside the border. */
function inset(at: Point, other: Point, size: Size): Point {
  const length = Math.hypot(other.x - at.x, other.y - at.y) || 1;
  const along = { x: (other.x - at.x) / length, y: (other.y - at.y) / length };
  return {
    x: Math.min(size.width - 8, Math.max(8, at.x + along.x * LETTER_INSET - along.y * 10)),
    y: Math.min(size.height - 4, Math.max(14, at.y + along.y * LETTER_INSET + along.x * 10 + 5)),
  };
}

/** What is drawn over the model: the located point, the crop box with its handles, the outline of the scissors. */
export class ModelLayer {
  private readonly shapes: Shapes;
  private lasso: Lasso | null = null;

  constructor(group: SVGGElement) {
    this.shapes = new Shapes(group);
  }

  setLasso(lasso: Lasso | null): void {
    this.lasso = lasso;
    const points = lasso?.points ?? [];
    this.shapes.path('lasso', 'lasso', closed(points));
    this.shapes.path('corners', 'lasso-corner', points.length < 8 ? points.map((at) => circle(at, 2)).join('') : '');
  }

  draw(session: VolumeSession, crosshair: boolean, box: boolean): void {
    const { camera, model, linked } = session;
    const { perspective } = model.view;
    const at = crosshair && session.located && linked ? projected(camera, perspective, model.size, linked.point) : null;
    this.shapes.path('cross halo', 'plane-halo', at ? cross(at) : '');
    this.shapes.path('cross', 'cross', at ? cross(at) : '');
    this.box(session, camera, perspective, box);
    if (this.lasso) this.setLasso(this.lasso);
  }

  private box(session: VolumeSession, camera: Camera, perspective: boolean, shown: boolean): void {
    const { box, grid, model } = session;
    const outline = shown && box && grid ? boxOnScreen(box, grid, camera, perspective, model.size) : null;
    const edges = outline?.edges.map(([from, to]) => path(from, to)).join('') ?? '';
    this.shapes.path('box halo', 'plane-halo', edges);
    this.shapes.path('box', 'crop-outline', edges);
    const axes = ['sagittal', 'coronal', 'axial'] as const;
    axes.forEach((id, axis) => {
      const faces = outline?.handles.filter(({ part }) => part.filter((side) => side !== 0).length === 1 && part[axis] !== 0);
      this.shapes.path(`face ${id}`, `plane-handle ${id}`, (faces ?? []).map((face) => square(face.at, HANDLE)).join(''));
    });
    const corners = outline?.handles.filter(({ part }) => part.every((side) => side !== 0)) ?? [];
    this.shapes.path('box corners', 'crop-corner', corners.map((corner) => circle(corner.at, HANDLE - 1)).join(''));
  }
}

function cross({ x, y }: Point): string {
  return `M${x - ARM} ${y}H${x - GAP}M${x + GAP} ${y}H${x + ARM}M${x} ${y - ARM}V${y - GAP}M${x} ${y + GAP}V${y + ARM}`;
}
