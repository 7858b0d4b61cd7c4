/** Shapes under the hand: their handles, lines and texts are dragged. */
import type { Point } from '@/core/geometry';
import type { ShapeHit } from '@/core/measurement/hit';
import { type Measurement, type Modifiers, straightened, translated, withHandle } from '@/core/measurement/shape';
import { toPatient } from '@/core/measurement/sheet';
import { movedInSpace, withPointInSpace } from '@/core/measurement/space';
import type { Surface } from '@/core/measurement/surface';
import { subtract } from '@/core/patient';
import type { Drag, PointerSample } from '@/core/tools/target';
import type { ModelViewport } from '@/core/volumeViewport';

import type { MeasuredViewport } from '../measuringEntry';
import type { ShapeDesk } from './shapeDesk';
import { surfaceOf } from './shapeSurface';
import { surfacePoint } from './surfacePick';

/** What a press on a shape begins. */
export function dragShape(desk: ShapeDesk, hit: ShapeHit, before: Measurement, viewport: MeasuredViewport, at: PointerSample): Drag {
  if (viewport.kind === 'volume' && hit.part === 'handle') return dragOnSurface(desk, hit, before, viewport);
  const plate = desk.shown.get(viewport)?.find(({ id }) => id === hit.id)?.plate;
  const change = (surface: Surface, hand: PointerSample): Measurement => {
    const { sheet } = before;
    if (hit.part === 'handle') return handleMoved(before, hit.handle, surface, hand);
    if (hit.part === 'text' && plate) {
      return { ...before, plate: surface.pointOn(sheet, { x: plate.x + hand.x - at.x, y: plate.y + hand.y - at.y }) };
    }
    return lineMoved(before, surface, at, hand);
  };
  return {
    move: (sample) => {
      const surface = surfaceOf(viewport);
      if (surface) desk.show(change(surface, sample));
    },
    end: () => {
      desk.finish(before);
    },
    cancel: () => {
      desk.show(before);
    },
    click: () => undefined,
  };
}

/** A handle that goes where the hand is; with Shift the end of a length stays straight from the other. */
export function handleMoved(before: Measurement, handle: number, surface: Surface, hand: Point & Modifiers): Measurement {
  const { kind, sheet, points } = before;
  const other = points[1 - handle];
  const to = kind === 'length' && hand.shift && other ? straightened(surface.place(sheet, other), hand) : hand;
  if (!sheet.free) return withHandle(before, handle, surface.insideOn(sheet, to));
  const place = toPatient(surface.sheet, surface.insideOn(surface.sheet, to));
  return place ? withPointInSpace(before, handle, place) : before;
}

function lineMoved(before: Measurement, surface: Surface, at: Point, hand: Point): Measurement {
  const sheet = before.sheet.free ? surface.sheet : before.sheet;
  const from = surface.pointOn(sheet, at);
  const to = surface.insideOn(sheet, hand);
  if (!before.sheet.free) return translated(before, to.x - from.x, to.y - from.y);
  const [start, end] = [toPatient(sheet, from), toPatient(sheet, to)];
  return start && end ? movedInSpace(before, subtract(end, start)) : before;
}

/** A handle on the model goes along its surface; where there is none it stays. */
function dragOnSurface(desk: ShapeDesk, { handle }: ShapeHit, before: Measurement, viewport: ModelViewport): Drag {
  let newest: Point | null = null;
  let asking = false;
  let cancelled = false;
  let ended = false;
  const done = (): void => {
    if (ended && !cancelled && !asking) desk.finish(before);
  };
  const ask = async (): Promise<void> => {
    asking = true;
    while (newest !== null && !cancelled) {
      const goal: Point = newest;
      newest = null;
      const point = await surfacePoint(viewport, goal, () => !cancelled);
      const now = desk.list?.get(before.id);
      if (point && now && !cancelled) desk.show(withPointInSpace(now, handle, point));
    }
    asking = false;
    done();
  };
  return {
    move: (sample) => {
      newest = sample;
      if (!asking) void ask();
    },
    end: () => {
      ended = true;
      done();
    },
    cancel: () => {
      cancelled = true;
      desk.show(before);
    },
    click: () => undefined,
  };
}
