/**
 * What shapes are drawn on: a slice of the stack, or a plane through the volume.
 *
 * Points of a sheet are (column, row) of a slice, millimetres along row and column of a plane. They never move with the view.
 */
import type { Point } from '../geometry';
import { combine, cross, dot, planeOf, subtract } from '../patient';
import { rasterOf } from '../geometry';
import type { Blend, MprView, Opened, Pair, Vector } from '../wire';

export interface Sheet {
  /** Of a slice its position in the stack; of a plane null. */
  readonly position: number | null;
  /** Patient point (LPS, mm) of (0, 0); null where the file does not say. */
  readonly origin: Vector | null;
  readonly row: Vector;
  readonly column: Vector;
  /** Millimetres of one unit along row and column; of pixels without a spacing their aspect. */
  readonly scale: Pair;
  readonly slab: number;
  readonly blend: Blend;
  /** It is but a plane through the points of a shape, which may go anywhere in the patient. */
  readonly free: boolean;
}

/** The sheet of a slice; null for one that the stack does not have. */
export function sliceSheet({ slices, geometry }: Opened, index: number): Sheet | null {
  const slice = slices[index];
  if (!slice) return null;
  const raster = rasterOf(slice, geometry);
  const plane = planeOf(slice, geometry, raster);
  return {
    position: slice.position,
    origin: plane?.origin ?? null,
    row: plane?.row ?? [1, 0, 0],
    column: plane?.column ?? [0, 1, 0],
    scale: [raster.pixelWidth, raster.pixelHeight],
    slab: 0,
    blend: 'mip',
    free: false,
  };
}

export function planeSheet({ center, row, column, slab, blend }: MprView): Sheet {
  return { position: null, origin: center, row, column, scale: [1, 1], slab, blend, free: false };
}

export function toPatient({ origin, row, column, scale }: Sheet, { x, y }: Point): Vector | null {
  return origin && combine(origin, x * scale[0], row, y * scale[1], column);
}

/** Foot of a patient point on the sheet, and its distance in mm; null for a sheet that lies nowhere. */
export function fromPatient(sheet: Sheet, point: Vector): (Point & { readonly depth: number }) | null {
  if (!sheet.origin) return null;
  const offset = subtract(point, sheet.origin);
  return {
    x: dot(offset, sheet.row) / sheet.scale[0],
    y: dot(offset, sheet.column) / sheet.scale[1],
    depth: dot(offset, cross(sheet.row, sheet.column)),
  };
}
