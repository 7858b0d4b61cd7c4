import { beforeEach, describe, expect, it } from 'vitest';

import type { AnyViewport, ViewerConnection } from '../connection';
import type { FrameHeader } from '../frameHeader';
import type { ViewportLine } from '../frameViewport';
import { lookOf } from '../rotation';
import { setThickness, slabOf, turnLine } from '../planes';
import { type SessionStart, VolumeSession } from '../volumeSession';
import { INITIAL_MODEL, INITIAL_PLANE } from '../volumeViewport';
import type { ClientMessage, Cut, Opened, ViewMessage } from '../wire';
import { stack } from './samples';
import { GRID, rounded } from './volumes';

const OPENED: Opened = { ...stack(), volume: GRID };
const SIZE = { width: 400, height: 300 };
const CUT: Cut = {
  center: [0, 0, 0],
  row: [1, 0, 0],
  column: [0, 0, -1],
  extent: 100,
  perspective: false,
  inside: true,
  corners: [
    [0, 0],
    [10, 0],
    [10, 10],
  ],
};
const ticks = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));

/** The server's side of a session: what it is told, by the name of the pane. */
class Line implements ViewportLine {
  readonly congested = false;
  readonly online = true;
  received: ClientMessage[] = [];
  private number = 0;

  send(message: ClientMessage): boolean {
    this.received.push(message);
    return true;
  }

  readonly connection = {
    adopt: <T extends AnyViewport>(make: (number: number, line: ViewportLine) => T): T => {
      this.number += 1;
      return make(this.number, this);
    },
    dispose: (viewport: AnyViewport) => {
      viewport.dispose();
    },
  } as unknown as ViewerConnection;

  patches(): Record<string, unknown> {
    const names = ['', 'axial', 'coronal', 'sagittal', 'model'];
    const views = this.received.filter((message): message is ViewMessage => message.type === 'view');
    return Object.fromEntries(views.map(({ viewport, patch }) => [names[viewport], Object.keys(patch).sort()]));
  }
}

let line: Line;

function begin(start: Partial<SessionStart> = {}): VolumeSession {
  line = new Line();
  const session = new VolumeSession({ study: 'st', series: 'se', ...start }, line.connection);
  for (const viewport of session.viewports) {
    viewport.open();
    viewport.resize(SIZE, 1);
  }
  return session;
}

function answer(session: VolumeSession): void {
  for (const viewport of session.viewports) {
    viewport.onOpened({ ...OPENED, viewport: viewport.id, view: { ...viewport.view } });
  }
}

