/** Draws shapes and their values into an SVG group, element by element, past Vue; nothing is touched that stays as it is. */
import { mdiEyeOffOutline } from '@mdi/js';

import './measure.css';

import type { Point, Size } from '@/core/geometry';
import { LINE_HEIGHT, type Rect, type ShapeOnScreen } from '@/core/measurement/layout';

const SVG = 'http://www.w3.org/2000/svg';
const PLAIN = '#ffe066';
const SELECTED = '#5ab0f0';
const WAITING = '#9aa5b1';
const FONT_PX = 13;
const HANDLE = 4;
const DOT = 3;
const ARM = 7;
const GAP = 2;

export interface Look {
  readonly selected: boolean;
  readonly hovered: boolean;
  /** The handle that keys move, of a selected shape. */
  readonly handle: number | null;
  /** Its value is not of the shape as it is now. */
  readonly waiting: boolean;
  /** Something lies before it. */
  readonly dotted: boolean;
}

export class MeasureLayer {
  private readonly shapes = new Map<number, ShapeElements>();
  private readonly hidden: Element;
  private readonly note: Element;
  private readonly measurer = new OffscreenCanvas(1, 1).getContext('2d');
  private readonly widths = new Map<string, number>();

  constructor(private readonly group: SVGGElement) {
    this.hidden = new Element(group, 'path');
    this.hidden.set({ d: mdiEyeOffOutline, fill: PLAIN, 'data-testid': 'shapes-hidden' });
    this.hidden.show(false);
    this.note = new Element(group, 'text');
    this.note.set({ class: 'overlay-text dim', 'text-anchor': 'middle', 'data-screen-only': true });
  }

  /** CSS px of a line of text. */
  readonly width = (text: string): number => {
    const known = this.widths.get(text);
    if (known !== undefined) return known;
    if (this.measurer) this.measurer.font = `500 ${FONT_PX}px ${getComputedStyle(this.group).fontFamily}`;
    // Digits are as wide as each other, which a canvas cannot be told.
    const width = this.measurer?.measureText(text.replaceAll(/\d/g, '0')).width ?? text.length * 7;
    if (this.widths.size > 500) this.widths.clear();
    this.widths.set(text, width);
    return width;
  };

  draw(shapes: readonly ShapeOnScreen[], look: (id: number) => Look): void {
    const ids = new Set(shapes.map(({ id }) => id));
    for (const [id, elements] of this.shapes) {
      if (ids.has(id)) continue;
      elements.remove();
      this.shapes.delete(id);
    }
    for (const shape of shapes) {
      const elements = this.shapes.get(shape.id) ?? new ShapeElements(this.group);
      this.shapes.set(shape.id, elements);
      elements.draw(shape, look(shape.id));
    }
  }

  /** What is said of the shapes of a series: that they are not shown, and that they are not kept. */
  remind(size: Size, hidden: boolean, note: string): void {
    const middle = Math.round(size.width / 2);
    this.hidden.show(hidden);
    this.hidden.set({ transform: `translate(${middle - 12} 44)` });
    this.note.set({ x: middle, y: 40 });
    this.note.write(note);
  }
}

class ShapeElements {
  private readonly root: Element;
  private readonly halo: Element;
  private readonly line: Element;
  private readonly handles: Element;
  private readonly active: Element;
  private readonly leader: Element;
  private readonly plate: Element;
  private readonly texts: Element[] = [];

  constructor(group: SVGGElement) {
    this.root = new Element(group, 'g');
    this.root.set({ 'data-testid': 'shape' });
    const root = this.root.node;
    this.halo = new Element(root, 'path');
    this.halo.set({ fill: 'none', stroke: '#000', 'stroke-linecap': 'round' });
    this.leader = new Element(root, 'path');
    this.leader.set({ fill: 'none', 'stroke-width': 1, 'stroke-dasharray': '3 3' });
    this.line = new Element(root, 'path');
    this.line.set({ 'stroke-linecap': 'round', 'stroke-linejoin': 'round' });
    this.handles = new Element(root, 'path');
    this.handles.set({ fill: '#000', 'fill-opacity': 0.6, 'stroke-width': 1.5 });
    this.active = new Element(root, 'path');
    this.plate = new Element(root, 'path');
    this.plate.set({ fill: 'rgb(0 0 0 / 70%)' });
  }

