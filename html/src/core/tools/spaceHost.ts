/** What presses do in the MPR and Volume windows. */
import { rollCamera, trackball } from '../camera';
import { boxOnScreen, type BoxPart, dragBox, dragInBox } from '../cropBox';
import type { Point } from '../geometry';
import { combine, dot } from '../patient';
import { panned, type Placed, pointAt, zoomed } from '../placed';
import { acrossLine, angleAround, hitPlanes, type PlaneHit, type PlaneLine, planeMarks } from '../planeLines';
import {
  centerInside,
  extentLimits,
  type LinkedPlanes,
  type PlaneId,
  rollPlane,
  setThickness,
  shiftPlane,
  slabOf,
  tiltPlane,
  turnLine,
  withPlane,
} from '../planes';
import { lookOf } from '../rotation';
import { Lasso } from '../scissors';
import { shiftTransfer, widthOf } from '../transferFunction';
import type { SpaceViewport, VolumeSession } from '../volumeSession';
import type { ModelViewport, PlaneViewport } from '../volumeViewport';
import type { VolumeGrid } from '../wire';
import type { GestureHost } from './gestures';
import { snap, windowDrag } from './pointerTools';
import { type Box, regionDrag } from './regionDrag';
import type { Drag, PointerSample } from './target';

/** What reaches beyond the session: drawn or answered by others. Null ends it. */
export interface SpaceServices {
  session(): VolumeSession | null;
  probe(target: SpaceViewport, at: Point | null): void;
  lens(target: SpaceViewport, at: Point | null): void;
  /** Draws a rectangle. */
  region(target: PlaneViewport, box: Box | null): void;
  /** Sets the window of all planes by what is inside. */
  takeRegion(target: PlaneViewport, box: Box): void;
  /** The lasso that is being drawn, for its outline. */
  lasso(lasso: Lasso | null): void;
  /** Degrees to show beside the pointer while a line is turned. */
  angle(target: SpaceViewport, degrees: number | null, at: Point): void;
  /** Whether lines may be grabbed, and the crop box. */
  readonly shown: { readonly lines: boolean; readonly box: boolean };
  /** Any drag ends what the model does by itself. */
  touched(): void;
  /** A click of the probe: the value stays. */
  place(target: SpaceViewport, at: Point): void;
  /** Begins a measurement; null for other tools. */
  draw(target: SpaceViewport, tool: string, at: PointerSample): Drag | null;
  /** The shape that a press of the left button takes. */
  grab(target: SpaceViewport, at: PointerSample, touch: boolean): Drag | null;
}

const SLAB_PER_PX = 0.25;
const HANDLE_PX = 8;
const HANDLE_TOUCH_PX = 22;
const EDGE_PX = 6;

type Start = (viewport: SpaceViewport, at: PointerSample) => Drag | null;

export class SpaceHost implements GestureHost<SpaceViewport> {
  /** Drawn by clicks: goes on over several presses. */
  private polygon: Lasso | null = null;
  private readonly tools: Readonly<Record<string, Start>>;

  constructor(private readonly services: SpaceServices) {
    this.tools = {
      wl: (viewport, at) => this.window(viewport, at),
      'wl.region': (viewport, at) => this.region(viewport, at),
      pan: (viewport, at) => this.pan(viewport, at),
      zoom: (viewport, at) => this.zoom(viewport, at),
      scroll: (viewport, at) => this.scroll(viewport, at),
      'rotate.free': (viewport, at) => this.roll(viewport, at),
      crosshair: (viewport, at) => this.crosshair(viewport, at),
      magnifier: (viewport, at) => this.follow(viewport, at, 'lens'),
      probe: (viewport, at) => this.follow(viewport, at, 'probe'),
      rotate3d: (viewport, at) => this.rotate(viewport, at),
      'tf.shift': (viewport, at) => this.shiftOpacity(viewport, at),
      'mpr.slabdrag': (viewport, at) => this.slab(viewport, at),
      'mpr.tilt': (viewport, at) => this.tilt(viewport, at),
      'vol.cut.in': (viewport, at) => this.cut(viewport, at, true),
      'vol.cut.out': (viewport, at) => this.cut(viewport, at, false),
    };
  }

  get drawing(): boolean {
    return this.polygon !== null;
  }

  /** Ids of the tools that begin here. */
  get known(): readonly string[] {
    return Object.keys(this.tools);
  }

  begin(target: SpaceViewport, tool: string, at: PointerSample): Drag | null {
    this.services.touched();
    return this.tools[tool]?.(target, at) ?? this.services.draw(target, tool, at);
  }

