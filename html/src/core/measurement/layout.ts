/** Shapes as they appear on a viewport: lines, handles, dots where they pierce it, and where their texts have room. */
import type { Point, Size } from '../geometry';
import type { Measurement, Shape } from './shape';
import { outline } from './shape';
import { contains, type Placed, type Surface } from './surface';

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ShapeOnScreen {
  readonly id: number;
  readonly kind: Shape['kind'];
  /** Empty where the shape does not lie in the viewport's plane. */
  readonly line: readonly Point[];
  readonly handles: readonly Point[];
  /** Where a shape of another plane comes through this one. */
  readonly dots: readonly Point[];
  readonly text: readonly string[];
  readonly plate: Rect | null;
  /** From the shape to a text that was put elsewhere. */
  readonly leader: readonly [Point, Point] | null;
}

export interface Labelled {
  readonly shape: Shape & Partial<Pick<Measurement, 'id' | 'plate' | 'label'>>;
  readonly text: readonly string[];
  /** Shown as it is, wherever its plane is: the hand is on it. */
  readonly held: boolean;
}

export const LINE_HEIGHT = 17;
const PADDING = 5;
const GAP = 12;
const EDGE = 4;
const HANDLE = 8;

/** `width` of a text in CSS px. */
export function layOut(shapes: readonly Labelled[], surface: Surface, width: (text: string) => number): ShapeOnScreen[] {
  const shown = shapes.map((labelled) => appear(labelled, surface));
  const taken: Rect[] = shown.flatMap(({ handles }) => handles.map(around));
  const lines = shown.map(({ line }) => line);
  return shown.map((screen, index) => {
    const { shape, text } = shapes[index] as Labelled;
    if (screen.line.length === 0 || text.length === 0) return screen;
    const size = {
      width: Math.ceil(Math.max(...text.map(width))) + 2 * PADDING,
      height: text.length * LINE_HEIGHT + 2 * PADDING - 3,
    };
    const chosen = shape.plate && surface.place(shape.sheet, shape.plate);
    const plate = chosen ? { x: chosen.x, y: chosen.y, ...size } : freePlace(screen.line, size, surface.size, taken, lines);
    taken.push(plate);
    return { ...screen, text, plate, leader: chosen ? leaderTo(plate, screen.line) : null };
  });
}

function appear({ shape, held }: Labelled, surface: Surface): ShapeOnScreen {
  const { id = 0, kind, sheet, points } = shape;
  const nothing = { id, kind, line: [], handles: [], dots: [], text: [], plate: null, leader: null };
  const places = outline(shape).map((point) => surface.place(sheet, point));
  if (!held && !contains(surface, sheet, points)) return { ...nothing, dots: piercings(places) };
  if (places.some(({ depth }) => !Number.isFinite(depth))) return nothing;
  const line = places.map(({ x, y }) => ({ x, y }));
  return { ...nothing, line, handles: points.map((point) => surface.place(sheet, point)).map(({ x, y }) => ({ x, y })) };
}

function piercings(places: readonly Placed[]): Point[] {
  const dots: Point[] = [];
  places.slice(1).forEach((to, index) => {
    const from = places[index] as Placed;
    if (from.depth < 0 === to.depth < 0 || !Number.isFinite(from.depth - to.depth)) return;
    const share = from.depth / (from.depth - to.depth);
    dots.push({ x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) });
  });
  return dots;
}

function around({ x, y }: Point): Rect {
  return { x: x - HANDLE, y: y - HANDLE, width: 2 * HANDLE, height: 2 * HANDLE };
}

/** Right of the shape, below, left or above: the first place in sight that covers no handle or text, and no line if it can be. */
function freePlace(
  line: readonly Point[],
  size: Size,
  area: Size,
  taken: readonly Rect[],
  lines: readonly (readonly Point[])[],
): Rect {
  const xs = line.map(({ x }) => x);
  const ys = line.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const x = (left + right - size.width) / 2;
  const y = (top + bottom - size.height) / 2;
  const candidates: Point[] = [
    { x: right + GAP, y },
    { x, y: bottom + GAP },
    { x: left - GAP - size.width, y },
    { x, y: top - GAP - size.height },
    { x: right + GAP, y: bottom + GAP },
    { x: left - GAP - size.width, y: top - GAP - size.height },
  ];
  const places = candidates.map((at) => inside({ ...at, ...size }, area));
  const free = places.filter((place) => !taken.some((other) => overlap(place, other)));
  return free.find((place) => !lines.some((other) => covers(place, other))) ?? free[0] ?? (places[0] as Rect);
}

function inside(rect: Rect, area: Size): Rect {
  const fit = (value: number, length: number, room: number): number => Math.max(EDGE, Math.min(value, room - length - EDGE));
  return { ...rect, x: fit(rect.x, rect.width, area.width), y: fit(rect.y, rect.height, area.height) };
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Whether a line comes through a rectangle. */
function covers(rect: Rect, line: readonly Point[]): boolean {
  return line.slice(1).some((to, index) => {
    const from = line[index] as Point;
    const [low, high] = [
      [from.x, to.x - from.x, rect.x, rect.x + rect.width],
      [from.y, to.y - from.y, rect.y, rect.y + rect.height],
    ].reduce<[number, number]>(([start, end], [origin = 0, step = 0, near = 0, far = 0]) => {
      if (Math.abs(step) < 1e-9) return origin >= near && origin <= far ? [start, end] : [1, 0];
      const [a, b] = [(near - origin) / step, (far - origin) / step];
      return [Math.max(start, Math.min(a, b)), Math.min(end, Math.max(a, b))];
    }, [0, 1]);
    return low <= high;
  });
}

/** From the nearest point of the shape to the nearest edge of the plate. */
function leaderTo(plate: Rect, line: readonly Point[]): readonly [Point, Point] {
  const foot = ({ x, y }: Point): Point => ({
    x: Math.min(plate.x + plate.width, Math.max(plate.x, x)),
    y: Math.min(plate.y + plate.height, Math.max(plate.y, y)),
  });
  const pairs = line.map((point) => [point, foot(point)] as const);
  const length = ([from, to]: readonly [Point, Point]): number => Math.hypot(from.x - to.x, from.y - to.y);
  return pairs.reduce((best, pair) => (length(pair) < length(best) ? pair : best));
}
