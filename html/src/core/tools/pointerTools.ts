/** The pointer tools: each begins at a press and returns what further moves do. */
import {
  apply,
  centerFor,
  keepInside,
  normaliseAngle,
  type Point,
  screenPerPixel,
  viewportToSource,
  zoomFor,
} from '../geometry';
import { lacksUptake } from '../uptake';
import type { Window } from '../wire';
import { regionDrag } from './regionDrag';
import type { Drag, PointerSample, ToolStart, ToolTarget, Windowed } from './target';

const NOTHING = { move: () => undefined };

/** Limits of magnification: screen px per image px. */
export const LEAST_MAGNIFICATION = 0.05;
export const GREATEST_MAGNIFICATION = 40;
const SNAP_DEGREES = 3;

/** Window step of one CSS px. */
export function windowStep(target: Windowed, width: number): number {
  if (target.stack?.colour) return 1;
  return Math.max(width / 256, least(target));
}

/** The smallest step and width: uptake values are small. */
function least({ stack }: Pick<ToolTarget, 'stack'>): number {
  return stack?.modality === 'PT' && !lacksUptake(stack) ? 0.01 : 1;
}

/** The window that applies, with the function and without the name of the one it came from. */
export function windowOf(target: Windowed): Window | null {
  const applied = target.appliedWindow;
  if (applied === null) return null;
  const source = target.view.window ?? target.stack?.windows?.[target.view.voi];
  return { center: applied.center, width: applied.width, function: source?.function ?? 'LINEAR', explanation: '' };
}

/** Right widens, up brightens; `set` gets each new window. */
export function windowDrag(target: Windowed, at: PointerSample, set: (window: Window) => void): Drag {
  const start = windowOf(target);
  if (start === null) return NOTHING;
  const step = windowStep(target, start.width);
  return {
    move({ x, y }) {
      const width = Math.max(least(target), start.width + (x - at.x) * step);
      set({ ...start, center: start.center + (y - at.y) * step, width });
    },
  };
}

const windowLevel: ToolStart = (target, at) =>
  windowDrag(target, at, (window) => {
    target.patch({ window });
  });

const pan: ToolStart = (target, at) => {
  const source = target.sourceAt(at);
  if (source === null) return NOTHING;
  return {
    move(sample) {
      panTo(target, { x: source[0], y: source[1] }, sample);
    },
  };
};

/** Puts the source point under a viewport point, as far as the picture stays in sight. */
export function panTo(target: ToolTarget, source: Point, at: Point): void {
  const { raster, size, view } = target;
  if (raster === null) return;
  const center = centerFor(raster, size, view, source, at);
  target.patch({ center: keepInside(raster, size, { ...view, center }) });
}

/** Enlarges by `factor` and leaves the source point under `at` where it is. */
export function zoomAround(target: ToolTarget, factor: number, at: Point): void {
  const { raster, size, view } = target;
  if (raster === null) return;
  const source = apply(viewportToSource(raster, size, view), at);
  const screen = screenPerPixel(raster, size, view) * factor;
  const limited = Math.min(GREATEST_MAGNIFICATION, Math.max(LEAST_MAGNIFICATION, screen));
  const zoom = Math.min(1000, Math.max(0.01, zoomFor(raster, size, view.rotation, limited)));
  const center = centerFor(raster, size, { ...view, zoom }, source, at);
  target.patch({ zoom, center: keepInside(raster, size, { ...view, zoom, center }) });
}

const zoom: ToolStart = (target, at) => {
  let last = at.y;
  return {
    move({ y }) {
      zoomAround(target, 1.01 ** (last - y), at);
      last = y;
    },
  };
};

const scroll: ToolStart = (target, at) => {
  const count = target.stack?.slices.length ?? 0;
  const first = target.index;
  const perSlice = Math.max(2, target.size.height / Math.max(1, count));
  return {
    move({ y }) {
      target.goTo(first + Math.round((y - at.y) / perSlice));
    },
  };
};

const rotate: ToolStart = (target, at) => {
  const middle = { x: target.size.width / 2, y: target.size.height / 2 };
  const angleAt = (point: Point): number => (Math.atan2(point.y - middle.y, point.x - middle.x) * 180) / Math.PI;
  const first = target.view.rotation - angleAt(at);
  // Turning must not change the size on the screen, though the fit of a turned frame is another one.
  const screen = target.raster && screenPerPixel(target.raster, target.size, target.view);
  return {
    move(sample) {
      const rotation = snap(normaliseAngle(first + angleAt(sample)));
      if (target.raster === null || screen === null) return;
      target.patch({ rotation, zoom: zoomFor(target.raster, target.size, rotation, screen) });
    },
  };
};

/** Quarter turns catch what comes within 3 degrees. */
export function snap(degrees: number): number {
  const quarter = Math.round(degrees / 90) * 90;
  return normaliseAngle(Math.abs(degrees - quarter) <= SNAP_DEGREES ? quarter : degrees);
}

const crosshair: ToolStart = (target, at, services) => {
  services.locate(target, at);
  return {
    move(sample) {
      services.locate(target, sample);
    },
  };
};

const magnifier: ToolStart = (target, at, services) => {
  services.lens(target, at);
  return {
    move(sample) {
      services.lens(target, sample);
    },
    end() {
      services.lens(target, null);
    },
  };
};

const probe: ToolStart = (target, at, services) => {
  services.probe(target, at);
  return {
    move(sample) {
      services.probe(target, sample);
    },
    end() {
      services.probe(target, null);
    },
    click() {
      services.place(target, at);
    },
  };
};

const windowByRegion: ToolStart = (target, at, services) =>
  regionDrag(
    at,
    (box) => {
      services.region(target, box);
    },
    (box) => {
      services.takeRegion(target, box);
    },
  );

export const POINTER_TOOLS: Readonly<Record<string, ToolStart>> = {
  wl: windowLevel,
  'wl.region': windowByRegion,
  pan,
  zoom,
  scroll,
  'rotate.free': rotate,
  crosshair,
  magnifier,
  probe,
};