  keep(): () => void {
    const session = this.services.session();
    const linked = session?.linked ?? null;
    const view = session?.model.view;
    return () => {
      if (linked) session?.setPlanes(linked);
      if (!view) return;
      const { kind: _, ...before } = view;
      session?.model.show(before);
    };
  }

  grab(target: SpaceViewport, button: string, at: PointerSample, touch: boolean): Drag | null {
    if (button !== 'L') return null;
    const shape = this.services.grab(target, at, touch);
    if (shape || at.shift || at.ctrl || at.alt) return shape;
    if (target.kind === 'mpr') return this.services.shown.lines ? this.grabLine(target, at, touch) : null;
    return this.services.shown.box ? this.grabBox(target, at, touch) : null;
  }

  fingers(target: SpaceViewport, middle: Point) {
    const session = this.services.session();
    let last = middle;
    let scrolled = 0;
    return {
      move: (at: Point, factor: number): void => {
        if (!session) return;
        if (factor !== 1) this.zoomAt(session, target, factor, at);
        this.panBy(session, target, at.x - last.x, at.y - last.y);
        last = at;
      },
      scroll: (steps: number): void => {
        if (target.kind === 'mpr') session?.scroll(target.plane, steps - scrolled);
        scrolled = steps;
      },
    };
  }

  /** Ends a polygon of clicks. Returns whether there was one. */
  closePolygon(): boolean {
    const { polygon } = this;
    if (!polygon) return false;
    this.finishCut(polygon);
    return true;
  }

  dropPolygon(): boolean {
    if (!this.polygon) return false;
    this.polygon = null;
    this.services.lasso(null);
    return true;
  }

  /** Enlarges a viewport around a point of it. */
  zoomAt(session: VolumeSession, target: SpaceViewport, factor: number, at: Point): void {
    const { grid } = session;
    if (!grid) return;
    const patch = zoomed(target.view as Placed, target.size, factor, at, extentLimits(grid, target.size));
    this.place(session, target, patch);
  }

  private panBy(session: VolumeSession, target: SpaceViewport, dx: number, dy: number): void {
    this.place(session, target, { center: panned(target.view as Placed, target.size, dx, dy) });
  }

  private place(session: VolumeSession, target: SpaceViewport, patch: Partial<Pick<Placed, 'center' | 'extent'>>): void {
    if (target.kind === 'volume') session.setCamera({ ...session.camera, ...patch });
    else if (session.linked && session.grid) {
      const plane = session.linked.planes[target.plane];
      const center = centerInside(session.grid, plane, patch.center ?? plane.center);
      session.setPlanes(withPlane(session.linked, target.plane, { ...patch, center }), target.plane, true);
    }
  }

  private window(viewport: SpaceViewport, at: PointerSample): Drag | null {
    const session = this.services.session();
    return (
      session &&
      windowDrag(viewport, at, (window) => {
        session.setLook({ window }, viewport);
      })
    );
  }

  private region(viewport: SpaceViewport, at: PointerSample): Drag | null {
    if (viewport.kind !== 'mpr') return null;
    const { services } = this;
    return regionDrag(
      at,
      (box) => {
        services.region(viewport, box);
      },
      (box) => {
        services.takeRegion(viewport, box);
      },
    );
  }

  private pan(viewport: SpaceViewport, at: PointerSample): Drag {
    let last: Point = at;
    return {
      move: (sample) => {
        const session = this.services.session();
        if (session) this.panBy(session, viewport, sample.x - last.x, sample.y - last.y);
        last = sample;
      },
    };
  }

  private zoom(viewport: SpaceViewport, at: PointerSample): Drag {
    let last = at.y;
    return {
      move: ({ y }) => {
        const session = this.services.session();
        if (session) this.zoomAt(session, viewport, 1.01 ** (last - y), at);
        last = y;
      },
    };
  }

  private scroll(viewport: SpaceViewport, at: PointerSample): Drag | null {
    if (viewport.kind !== 'mpr') return null;
    let done = 0;
    return {
      move: ({ y }) => {
        const steps = Math.round((y - at.y) / 2);
        if (steps !== done) this.services.session()?.scroll(viewport.plane, steps - done);
        done = steps;
      },
    };
  }

  private roll(viewport: SpaceViewport, at: PointerSample): Drag | null {
    const session = this.services.session();
    const linked = session?.linked;
    if (!session || !linked) return null;
    const { camera } = session;
    const middle = { x: viewport.size.width / 2, y: viewport.size.height / 2 };
    return {
      move: (sample) => {
        const degrees = snap(angleAround(middle, at, sample));
        if (viewport.kind === 'volume') session.setCamera(rollCamera(camera, degrees));
        else session.setPlanes(rollPlane(linked, viewport.plane, degrees), viewport.plane);
      },
      end: () => {
        if (viewport.kind === 'mpr') session.keepStep(linked);
      },
    };
  }

