/** What the other viewports do when one is scrolled, moved or windowed. */
import { fitScale, type Raster, type Size } from './geometry';
import {
  angleBetween,
  nearestSlice,
  patientToSource,
  planeOf,
  pointInMiddle,
  sameSpace,
  sourceToPatient,
} from './patient';
import type { ImageView, Opened, Pair, StackFrame, Vector, ViewPatch } from './wire';

export type ScrollSync = 'off' | 'position' | 'offset';

export interface SyncSettings {
  readonly scroll: ScrollSync;
  readonly view: boolean;
  readonly window: boolean;
}

export interface SyncMember {
  readonly stack: Opened | null;
  readonly view: ImageView;
  readonly index: number;
  readonly size: Size;
  readonly raster: Raster | null;
}

/** Stacks that differ by more than this do not show the same anatomy slice by slice. */
const PARALLEL_DEGREES = 20;

function planeAt(member: SyncMember, index = member.index) {
  const slice = member.stack?.slices[index];
  return slice && member.raster && member.stack ? planeOf(slice, member.stack.geometry, member.raster) : null;
}

function middleOfSlice(member: SyncMember): Vector | null {
  const plane = planeAt(member);
  if (plane === null) return null;
  return sourceToPatient(plane, { x: (plane.raster.columns - 1) / 2, y: (plane.raster.rows - 1) / 2 });
}

/** Whether `follower` can be scrolled with `leader` by position. */
export function canFollowPosition(leader: SyncMember, follower: SyncMember): boolean {
  if (!leader.stack || !follower.stack || !sameSpace(leader.stack.geometry, follower.stack.geometry)) return false;
  const angle = angleBetween(leader.stack.geometry, follower.stack.geometry);
  return angle !== null && angle <= PARALLEL_DEGREES;
}

/** Index of the slice that `follower` shows beside `leader`; -1 if it cannot follow by position. */
export function followPosition(leader: SyncMember, follower: SyncMember): number {
  if (!canFollowPosition(leader, follower) || !follower.stack) return -1;
  const point = middleOfSlice(leader);
  return point === null ? -1 : nearestSlice(follower.stack.slices, follower.stack.geometry, point);
}

/** The place of a slice on the scale by which two stacks are compared: mm where both have them, else its index. */
function place(member: SyncMember, inMillimetres: boolean, index = member.index): number {
  return inMillimetres ? ((member.stack?.slices[index] as StackFrame).position ?? 0) : index;
}

function bothInMillimetres(a: SyncMember, b: SyncMember): boolean {
  return a.stack?.position_unit === 'mm' && b.stack?.position_unit === 'mm';
}

/** What stays between two viewports while they scroll by offset. */
export function offsetBetween(leader: SyncMember, follower: SyncMember): number {
  const inMillimetres = bothInMillimetres(leader, follower);
  return place(follower, inMillimetres) - place(leader, inMillimetres);
}

/** Index of the slice at the fixed offset. */
export function followOffset(leader: SyncMember, follower: SyncMember, offset: number): number {
  const slices = follower.stack?.slices ?? [];
  const inMillimetres = bothInMillimetres(leader, follower);
  const wanted = place(leader, inMillimetres) + offset;
  let best = -1;
  let least = Infinity;
  slices.forEach((_, index) => {
    const distance = Math.abs(place(follower, inMillimetres, index) - wanted);
    if (distance < least) {
      least = distance;
      best = index;
    }
  });
  return best;
}

/** Same size in mm on the screen, and the same point in the middle. */
export function followView(leader: SyncMember, follower: SyncMember): ViewPatch | null {
  const { raster: from } = leader;
  const { raster: to } = follower;
  if (!from || !to || from.calibrated !== to.calibrated) return null;
  const scale = fitScale(from, leader.size, leader.view.rotation) * leader.view.zoom;
  const zoom = Math.min(1000, Math.max(0.01, scale / fitScale(to, follower.size, follower.view.rotation)));
  return { zoom, center: centerLike(leader, follower, from, to) };
}

function centerLike(leader: SyncMember, follower: SyncMember, from: Raster, to: Raster): Pair | null {
  const leaderPlane = planeAt(leader);
  const followerPlane = planeAt(follower);
  if (leaderPlane && followerPlane && canFollowPosition(leader, follower)) {
    const { source } = patientToSource(followerPlane, pointInMiddle(leaderPlane, leader.size, leader.view));
    return [source.x, source.y];
  }
  if (leader.view.center === null) return null;
  const [column, row] = leader.view.center;
  return [
    (to.columns - 1) / 2 + ((column - (from.columns - 1) / 2) * from.pixelWidth) / to.pixelWidth,
    (to.rows - 1) / 2 + ((row - (from.rows - 1) / 2) * from.pixelHeight) / to.pixelHeight,
  ];
}

/** Same window for the same modality. */
export function followWindow(leader: SyncMember, follower: SyncMember): ViewPatch | null {
  if (!leader.stack || leader.stack.modality !== follower.stack?.modality) return null;
  if (Boolean(leader.stack.colour) !== Boolean(follower.stack.colour)) return null;
  const { window, voi, invert, colour_map } = leader.view;
  return { window, voi, invert, colour_map };
}
