import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { comboOf, keyLabel, toolOfKey } from '../hotkeys';
import { Bindings, pressOf } from '../tools/bindings';
import { Gestures } from '../tools/gestures';
import { imageHost } from '../tools/imageHost';
import { POINTER_TOOLS, zoomAround } from '../tools/pointerTools';
import { TOOL_TABLE, toolRow, toolTextKey } from '../tools/table';
import type { PointerSample, ToolServices, ToolTarget } from '../tools/target';
import { WheelNotches } from '../tools/wheel';
import { screenPerPixel } from '../geometry';
import { FakeTarget, stack, window } from './samples';

const services = {
  probe: vi.fn(),
  lens: vi.fn(),
  locate: vi.fn(),
  region: vi.fn(),
  takeRegion: vi.fn(),
  place: vi.fn(),
  draw: vi.fn(() => null),
  grab: vi.fn(() => null),
} satisfies ToolServices;

function sample(x: number, y: number, change: Partial<PointerSample> = {}): PointerSample {
  return { x, y, time: 0, shift: false, ctrl: false, alt: false, ...change };
}

function drag(tool: string, target: FakeTarget, from: PointerSample, ...to: PointerSample[]) {
  const started = POINTER_TOOLS[tool]?.(target, from, services);
  for (const point of to) started?.move(point);
  started?.end?.();
}

describe('the tool table', () => {
  it('has unique ids, hotkeys and mouse bindings', () => {
    const unique = (values: string[]) => new Set(values).size === values.length;
    expect(unique(TOOL_TABLE.map(({ id }) => id))).toBe(true);
    expect(unique(TOOL_TABLE.flatMap(({ hotkey }) => hotkey ?? []))).toBe(true);
    for (const window of ['image', 'mpr', 'volume'] as const) {
      const rows = TOOL_TABLE.filter(({ windows }) => windows.includes(window));
      expect(unique(rows.flatMap(({ mouse }) => (mouse ? `${mouse.modifier}+${mouse.button}` : []))), window).toBe(true);
    }
  });

  it('gives every pointer tool something to do', () => {
    // Measurements are drawn by code that is loaded later.
    const pointerTools = TOOL_TABLE.filter(
      ({ kind, group, windows }) => kind === 'pointer' && group !== 'measure' && windows.includes('image'),
    ).map(({ id }) => id);
    expect(Object.keys(POINTER_TOOLS).sort()).toEqual(pointerTools.sort());
    expect(() => toolRow('nothing')).toThrow();
    expect(toolTextKey('rot.cw')).toBe('viewer.tool.rot_cw');
  });
});

describe('bindings', () => {
  const bare = { shift: false, ctrl: false, alt: false };

  it('chooses the tool by button and modifier at the press', () => {
    const bindings = new Bindings();
    expect(bindings.toolFor('L', bare)).toBe('wl');
    expect(bindings.toolFor('M', bare)).toBe('pan');
    expect(bindings.toolFor('R', bare)).toBe('zoom');
    expect(bindings.toolFor('L', { ...bare, shift: true })).toBe('scroll');
    expect(bindings.toolFor('L', { ...bare, shift: true, alt: true })).toBeNull();
    expect(bindings.toolFor('R', { ...bare, shift: true })).toBeNull();
  });

  it('puts a chosen tool on a bare button and gives the left one back', () => {
    const bindings = new Bindings();
    bindings.choose('zoom');
    bindings.choose('scroll', 'R');
    expect(bindings.bare('L')).toBe('zoom');
    expect(bindings.toolFor('L', { ...bare, shift: true })).toBe('scroll');
    expect(bindings.release()).toBe(true);
    expect(bindings.bare('L')).toBe('wl');
    expect(bindings.bare('R')).toBe('scroll');
    expect(bindings.release()).toBe(false);
    expect(() => {
      bindings.choose('invert');
    }).toThrow();
  });
});

