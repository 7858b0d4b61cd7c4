/** Volumes that several tests share. */
import type { Vector, VolumeGrid } from '../wire';

/** 101 x 81 pixels of 1 x 2 mm in 41 axial slices of 3 mm: 100 x 160 x 120 mm between the outer voxels' centres. */
export const GRID: VolumeGrid = {
  shape: [41, 81, 101],
  origin: [-50, -80, -60],
  across: [1, 0, 0],
  down: [0, 2, 0],
  through: [0, 0, 1],
  places: Array.from({ length: 41 }, (_, index) => index * 3),
};

/** The same with a gantry tilt: each slice lies farther to the back. */
export const TILTED: VolumeGrid = { ...GRID, through: [0, 0.5, 1] };

/** Without the noise of floating point. */
export function rounded(vector: readonly number[], digits = 6): number[] {
  return vector.map((value) => Number(value.toFixed(digits)) + 0);
}

export function vector(x: number, y: number, z: number): Vector {
  return [x, y, z];
}