  private crosshair(viewport: SpaceViewport, at: PointerSample): Drag | null {
    const take = (sample: Point): void => {
      const session = this.services.session();
      if (!session) return;
      if (viewport.kind === 'mpr') {
        session.locate(pointAt(viewport.view, viewport.size, sample), viewport.plane);
        return;
      }
      void viewport.pick(sample).then((answer) => {
        if (answer?.point) session.locate(answer.point);
      });
    };
    take(at);
    return { move: take };
  }

  private follow(viewport: SpaceViewport, at: PointerSample, service: 'lens' | 'probe'): Drag {
    this.services[service](viewport, at);
    return {
      move: (sample) => {
        this.services[service](viewport, sample);
      },
      end: () => {
        this.services[service](viewport, null);
      },
      ...(service === 'probe' && {
        click: () => {
          this.services.place(viewport, at);
        },
      }),
    };
  }

  private rotate(viewport: SpaceViewport, at: PointerSample): Drag | null {
    if (viewport.kind !== 'volume') return null;
    let last: Point = at;
    return {
      move: (sample) => {
        const session = this.services.session();
        if (!session) return;
        const { x, y } = last;
        session.setCamera(trackball(session.camera, viewport.size, sample.x - x, sample.y - y, session.pivot));
        last = sample;
      },
    };
  }

  /** The transfer function of a composite; of the other modes the window. */
  private shiftOpacity(viewport: SpaceViewport, at: PointerSample): Drag | null {
    if (viewport.kind !== 'volume') return null;
    const { mode, transfer } = viewport.view;
    if (mode !== 'composite' || transfer.length === 0) return this.window(viewport, at);
    const step = widthOf(transfer) / 256;
    return {
      move: ({ x, y }) => {
        const factor = Math.max(0.02, 1 + (x - at.x) / 256);
        viewport.show({ transfer: shiftTransfer(transfer, (y - at.y) * step, factor) });
      },
    };
  }

  private slab(viewport: SpaceViewport, at: PointerSample): Drag | null {
    const session = this.services.session();
    if (viewport.kind !== 'mpr' || !session?.linked) return null;
    const { plane } = viewport;
    const first = slabOf(session.linked.planes[plane]);
    return {
      move: ({ y }) => {
        const { linked } = session;
        if (linked) session.setPlanes(setThickness(linked, plane, first + (at.y - y) * SLAB_PER_PX), plane);
      },
    };
  }

  private tilt(viewport: SpaceViewport, at: PointerSample): Drag | null {
    const session = this.services.session();
    const linked = session?.linked;
    if (viewport.kind !== 'mpr' || !session || !linked) return null;
    return {
      move: ({ x, y }) => {
        session.setPlanes(tiltPlane(linked, viewport.plane, viewport.size, x - at.x, y - at.y), viewport.plane);
      },
      end: () => {
        session.keepStep(linked);
      },
    };
  }

  private grabLine(viewport: PlaneViewport, at: PointerSample, touch: boolean): Drag | null {
    const session = this.services.session();
    const linked = session?.linked;
    const { grid } = session ?? {};
    if (!session || !linked || !grid) return null;
    const marks = planeMarks(linked, viewport.plane, viewport.size);
    const hit = hitPlanes(marks, at, touch);
    const line = marks.lines.find(({ plane }) => plane === hit?.plane);
    if (!hit) return null;
    if (hit.part === 'center') {
      return {
        move: (sample) => {
          session.locate(pointAt(viewport.view, viewport.size, sample), viewport.plane);
        },
      };
    }
    if (!line) return null;
    const lineDrag: LineDrag = { session, viewport, linked, grid, line, center: marks.center, at };
    return this.dragOfLine(hit, lineDrag);
  }

  private dragOfLine(hit: PlaneHit, drag: LineDrag): Drag {
    if (hit.part === 'rotate') return this.turn(drag);
    return hit.part === 'slab' ? thicken(drag) : shift(drag);
  }

  private turn({ session, viewport, linked, line, center, at }: LineDrag): Drag {
    return {
      move: (sample) => {
        const degrees = angleAround(center, at, sample);
        const turned = turnLine(linked, viewport.plane, line.plane, degrees, sample.alt);
        session.setPlanes(turned.linked, line.plane);
        this.services.angle(viewport, turned.angle, sample);
      },
      end: () => {
        this.services.angle(viewport, null, at);
        session.keepStep(linked);
      },
    };
  }