describe('pointer tools', () => {
  it('widen the window to the right and brighten upwards', () => {
    const target = new FakeTarget(stack(), { window: window(100, 512) });
    drag('wl', target, sample(50, 50), sample(60, 45));
    expect(target.view.window).toMatchObject({ width: 532, center: 90 });
    drag('wl', target, sample(50, 50), sample(-5000, 50));
    expect(target.view.window?.width).toBe(1);
  });

  it('start the window from the one the file asks for', () => {
    const target = new FakeTarget();
    drag('wl', target, sample(0, 0), sample(0, 100));
    expect(target.view.window).toMatchObject({ center: 196.25, width: 400 });
  });

  it('move the picture with the pointer', () => {
    const target = new FakeTarget(stack(), { zoom: 3 });
    const grabbed = target.sourceAt({ x: 100, y: 100 });
    drag('pan', target, sample(100, 100), sample(131, 77));
    const [x = 0, y = 0] = target.sourceAt({ x: 131, y: 77 }) ?? [];
    expect(x).toBeCloseTo(grabbed?.[0] ?? 0, 9);
    expect(y).toBeCloseTo(grabbed?.[1] ?? 0, 9);
  });

  it('enlarge upwards around the pressed point, one per cent per pixel', () => {
    const target = new FakeTarget();
    const fixed = target.sourceAt({ x: 150, y: 180 });
    drag('zoom', target, sample(150, 180), sample(150, 150), sample(150, 130));
    expect(target.view.zoom).toBeCloseTo(1.01 ** 50, 9);
    expect(target.sourceAt({ x: 150, y: 180 })?.[0]).toBeCloseTo(fixed?.[0] ?? 0, 6);
  });

  it('stay within the limits of magnification', () => {
    const target = new FakeTarget();
    zoomAround(target, 1e6, { x: 200, y: 200 });
    expect(target.raster && screenPerPixel(target.raster, target.size, target.view)).toBeCloseTo(40, 6);
    zoomAround(target, 1e-9, { x: 200, y: 200 });
    expect(target.raster && screenPerPixel(target.raster, target.size, target.view)).toBeCloseTo(0.05, 6);
  });

  it('scroll one slice per part of the height', () => {
    const target = new FakeTarget();
    drag('scroll', target, sample(0, 0), sample(0, 81));
    expect(target.index).toBe(2);
    drag('scroll', target, sample(0, 0), sample(0, 9000));
    expect(target.index).toBe(9);
  });

  it('turn with the pointer, snap to quarters and keep the size', () => {
    const target = new FakeTarget();
    const before = target.raster && screenPerPixel(target.raster, target.size, target.view);
    drag('rotate.free', target, sample(400, 200), sample(205, 400));
    expect(target.view.rotation).toBe(90);
    drag('rotate.free', target, sample(400, 200), sample(341.42, 341.42));
    expect(target.view.rotation).toBeCloseTo(135, 1);
    expect(target.raster && screenPerPixel(target.raster, target.size, target.view)).toBeCloseTo(before ?? 0, 9);
  });

  it('show lens and value while held only', () => {
    const target = new FakeTarget();
    drag('magnifier', target, sample(1, 2), sample(3, 4));
    expect(services.lens.mock.calls.map(([, at]) => (at as PointerSample | null)?.x ?? null)).toEqual([1, 3, null]);
    drag('probe', target, sample(1, 2));
    expect(services.probe).toHaveBeenLastCalledWith(target, null);
    drag('crosshair', target, sample(5, 6), sample(7, 8));
    expect(services.locate).toHaveBeenCalledTimes(2);
  });

  it('do nothing in an empty viewport', () => {
    const target = new FakeTarget(null);
    for (const tool of Object.keys(POINTER_TOOLS)) drag(tool, target, sample(0, 0), sample(50, 50));
    expect(target.patches.filter((patch) => !('position' in patch))).toEqual([]);
  });
});

