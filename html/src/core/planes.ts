/**
 * Three linked planes through one point of a volume: the MPR window as values.
 *
 * Nothing here draws or sends. Every function returns new planes, and a plane that did not change stays the same
 * object, so that only what changed is asked of the server.
 */
import { pixelsPerMillimetre, type Placed } from './placed';
import { combine, cross, dot, subtract } from './patient';
import type { Size } from './geometry';
import { type Axes, lengthOf, lookOf, normalise, rolledAxes, scaled, turned, turnedAbout, turnedAxes } from './rotation';
import { extentToFit, extentToTurn, insideVolume, middleOfVolume, smallestSpacing } from './volumeSpace';
import type { Blend, Vector, VolumeGrid } from './wire';

export type PlaneId = 'axial' | 'coronal' | 'sagittal';
export type SlabMode = 'off' | Blend;

export const PLANES: readonly PlaneId[] = ['axial', 'coronal', 'sagittal'];
export const SLAB_MODES: readonly SlabMode[] = ['off', 'mip', 'minip', 'mean', 'sum'];
export const MAX_SLAB = 200;
const SLAB_STEP = 0.5;
const FIRST_SLAB = 10;
const SNAP_DEGREES = 2;
/** A patient axis that is nearly square to a plane gives no direction in it. */
const LEAST_AXIS = 0.3;
/** Planes that cross at a smaller angle (5 degrees) have no line in common that means anything. */
const LEAST_CROSSING = Math.sin((5 * Math.PI) / 180);

/** One of the planes and what its viewport shows of it. `center` always lies in the plane. */
export interface Plane extends Placed {
  readonly mode: SlabMode;
  /** Millimetres of the slab, kept while the mode is off. */
  readonly thickness: number;
}

export interface LinkedPlanes {
  /** The point that all three planes share: the crosshair. */
  readonly point: Vector;
  readonly planes: Readonly<Record<PlaneId, Plane>>;
  /** Planes stay square to each other. */
  readonly ortho: boolean;
  /** One slab for all planes. */
  readonly slabsLinked: boolean;
}

/** Axial from the feet, coronal from the front, sagittal from the left. */
export const PLANE_AXES: Readonly<Record<PlaneId, Axes>> = {
  axial: { row: [1, 0, 0], column: [0, 1, 0] },
  coronal: { row: [1, 0, 0], column: [0, 0, -1] },
  sagittal: { row: [0, 1, 0], column: [0, 0, -1] },
};

export type Sizes = Readonly<Partial<Record<PlaneId, Size>>>;

const NO_SIZE: Size = { width: 0, height: 0 };

/** The planes as they are opened: through `point`, each showing all of the volume. */
export function initialPlanes(grid: VolumeGrid, sizes: Sizes, point = middleOfVolume(grid)): LinkedPlanes {
  const inside = insideVolume(grid, point);
  const plane = (id: PlaneId): Plane => {
    const axes = PLANE_AXES[id];
    const extent = extentToFit(grid, axes, sizes[id] ?? NO_SIZE);
    return { ...axes, extent, center: foot(middleOfVolume(grid), inside, lookOf(axes)), mode: 'off', thickness: FIRST_SLAB };
  };
  return {
    point: inside,
    planes: { axial: plane('axial'), coronal: plane('coronal'), sagittal: plane('sagittal') },
    ortho: true,
    slabsLinked: true,
  };
}

/** Directions and point of the beginning; slabs and links stay. */
export function resetPlanes(linked: LinkedPlanes, grid: VolumeGrid, sizes: Sizes): LinkedPlanes {
  const fresh = initialPlanes(grid, sizes);
  return mapPlanes({ ...linked, point: fresh.point }, (plane, id) => {
    const { row, column, center, extent } = fresh.planes[id];
    return { ...plane, row, column, center, extent };
  });
}

export function others(id: PlaneId): readonly PlaneId[] {
  return PLANES.filter((other) => other !== id);
}