  private grabBox(viewport: ModelViewport, at: PointerSample, touch: boolean): Drag | null {
    const session = this.services.session();
    const { box, grid } = session ?? {};
    if (!session || !box || !grid) return null;
    const part = hitBox(viewport, box, grid, at, touch ? HANDLE_TOUCH_PX : HANDLE_PX);
    if (!part) return null;
    const before = session.masks;
    return {
      move: (sample) => {
        const by = dragInBox(part, grid, viewport.view, viewport.size, sample.x - at.x, sample.y - at.y);
        session.setBox(dragBox(box, part, by, grid));
      },
      end: () => {
        session.keepMasks(before);
      },
    };
  }

  /** A drag is a lasso; a click is a corner of a polygon, which Enter or a double-click closes. */
  private cut(viewport: SpaceViewport, at: PointerSample, inside: boolean): Drag | null {
    if (viewport.kind !== 'volume') return null;
    const lasso = this.polygon ?? new Lasso(inside);
    lasso.add(at);
    this.services.lasso(lasso);
    let dragged = false;
    return {
      move: (sample) => {
        dragged = true;
        lasso.add(sample);
        this.services.lasso(lasso);
      },
      end: () => {
        if (dragged && this.polygon === null) this.finishCut(lasso);
        else this.polygon = lasso;
      },
    };
  }

  private finishCut(lasso: Lasso): void {
    this.polygon = null;
    this.services.lasso(null);
    const session = this.services.session();
    if (!session) return;
    const { perspective } = session.model.view;
    const cut = lasso.close(session.camera, perspective, session.model.size);
    if (cut) session.cut(cut);
  }
}

interface LineDrag {
  readonly session: VolumeSession;
  readonly viewport: PlaneViewport;
  readonly linked: LinkedPlanes;
  readonly grid: VolumeGrid;
  readonly line: PlaneLine;
  readonly center: Point;
  readonly at: Point;
}

/** Across itself, whatever the hand does along it. */
function shift({ session, viewport, linked, grid, line, center, at }: LineDrag): Drag {
  const plane: PlaneId = line.plane;
  const across = { x: -line.direction.y, y: line.direction.x };
  const from = acrossLine(line, center, at);
  const { view, size } = viewport;
  const scale = view.extent / Math.min(size.width, size.height);
  const normal = normalOnScreen(linked, viewport.plane, plane, across);
  return {
    move: (sample) => {
      const millimetres = (acrossLine(line, center, sample) - from) * scale * normal;
      session.setPlanes(shiftPlane(linked, grid, plane, millimetres), plane);
    },
  };
}

/** Millimetres along a plane's normal of one millimetre across its line on the screen. */
function normalOnScreen(linked: LinkedPlanes, shown: PlaneId, plane: PlaneId, across: Point): number {
  const { row, column } = linked.planes[shown];
  return dot(lookOf(linked.planes[plane]), combine([0, 0, 0], across.x, row, across.y, column));
}

/** Away from the line thickens the slab to both sides. */
function thicken({ session, viewport, linked, line, center, at }: LineDrag): Drag {
  const first = slabOf(linked.planes[line.plane]);
  const scale = viewport.view.extent / Math.min(viewport.size.width, viewport.size.height);
  const from = Math.abs(acrossLine(line, center, at));
  return {
    move: (sample) => {
      const away = Math.abs(acrossLine(line, center, sample)) - from;
      session.setPlanes(setThickness(linked, line.plane, first + 2 * away * scale), line.plane);
    },
  };
}

/** The handle under a point, else the whole box on one of its edges. */
function hitBox(
  viewport: ModelViewport,
  box: Parameters<typeof boxOnScreen>[0],
  grid: VolumeGrid,
  at: Point,
  reach: number,
): BoxPart | null {
  const { edges, handles } = boxOnScreen(box, grid, viewport.view, viewport.view.perspective, viewport.size);
  const handle = handles.find((candidate) => Math.hypot(candidate.at.x - at.x, candidate.at.y - at.y) <= reach);
  if (handle) return handle.part;
  return edges.some(([from, to]) => fromSegment(at, from, to) <= EDGE_PX) ? [0, 0, 0] : null;
}

function fromSegment(at: Point, from: Point, to: Point): number {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((at.x - from.x) * dx + (at.y - from.y) * dy) / length));
  return Math.hypot(at.x - from.x - share * dx, at.y - from.y - share * dy);
}