describe('gestures', () => {
  const events = { active: vi.fn(), menu: vi.fn(), maximise: vi.fn(), tool: vi.fn() };
  let target: FakeTarget;
  let gestures: Gestures<ToolTarget>;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.clearAllMocks();
    target = new FakeTarget(stack(), { window: window(0, 256) });
    gestures = new Gestures(new Bindings(), imageHost(services), events);
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('use the modifier of the press for the whole drag', () => {
    gestures.down(target, 1, 0, sample(0, 0));
    gestures.move(1, sample(10, 0, { shift: true }));
    gestures.up(1, sample(10, 0, { time: 500 }));
    expect(target.view.window?.width).toBe(266);
    expect(events.active.mock.calls.map(([, active]) => active as boolean)).toEqual([true, false]);
    expect(events.menu).not.toHaveBeenCalled();
  });

  it('take a region when the button is let go, not when it is dropped', () => {
    const bindings = new Bindings();
    bindings.choose('zoom');
    bindings.choose('wl.region');
    gestures = new Gestures(bindings, imageHost(services), events);
    gestures.down(target, 1, 0, sample(10, 20));
    gestures.move(1, sample(60, 90));
    expect(services.region).toHaveBeenLastCalledWith(target, [expect.objectContaining({ x: 10, y: 20 }), { x: 60, y: 90 }]);
    gestures.cancel();
    expect(services.region).toHaveBeenLastCalledWith(target, null);
    expect(services.takeRegion).not.toHaveBeenCalled();
    gestures.down(target, 1, 0, sample(10, 20));
    gestures.up(1, sample(10, 20, { time: 100 }));
    expect(services.takeRegion).not.toHaveBeenCalled();
    gestures.down(target, 1, 0, sample(10, 20, { time: 5000 }));
    gestures.move(1, sample(60, 90));
    gestures.up(1, sample(60, 90, { time: 6000 }));
    expect(services.takeRegion).toHaveBeenCalledTimes(1);
    expect(target.patches.filter((patch) => 'zoom' in patch && patch.zoom !== target.view.zoom)).toEqual([]);
    expect(bindings.giveBack('wl.region')).toBe(true);
    expect(bindings.bare('L')).toBe('zoom');
    expect(bindings.giveBack('wl.region')).toBe(false);
  });

  it('open the menu for a short right press and zoom for a drag', () => {
    gestures.down(target, 1, 2, sample(5, 5));
    gestures.up(1, sample(6, 6, { time: 100 }));
    expect(events.menu).toHaveBeenCalledOnce();
    expect(target.patches).toEqual([]);
    gestures.down(target, 1, 2, sample(5, 50));
    gestures.move(1, sample(5, 20));
    gestures.up(1, sample(5, 20, { time: 100 }));
    expect(events.menu).toHaveBeenCalledOnce();
    expect(target.view.zoom).toBeGreaterThan(1);
  });

  it('maximise on a double-click but not on two slow or distant ones', () => {
    const click = (x: number, time: number) => {
      gestures.down(target, 1, 0, sample(x, 0, { time }));
      gestures.up(1, sample(x, 0, { time: time + 50 }));
    };
    click(0, 0);
    click(0, 600);
    click(100, 800);
    expect(events.maximise).not.toHaveBeenCalled();
    click(100, 1000);
    expect(events.maximise).toHaveBeenCalledOnce();
    click(100, 1100);
    expect(events.maximise).toHaveBeenCalledOnce();
  });

  it('leave clicks to drags that know what they mean, and no double-click of them', () => {
    const drag = { move: vi.fn(), end: vi.fn(), cancel: vi.fn(), click: vi.fn() };
    services.grab.mockReturnValue(drag as never);
    for (const time of [0, 100]) {
      gestures.down(target, 1, 0, sample(0, 0, { time }));
      gestures.up(1, sample(1, 0, { time: time + 50 }));
    }
    expect(drag.click).toHaveBeenCalledTimes(2);
    expect(events.maximise).not.toHaveBeenCalled();
    gestures.down(target, 1, 0, sample(0, 0, { time: 200 }));
    gestures.move(1, sample(40, 0));
    gestures.up(1, sample(40, 0, { time: 260 }));
    gestures.down(target, 1, 0, sample(0, 0, { time: 300 }));
    gestures.cancel();
    expect(drag.click).toHaveBeenCalledTimes(2);
    expect(drag.end).toHaveBeenCalledTimes(3);
    expect(drag.cancel).toHaveBeenCalledOnce();
    services.grab.mockReturnValue(null);
  });

  it('put everything back when cancelled', () => {
    const before = target.view;
    gestures.down(target, 1, 1, sample(0, 0));
    gestures.move(1, sample(40, 40));
    expect(target.view).not.toEqual(before);
    expect(gestures.cancel()).toBe(true);
    expect(target.view).toEqual(before);
    expect(gestures.cancel()).toBe(false);
    expect(gestures.busy).toBe(false);
  });

  it('pan and pinch with two fingers, scroll with three', () => {
    gestures.down(target, 1, 0, sample(100, 200), true);
    gestures.down(target, 2, 0, sample(300, 200), true);
    gestures.move(1, sample(50, 200));
    gestures.move(2, sample(350, 200));
    expect(target.view.zoom).toBeCloseTo(1.5, 6);
    gestures.down(target, 3, 0, sample(200, 200), true);
    for (const finger of [1, 2, 3]) gestures.move(finger, sample(200, 260));
    expect(target.index).toBe(5);
    for (const finger of [1, 2, 3]) gestures.up(finger, sample(200, 260));
    expect(gestures.busy).toBe(false);
    expect(target.view.window).toEqual(window(0, 256));
    expect(events.active).toHaveBeenLastCalledWith(target, false);
  });

  it('open the menu after a long press of a finger', () => {
    gestures.down(target, 1, 0, sample(100, 200), true);
    vi.advanceTimersByTime(501);
    expect(events.menu).toHaveBeenCalledOnce();
    gestures.up(1, sample(100, 200, { time: 600 }));
    gestures.down(target, 1, 0, sample(100, 200, { time: 700 }), true);
    gestures.move(1, sample(106, 204, { time: 800 }));
    vi.advanceTimersByTime(501);
    expect(events.menu, 'a finger that trembles still rests').toHaveBeenCalledTimes(2);
    gestures.up(1, sample(106, 204, { time: 1300 }));
    gestures.down(target, 1, 0, sample(100, 200), true);
    gestures.move(1, sample(150, 200));
    vi.advanceTimersByTime(501);
    expect(events.menu).toHaveBeenCalledTimes(2);
  });
});