export function mapPlanes(linked: LinkedPlanes, change: (plane: Plane, id: PlaneId) => Plane): LinkedPlanes {
  const { axial, coronal, sagittal } = linked.planes;
  return {
    ...linked,
    planes: {
      axial: change(axial, 'axial'),
      coronal: change(coronal, 'coronal'),
      sagittal: change(sagittal, 'sagittal'),
    },
  };
}

export function withPlane(linked: LinkedPlanes, id: PlaneId, patch: Partial<Plane>): LinkedPlanes {
  return { ...linked, planes: { ...linked.planes, [id]: { ...linked.planes[id], ...patch } } };
}

/** The foot of `from` on the plane through `point` with that normal. */
function foot(from: Vector, point: Vector, normal: Vector): Vector {
  return combine(from, dot(subtract(point, from), normal), normal);
}

const NEAR_MM = 1e-9;

/** Takes the crosshair to a point; a plane that already goes through it stays as it is. */
export function movePoint(linked: LinkedPlanes, grid: VolumeGrid, point: Vector): LinkedPlanes {
  const inside = insideVolume(grid, point);
  return mapPlanes({ ...linked, point: inside }, (plane) => {
    const normal = lookOf(plane);
    const distance = dot(subtract(inside, plane.center), normal);
    return Math.abs(distance) < NEAR_MM ? plane : { ...plane, center: combine(plane.center, distance, normal) };
  });
}

/** The direction in which the crosshair goes when only this plane moves: the line that the other two share. */
function shiftDirection(linked: LinkedPlanes, id: PlaneId): Vector {
  const normal = lookOf(linked.planes[id]);
  const [first, second] = others(id) as [PlaneId, PlaneId];
  const shared = cross(lookOf(linked.planes[first]), lookOf(linked.planes[second]));
  const along = dot(shared, normal);
  return lengthOf(shared) < LEAST_CROSSING || Math.abs(along) < LEAST_CROSSING ? normal : scaled(shared, 1 / along);
}

/** Moves a plane by millimetres along its normal, parallel to itself; the others stay. */
export function shiftPlane(linked: LinkedPlanes, grid: VolumeGrid, id: PlaneId, millimetres: number): LinkedPlanes {
  const direction = shiftDirection(linked, id);
  const wanted = combine(linked.point, millimetres, direction);
  const inside = insideVolume(grid, wanted);
  if (inside === wanted) return movePoint(linked, grid, wanted);
  // As far as the volume reaches along this way, not along its surface.
  return movePoint(linked, grid, combine(linked.point, reach(grid, linked.point, direction, millimetres), direction));
}

/** How far one can go along a direction without leaving the volume, by halving. */
function reach(grid: VolumeGrid, from: Vector, direction: Vector, wanted: number): number {
  let inside = 0;
  let outside = wanted;
  for (let turn = 0; turn < 40; turn += 1) {
    const middle = (inside + outside) / 2;
    const at = combine(from, middle, direction);
    if (insideVolume(grid, at) === at) inside = middle;
    else outside = middle;
  }
  return inside;
}

/** Goes through the volume: one step is the smallest distance of voxels, whatever the slab. */
export function scrollPlane(linked: LinkedPlanes, grid: VolumeGrid, id: PlaneId, steps: number): LinkedPlanes {
  return shiftPlane(linked, grid, id, steps * smallestSpacing(grid));
}

/** Turns planes about an axis through the crosshair, with what their viewports show. */
function turnPlanes(linked: LinkedPlanes, ids: readonly PlaneId[], axis: Vector, degrees: number): LinkedPlanes {
  if (degrees === 0) return linked;
  return mapPlanes(linked, (plane, id) =>
    ids.includes(id)
      ? { ...plane, ...turnedAxes(plane, axis, degrees), center: turnedAbout(plane.center, linked.point, axis, degrees) }
      : plane,
  );
}