describe('a session of a known volume', () => {
  let session: VolumeSession;
  beforeEach(async () => {
    session = begin({ opened: OPENED, point: [0, 0, -30], look: { invert: true, voi: 0, window: null } });
    answer(session);
    await ticks();
  });

  it('opens its panes with what they show, at the slice and the grey values of the reader', () => {
    const opens = line.received.filter((message) => message.type === 'open');
    expect(opens.map(({ window, orientation }) => [window, orientation])).toEqual([
      ['mpr', 'axial'],
      ['mpr', 'coronal'],
      ['mpr', 'sagittal'],
      ['volume', undefined],
    ]);
    expect(opens[0]?.view).toMatchObject({ kind: 'mpr', center: [0, 0, -30], invert: true, slab: 0 });
    expect(opens[0]?.view?.kind === 'mpr' && opens[0].view.extent).toBeCloseTo(162, 9);
    expect(opens[3]?.view).toMatchObject({ kind: 'volume', mode: 'composite', invert: false });
    expect(opens[3]?.view?.kind === 'volume' && opens[3].view.transfer).toHaveLength(5);
    expect(line.patches()).toEqual({});
  });

  it('asks only for the plane that moves', async () => {
    session.scroll('axial', 3);
    await ticks();
    expect(line.patches()).toEqual({ axial: ['center'] });
    expect(session.linked?.point[2]).toBeCloseTo(-27, 6);
  });

  it('asks for the two planes that a dragged crosshair moves', async () => {
    session.locate([5, 6, -30], 'axial');
    await ticks();
    expect(line.patches()).toEqual({ coronal: ['center'], sagittal: ['center'] });
    expect(session.pivot).toEqual([5, 6, -30]);
  });

  it('undoes a turn and keeps the slab that came after it', () => {
    const before = session.linked!;
    session.setPlanes(turnLine(before, 'axial', 'coronal', 30).linked, 'coronal');
    session.keepStep(before);
    session.setPlanes(setThickness(session.linked!, 'axial', 8), 'axial');
    session.undo.undo();
    expect(rounded(lookOf(session.linked!.planes.coronal))).toEqual([0, 1, 0]);
    expect(slabOf(session.linked!.planes.coronal)).toBe(8);
    session.undo.redo();
    expect(rounded(lookOf(session.linked!.planes.coronal))).not.toEqual([0, 1, 0]);
  });

  it('does not count moving as a step', () => {
    const before = session.linked;
    session.scroll('coronal', 5);
    session.keepStep(before);
    expect(session.undo.canUndo).toBe(false);
  });

  it('cuts, crops and restores in steps', () => {
    expect(session.cut(CUT)).toBe(true);
    const { masks } = session;
    session.setBox([
      [10, 10, 10],
      [50, 50, 50],
    ]);
    session.keepMasks(masks);
    session.restoreAll();
    expect([session.model.view.cuts, session.model.view.crop]).toEqual([[], null]);
    session.undo.undo();
    expect(session.model.view.crop).toEqual([
      [10, 10, 10],
      [50, 50, 50],
    ]);
    session.undo.undo();
    expect([session.model.view.cuts.length, session.model.view.crop]).toEqual([1, null]);
    session.undo.undo();
    expect(session.model.view.cuts).toEqual([]);
  });

  it('takes no more than 32 cuts', () => {
    for (let count = 0; count < 32; count += 1) expect(session.cut(CUT)).toBe(true);
    expect(session.cut(CUT)).toBe(false);
  });

  it('fits a plane again when its viewport changes, until the hand has chosen', () => {
    session.planes.axial.resize({ width: 200, height: 300 }, 1);
    const fitted = session.linked!.planes.axial;
    expect(fitted.extent).toBeCloseTo(108, 6);
    session.setPlanes({ ...session.linked!, planes: { ...session.linked!.planes, axial: { ...fitted, extent: 50 } } }, 'axial', true);
    session.planes.axial.resize({ width: 300, height: 300 }, 1);
    expect(session.linked!.planes.axial.extent).toBe(50);
  });

  it('shows the whole volume as no crop', () => {
    session.setBox(session.box!);
    expect(session.model.view.crop).toBeNull();
  });
});

describe('a session by address', () => {
  it('learns the volume from the first answer and tells every pane what it shows', async () => {
    const session = begin();
    expect(session.linked).toBeNull();
    for (const viewport of session.viewports) {
      const view = viewport.kind === 'mpr' ? { ...INITIAL_PLANE } : { ...INITIAL_MODEL, mode: 'mip' as const };
      viewport.onOpened({ ...OPENED, viewport: viewport.id, view });
    }
    await ticks();
    expect(session.linked?.point).toEqual([0, 0, 0]);
    expect(session.planes.coronal.view.column).toEqual([0, 0, -1]);
    expect(session.model.view.mode).toBe('composite');
    expect(line.patches()).toMatchObject({ model: expect.arrayContaining(['mode', 'transfer']) as unknown });
  });

  it('says why a series is no volume', () => {
    const session = begin();
    const problem = { code: 'too-few', images: 2 } as const;
    session.model.onOpened({ ...OPENED, volume: null, volume_problem: problem, viewport: 4, view: INITIAL_MODEL });
    expect(session.opened?.volume_problem).toEqual(problem);
    expect(session.linked).toBeNull();
  });
});

describe('a model without absolute unit', () => {
  it('is shown by the percentiles of its series as soon as it has a picture', async () => {
    const opened: Opened = { ...OPENED, modality: 'MR', unit: '', series: 'relative' };
    const session = begin({ opened });
    for (const viewport of session.viewports) viewport.onOpened({ ...opened, viewport: viewport.id });
    const { model } = session;
    const header = {} as FrameHeader;
    model.emit('shown', header);
    model.emit('shown', header);
    const asked = line.received.filter((message) => message.type === 'percentiles');
    expect(asked).toMatchObject([{ viewport: model.id, of: 'series', percents: [1, 50, 99.9] }]);
    const id = asked[0]?.id ?? 0;
    model.onPercentiles({ type: 'percentile-values', viewport: model.id, id, unit: '', share: 1, values: [10, 60, 210] });
    await ticks();
    expect(model.view.transfer[0]?.value).toBeCloseTo(80, 9);
    model.emit('shown', header);
    expect(line.received.filter((message) => message.type === 'percentiles')).toHaveLength(1);
  });
});