describe('the button of a press', () => {
  const press = { button: 0, shiftKey: false, ctrlKey: true, altKey: false, metaKey: false };

  it('with Ctrl keeps its button, and the command key is Ctrl', () => {
    expect(pressOf(press, false)).toEqual({ button: 0, modifiers: { shift: false, ctrl: true, alt: false } });
    const command = { ...press, ctrlKey: false, metaKey: true };
    expect(pressOf(command, true)).toEqual({ button: 0, modifiers: { shift: false, ctrl: true, alt: false } });
  });

  it('is the right one for Ctrl and click on a Mac', () => {
    expect(pressOf(press, true)).toEqual({ button: 2, modifiers: { shift: false, ctrl: false, alt: false } });
  });
});

describe('wheel', () => {
  it('counts each jump of a mouse as one notch', () => {
    const wheel = new WheelNotches();
    expect([120, 120, -120, 53, 3].map((delta, index) => wheel.add(delta, index === 4 ? 1 : 0, index))).toEqual([
      1, 1, -1, 1, 1,
    ]);
  });

  it('adds up the small steps of a touch pad', () => {
    const wheel = new WheelNotches();
    const notches = [10, 10, 10, 10, -10, 10].map((delta, index) => wheel.add(delta, 0, index * 16));
    expect(notches).toEqual([0, 0, 1, 0, 0, 0]);
    expect(wheel.add(25, 0, 2000)).toBe(0);
  });
});

describe('hotkeys', () => {
  const press = (code: string, change = {}) => ({
    code,
    shiftKey: false,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    ...change,
  });

  it('go by the physical key', () => {
    expect(toolOfKey(press('KeyW'))).toBe('wl');
    expect(toolOfKey(press('Digit3'))).toBe('preset.3');
    expect(toolOfKey(press('Numpad3'))).toBe('preset.3');
    expect(toolOfKey(press('NumpadAdd'))).toBe('zoom.in');
    expect(toolOfKey(press('Digit4', { shiftKey: true }))).toBe('layout.2x2');
    expect(toolOfKey(press('KeyG', { metaKey: true }))).toBe('nav.goto');
    expect(toolOfKey(press('KeyW', { altKey: true }))).toBeNull();
    expect(comboOf(press('KeyZ', { ctrlKey: true, shiftKey: true }))).toBe('Ctrl+Shift+Z');
  });

  it('are labelled as on the keyboard', () => {
    expect(keyLabel('Shift+W', 'ru')).toBe('Shift + Ц');
    expect(keyLabel('Shift+Slash', 'en')).toBe('Shift + /');
    expect(keyLabel('Z', 'en', new Map([['KeyZ', 'y']]))).toBe('Y');
    expect(keyLabel('ArrowUp', 'en')).toBe('↑');
  });
});