export interface LineTurn {
  readonly linked: LinkedPlanes;
  /** Degrees between the line and the nearest patient axis in the plane, 0..45 or so; null where there is none. */
  readonly angle: number | null;
  readonly snapped: boolean;
}

/**
 * Turns the line of `moved` in the viewport of `shown`, clockwise on the screen; both lines while planes stay square.
 *
 * Within 2 degrees of a patient axis the line snaps to it, unless `free`.
 */
export function turnLine(linked: LinkedPlanes, shown: PlaneId, moved: PlaneId, degrees: number, free = false): LineTurn {
  const axis = lookOf(linked.planes[shown]);
  const line = lineDirection(linked, shown, moved);
  if (!line) return { linked, angle: null, snapped: false };
  const away = axisAngle(turned(line, axis, degrees), axis);
  const snapped = !free && away !== null && Math.abs(away) <= SNAP_DEGREES;
  const ids = linked.ortho ? others(shown) : [moved];
  return {
    linked: turnPlanes(linked, ids, axis, snapped ? degrees - away : degrees),
    angle: away === null ? null : snapped ? 0 : Math.abs(away),
    snapped,
  };
}

/** Signed degrees from the nearest patient axis in the plane to a direction, about `normal`. */
function axisAngle(direction: Vector, normal: Vector): number | null {
  let best: number | null = null;
  for (const axis of [[1, 0, 0], [0, 1, 0], [0, 0, 1]] as Vector[]) {
    const inPlane = combine(axis, -dot(axis, normal), normal);
    if (lengthOf(inPlane) < LEAST_AXIS) continue;
    const sine = dot(cross(inPlane, direction), normal);
    const cosine = dot(inPlane, direction);
    const degrees = (Math.atan2(cosine < 0 ? -sine : sine, Math.abs(cosine)) * 180) / Math.PI;
    if (best === null || Math.abs(degrees) < Math.abs(best)) best = degrees;
  }
  return best;
}

/** Direction of the line in which `other` cuts `shown`; null where they are nearly parallel. */
export function lineDirection(linked: LinkedPlanes, shown: PlaneId, other: PlaneId): Vector | null {
  const direction = cross(lookOf(linked.planes[shown]), lookOf(linked.planes[other]));
  const length = lengthOf(direction);
  return length < LEAST_CROSSING ? null : scaled(direction, 1 / length);
}

/** Turns a plane about the crosshair like a trackball: `dx`, `dy` px of drag, half a turn over the width. */
export function tiltPlane(linked: LinkedPlanes, id: PlaneId, size: Size, dx: number, dy: number): LinkedPlanes {
  const length = Math.hypot(dx, dy);
  if (length === 0 || size.width === 0) return linked;
  const { row, column } = linked.planes[id];
  const drag = combine(scaled(row, dx / length), dy / length, column);
  const axis = cross(lookOf(linked.planes[id]), drag);
  return turnPlanes(linked, linked.ortho ? PLANES : [id], axis, (180 * length) / size.width);
}

/** Turns the picture of a plane clockwise about the middle of its viewport; the cut stays the same. */
export function rollPlane(linked: LinkedPlanes, id: PlaneId, degrees: number): LinkedPlanes {
  return withPlane(linked, id, rolledAxes(linked.planes[id], degrees));
}

/** The picture of a plane upright again: its columns as near to the conventional ones as the cut allows. */
export function uprightPlane(linked: LinkedPlanes, id: PlaneId): LinkedPlanes {
  const normal = lookOf(linked.planes[id]);
  const wanted = PLANE_AXES[id].column;
  const down = combine(wanted, -dot(wanted, normal), normal);
  if (lengthOf(down) < LEAST_AXIS) return linked;
  const column = normalise(down);
  return withPlane(linked, id, { row: cross(column, normal), column });
}

