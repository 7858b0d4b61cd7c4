/** The camera of the Volume window: turning, standard views, what a screen point means in space. */
import type { Point, Size } from './geometry';
import { pixelsPerMillimetre, type Placed } from './placed';
import { combine, cross, dot, subtract } from './patient';
import {
  type Axes,
  lookOf,
  normalise,
  rolledAxes,
  scaled,
  squared,
  turnBetween,
  turned,
  turnedAbout,
  turnedAxes,
} from './rotation';
import { extentToTurn, middleOfVolume } from './volumeSpace';
import type { Vector, VolumeGrid } from './wire';

export type Camera = Placed;

const DEGREE = Math.PI / 180;
/** Half the angle that the shorter side subtends in perspective. */
const HALF_ANGLE = 15 * DEGREE;
const HEAD: Vector = [0, 0, 1];
const FRONT: Vector = [0, -1, 0];

/** From where each standard view looks. */
export const STANDARD_VIEWS = {
  A: [0, -1, 0],
  P: [0, 1, 0],
  L: [1, 0, 0],
  R: [-1, 0, 0],
  H: [0, 0, 1],
  F: [0, 0, -1],
} as const satisfies Readonly<Record<string, readonly [number, number, number]>>;
export type StandardView = keyof typeof STANDARD_VIEWS;

/** Axes of a camera that stands in direction `from` of the patient, head up; from head and feet the front is up or down. */
export function axesFrom(from: Vector): Axes {
  const look = scaled(normalise(from), -1);
  const polar = Math.abs(look[2]) > 1 - 1e-9;
  // From the head the front is at the top, from the feet too: as axial slices are seen.
  const up = polar ? FRONT : HEAD;
  const column = normalise(combine(scaled(up, -1), dot(up, look), look));
  return { row: cross(column, look), column };
}

/** The camera at opening: from the front, all of the volume in sight however it is turned. */
export function initialCamera(grid: VolumeGrid): Camera {
  return { ...axesFrom(FRONT), center: middleOfVolume(grid), extent: extentToTurn(grid) };
}

/** Looks from another direction at the same pivot, at the same scale. */
export function lookFrom(camera: Camera, from: Vector, pivot: Vector): Camera {
  return moveAxes(camera, axesFrom(from), pivot);
}

function moveAxes(camera: Camera, axes: Axes, pivot: Vector): Camera {
  const offset = subtract(camera.center, pivot);
  const center = combine(
    combine(pivot, dot(offset, camera.row), axes.row, dot(offset, camera.column), axes.column),
    dot(offset, lookOf(camera)),
    lookOf(axes),
  );
  return { ...camera, ...axes, center };
}

/** Turns the model about `pivot` as if its near side was dragged by `dx`, `dy` px: half a turn over the width. */
export function trackball(camera: Camera, size: Size, dx: number, dy: number, pivot: Vector): Camera {
  return size.width > 0 ? turnModel(camera, (180 * dx) / size.width, (180 * dy) / size.width, pivot) : camera;
}

/** Turns the near side of the model by degrees to the right and down on the screen. */
export function turnModel(camera: Camera, right: number, down: number, pivot: Vector): Camera {
  const degrees = Math.hypot(right, down);
  if (degrees === 0) return camera;
  const drag = combine(scaled(camera.row, right / degrees), down / degrees, camera.column);
  const axis = cross(lookOf(camera), drag);
  return {
    ...camera,
    ...turnedAxes(camera, axis, degrees),
    center: turnedAbout(camera.center, pivot, axis, degrees),
  };
}

/** Turns the picture clockwise about the middle of the viewport. */
export function rollCamera(camera: Camera, degrees: number): Camera {
  return { ...camera, ...rolledAxes(camera, degrees) };
}

/** A camera on the way from one to another; `share` 0..1. */
export function between(from: Camera, to: Camera, share: number): Camera {
  if (share >= 1) return to;
  const { axis, degrees } = turnBetween(from, to);
  return {
    ...squared({ row: turned(from.row, axis, degrees * share), column: turned(from.column, axis, degrees * share) }),
    center: combine(from.center, share, subtract(to.center, from.center)),
    extent: from.extent * (to.extent / from.extent) ** share,
  };
}

// Projection angles of angiography.

export interface ProjectionAngles {
  /** Degrees of the camera towards the patient's left (LAO); negative is RAO. */
  readonly left: number;
  /** Degrees of the camera towards the head (CRA); negative is CAU. */
  readonly head: number;
}

export function axesAt({ left, head }: ProjectionAngles): Axes {
  const cosine = Math.cos(head * DEGREE);
  return axesFrom([Math.sin(left * DEGREE) * cosine, -Math.cos(left * DEGREE) * cosine, Math.sin(head * DEGREE)]);
}

export function anglesOf(axes: Axes): ProjectionAngles {
  const [x, y, z] = scaled(lookOf(axes), -1);
  const head = Math.asin(Math.min(1, Math.max(-1, z))) / DEGREE;
  // Straight from head or feet the other angle has no meaning.
  const left = Math.hypot(x, y) < 1e-9 ? 0 : Math.atan2(x, -y) / DEGREE;
  return { left, head };
}

export function lookAtAngles(camera: Camera, angles: ProjectionAngles, pivot: Vector): Camera {
  return moveAxes(camera, axesAt(angles), pivot);
}

// Perspective.

/** Distance of the eye from the plane through `center`. */
export function eyeDistance(extent: number): number {
  return extent / 2 / Math.tan(HALF_ANGLE);
}

/** Where a patient point is seen; null behind the eye. */
export function projected(camera: Camera, perspective: boolean, size: Size, point: Vector): Point | null {
  const offset = subtract(point, camera.center);
  const scale = pixelsPerMillimetre(camera, size);
  let nearer = 1;
  if (perspective) {
    const eye = eyeDistance(camera.extent);
    const away = eye + dot(offset, lookOf(camera));
    if (away <= eye * 1e-3) return null;
    nearer = eye / away;
  }
  return {
    x: size.width / 2 + scale * nearer * dot(offset, camera.row),
    y: size.height / 2 + scale * nearer * dot(offset, camera.column),
  };
}