  draw(shape: ShapeOnScreen, { selected, hovered, handle, waiting, dotted }: Look): void {
    const colour = selected ? SELECTED : PLAIN;
    const stroke = selected ? 2.5 : hovered ? 2 : 1.5;
    this.root.set({ 'data-kind': shape.kind, 'data-id': shape.id, 'data-selected': selected, 'data-waiting': waiting });
    const outline = shape.kind === 'point' ? shape.line.map(cross).join('') : path(shape.line);
    const dots = shape.dots.map((at) => circle(at, DOT)).join('');
    this.halo.set({ d: outline + dots, 'stroke-width': stroke + 2 });
    this.line.set({ d: outline + dots, stroke: colour, 'stroke-width': stroke, fill: dots ? colour : 'none' });
    for (const each of [this.halo, this.line]) each.set({ 'stroke-dasharray': dotted ? '1 6' : 'none' });
    this.root.set({ 'data-dotted': dotted });
    const grips = selected || hovered ? shape.handles : [];
    this.handles.set({ d: grips.map((at) => circle(at, HANDLE)).join(''), stroke: colour });
    const chosen = selected && handle !== null ? shape.handles[handle] : undefined;
    this.active.set({ d: chosen ? circle(chosen, HANDLE - 1) : '', fill: colour });
    this.leader.set({ d: shape.leader ? path(shape.leader) : '', stroke: colour });
    this.plate.set({ d: shape.plate ? rounded(shape.plate) : '' });
    this.write(shape, waiting ? WAITING : selected ? '#bfe0fa' : '#fff1b0');
  }

  private write({ text, plate }: ShapeOnScreen, fill: string): void {
    text.forEach((line, index) => {
      const element = this.texts[index] ?? new Element(this.root.node, 'text');
      this.texts[index] = element;
      element.set({
        x: ((plate?.x ?? 0) + 5).toFixed(1),
        y: ((plate?.y ?? 0) + 15 + index * LINE_HEIGHT).toFixed(1),
        fill,
        class: 'measure-text',
      });
      element.write(line);
      element.show(true);
    });
    for (const element of this.texts.slice(text.length)) element.show(false);
  }

  remove(): void {
    this.root.node.remove();
  }
}

/** An element that knows what it was told. */
class Element {
  readonly node: SVGElement;
  private readonly told = new Map<string, string>();

  constructor(parent: SVGElement, tag: 'g' | 'path' | 'text') {
    this.node = document.createElementNS(SVG, tag);
    parent.append(this.node);
  }

  set(attributes: Readonly<Record<string, string | number | boolean>>): void {
    for (const [name, value] of Object.entries(attributes)) {
      const text = String(value);
      if (this.told.get(name) === text) continue;
      this.told.set(name, text);
      this.node.setAttribute(name, text);
    }
  }

  write(text: string): void {
    if (this.node.textContent !== text) this.node.textContent = text;
  }

  show(shown: boolean): void {
    const display = shown ? '' : 'none';
    if (this.node.style.display !== display) this.node.style.display = display;
  }
}

function path(points: readonly Point[]): string {
  return points.length > 1 ? `M${points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}` : '';
}

function circle({ x, y }: Point, radius: number): string {
  return `M${(x - radius).toFixed(1)} ${y.toFixed(1)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
}

function cross({ x, y }: Point): string {
  const [left, up] = [x.toFixed(1), y.toFixed(1)];
  return `M${left} ${up}m${-ARM} 0h${ARM - GAP}m${2 * GAP} 0h${ARM - GAP}M${left} ${up}m0 ${-ARM}v${ARM - GAP}m0 ${2 * GAP}v${ARM - GAP}`;
}

function rounded({ x, y, width, height }: Rect): string {
  return `M${(x + 3).toFixed(1)} ${y.toFixed(1)}h${width - 6}a3 3 0 0 1 3 3v${height - 6}a3 3 0 0 1 -3 3h${6 - width}a3 3 0 0 1 -3 -3v${6 - height}a3 3 0 0 1 3 -3Z`;
}