/** Whole picture, centred. */
export function fitPlane(linked: LinkedPlanes, grid: VolumeGrid, id: PlaneId, size: Size): LinkedPlanes {
  const plane = linked.planes[id];
  const extent = extentToFit(grid, plane, size);
  return withPlane(linked, id, { extent, center: foot(middleOfVolume(grid), linked.point, lookOf(plane)) });
}

/** Least and greatest extent: 40 and 0.05 screen px per voxel of the finest axis. */
export function extentLimits(grid: VolumeGrid, size: Size): [number, number] {
  const spacing = smallestSpacing(grid);
  const side = Math.max(1, Math.min(size.width, size.height));
  return [Math.max(0.1, (side * spacing) / 40), Math.min(1e5, Math.max((side * spacing) / 0.05, 2 * extentToTurn(grid)))];
}

/** Keeps a tenth of the volume in sight: the centre stays within its bounds in the plane. */
export function centerInside(grid: VolumeGrid, plane: Plane, center: Vector): Vector {
  return foot(insideVolume(grid, center), plane.center, lookOf(plane));
}

// Slabs.

/** Slab in millimetres as the server wants it. */
export function slabOf({ mode, thickness }: Plane): number {
  return mode === 'off' ? 0 : thickness;
}

function changeSlab(linked: LinkedPlanes, id: PlaneId, patch: Pick<Plane, 'mode' | 'thickness'>): LinkedPlanes {
  return mapPlanes(linked, (plane, each) => {
    const same = plane.mode === patch.mode && plane.thickness === patch.thickness;
    return (each === id || linked.slabsLinked) && !same ? { ...plane, ...patch } : plane;
  });
}

export function setSlabMode(linked: LinkedPlanes, id: PlaneId, mode: SlabMode): LinkedPlanes {
  const { thickness } = linked.planes[id];
  return changeSlab(linked, id, { mode, thickness: thickness === 0 ? FIRST_SLAB : thickness });
}

export function nextSlabMode(mode: SlabMode): SlabMode {
  return SLAB_MODES[(SLAB_MODES.indexOf(mode) + 1) % SLAB_MODES.length] ?? 'off';
}

/** In steps of 0.5 mm; the first thickness after a single plane is a MIP, and none is a single plane. */
export function setThickness(linked: LinkedPlanes, id: PlaneId, millimetres: number): LinkedPlanes {
  const { mode } = linked.planes[id];
  const thickness = Math.min(MAX_SLAB, Math.max(0, Math.round(millimetres / SLAB_STEP) * SLAB_STEP));
  if (thickness === 0) return mode === 'off' ? linked : changeSlab(linked, id, { mode: 'off', thickness: 0 });
  return changeSlab(linked, id, { mode: mode === 'off' ? 'mip' : mode, thickness });
}

/** By 1 mm, by 5 mm from 20 mm on, by 10 mm from 50 mm on. */
export function stepThickness(linked: LinkedPlanes, id: PlaneId, direction: 1 | -1): LinkedPlanes {
  const now = slabOf(linked.planes[id]);
  const reached = direction > 0 ? now : now - 0.5;
  const step = reached >= 50 ? 10 : reached >= 20 ? 5 : 1;
  return setThickness(linked, id, now + direction * step);
}

/** One slab for all, taken from the plane that the hand is on. */
export function linkSlabs(linked: LinkedPlanes, id: PlaneId, slabsLinked: boolean): LinkedPlanes {
  const { mode, thickness } = linked.planes[id];
  const next = { ...linked, slabsLinked };
  return slabsLinked ? changeSlab(next, id, { mode, thickness }) : next;
}

/** CSS px from a line to either edge of its plane's slab in a viewport. */
export function slabHalfWidth(shown: Plane, other: Plane, size: Size): number {
  const sine = lengthOf(cross(lookOf(shown), lookOf(other)));
  return sine < LEAST_CROSSING ? 0 : (slabOf(other) / 2 / sine) * pixelsPerMillimetre(shown, size);
}
