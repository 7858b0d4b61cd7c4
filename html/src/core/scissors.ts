/** The lasso of the scissors: screen points of a drag or of clicks become a cut with the camera of the moment. */
import type { Point, Size } from './geometry';
import type { Camera } from './camera';
import { millimetresAt } from './placed';
import type { Cut, Pair } from './wire';

export const MAX_CUTS = 32;
export const MAX_CORNERS = 256;
/** Points of a drag that are nearer to the last one say nothing. */
const LEAST_STEP_PX = 3;
/** How far a simplified outline may lie from the drawn one. */
const TOLERANCE_PX = 0.5;
/** A smaller area is a slip of the hand. */
const LEAST_AREA_PX = 25;

export class Lasso {
  private readonly corners: Point[] = [];

  /** `inside` disappears, else all the rest does. */
  constructor(readonly inside: boolean) {}

  get points(): readonly Point[] {
    return this.corners;
  }

  add(at: Point): void {
    const last = this.corners.at(-1);
    if (last && Math.hypot(at.x - last.x, at.y - last.y) < LEAST_STEP_PX) return;
    this.corners.push({ x: at.x, y: at.y });
  }

  /** The cut, or null for what encloses nothing. */
  close(camera: Camera, perspective: boolean, size: Size): Cut | null {
    const outline = simplified(this.corners);
    if (outline.length < 3 || Math.abs(area(outline)) < LEAST_AREA_PX) return null;
    const { center, row, column, extent } = camera;
    const corners = outline.map((point): Pair => millimetresAt(camera, size, point));
    return { center, row, column, extent, perspective, inside: this.inside, corners: corners as Cut['corners'] };
  }
}

function area(points: readonly Point[]): number {
  return points.reduce((sum, point, index) => {
    const next = points[(index + 1) % points.length] as Point;
    return sum + (point.x * next.y - next.x * point.y) / 2;
  }, 0);
}

/** Fewer corners, none of them farther from the drawn outline than half a pixel, or as much as 256 corners need. */
function simplified(points: readonly Point[]): readonly Point[] {
  for (let tolerance = TOLERANCE_PX; ; tolerance *= 2) {
    const fewer = thinned(points, tolerance);
    if (fewer.length <= MAX_CORNERS) return fewer;
  }
}

/** Douglas-Peucker on an open line. */
function thinned(points: readonly Point[], tolerance: number): readonly Point[] {
  const first = points[0];
  const last = points.at(-1);
  if (points.length < 3 || !first || !last) return points;
  let farthest = 0;
  let greatest = -1;
  points.forEach((point, index) => {
    const distance = fromLine(point, first, last);
    if (index > 0 && index < points.length - 1 && distance > greatest) {
      greatest = distance;
      farthest = index;
    }
  });
  if (greatest <= tolerance) return [first, last];
  return [
    ...thinned(points.slice(0, farthest + 1), tolerance).slice(0, -1),
    ...thinned(points.slice(farthest), tolerance),
  ];
}

function fromLine(point: Point, from: Point, to: Point): number {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length < 1e-9) return Math.hypot(point.x - from.x, point.y - from.y);
  return Math.abs((to.x - from.x) * (from.y - point.y) - (from.x - point.x) * (to.y - from.y)) / length;
}
