import { describe, expect, it } from 'vitest';

import { INITIAL_VIEW, ViewChannel, viewKey, type ViewMessage } from '../viewState';

function channel() {
  const scheduled: (() => void)[] = [];
  const sent: ViewMessage[] = [];
  const line = { open: true, time: 0 };
  const made = new ViewChannel(
    {
      schedule: (callback) => scheduled.push(callback),
      send: (message) => {
        if (line.open) sent.push(message);
        return line.open;
      },
      now: () => line.time,
    },
    [100, 100],
    INITIAL_VIEW,
  );
  const animate = () => {
    for (const callback of scheduled.splice(0)) callback();
  };
  return { made, sent, line, animate };
}

describe('view channel', () => {
  it('sends at most one merged message per animation frame', () => {
    const { made, sent, animate } = channel();
    made.opening();
    made.bound(INITIAL_VIEW);
    made.setActive(true);
    for (let position = 1; position <= 50; position += 1) made.patch({ position });
    made.patch({ zoom: 2 });
    animate();
    expect(sent).toEqual([{ sequence: 2, patch: { position: 50, zoom: 2 }, size: null, active: true }]);
    animate();
    expect(sent).toHaveLength(1);
  });

  it('knows whether the server was told everything', () => {
    const { made, line, animate } = channel();
    made.opening();
    made.bound(INITIAL_VIEW);
    expect(made.told).toBe(true);
    made.patch({ zoom: 2 });
    expect(made.told).toBe(false);
    line.open = false;
    animate();
    expect(made.told).toBe(false);
    line.open = true;
    animate();
    expect(made.told).toBe(true);
  });

  it('tells the end of a drag even without a change', () => {
    const { made, sent, animate } = channel();
    made.opening();
    made.bound(INITIAL_VIEW);
    made.setActive(true);
    made.patch({ zoom: 2 });
    animate();
    made.setActive(false);
    animate();
    expect(sent.at(-1)).toEqual({ sequence: 3, patch: {}, size: null, active: false });
  });

  it('says nothing of a press that changed nothing', () => {
    const { made, sent, animate } = channel();
    made.opening();
    made.bound(INITIAL_VIEW);
    made.setActive(true);
    made.setActive(false);
    animate();
    expect(sent).toEqual([]);
  });

  it('keeps what could not be sent and merges it into the next message', () => {
    const { made, sent, line, animate } = channel();
    made.opening();
    made.bound(INITIAL_VIEW);
    line.open = false;
    made.patch({ zoom: 3 });
    animate();
    line.open = true;
    made.patch({ invert: true });
    animate();
    expect(sent).toEqual([{ sequence: 2, patch: { zoom: 3, invert: true }, size: null, active: false }]);
  });

  it('carries changes made while the line was away in the next opening', () => {
    const { made, sent, animate } = channel();
    made.opening();
    made.bound(INITIAL_VIEW);
    made.unbound();
    made.patch({ zoom: 5 });
    animate();
    expect(made.opening()).toBe(2);
    made.bound(made.view);
    animate();
    expect(made.view.zoom).toBe(5);
    expect(sent).toEqual([]);
  });

  it('sends changes made before the answer on top of it', () => {
    const { made, sent, animate } = channel();
    made.opening();
    made.patch({ zoom: 5 });
    made.bound({ ...INITIAL_VIEW, position: 33 });
    animate();
    expect(made.view).toMatchObject({ position: 33, zoom: 5 });
    expect(sent).toEqual([{ sequence: 2, patch: { zoom: 5 }, size: null, active: false }]);
  });

  it('remembers which state a sequence stands for', () => {
    const { made, line, animate } = channel();
    made.opening();
    made.bound(INITIAL_VIEW);
    for (const position of [1, 2, 3]) {
      line.time = position * 10;
      made.patch({ position });
      animate();
    }
    line.time = 100;
    expect(made.waitingSince(2)).toBe(80);
    expect(made.sentView(3)?.view.position).toBe(2);
    expect(made.sentView(2)).toBeUndefined();
    expect(made.waitingSince(4)).toBe(0);
  });
});

describe('key of a picture', () => {
  it('differs for states and sizes that look different', () => {
    const window = { center: 1, width: 2, function: 'LINEAR', explanation: '' } as const;
    const keys = [
      viewKey(INITIAL_VIEW, [10, 10]),
      viewKey(INITIAL_VIEW, [10, 11]),
      viewKey({ ...INITIAL_VIEW, position: 1 }, [10, 10]),
      viewKey({ ...INITIAL_VIEW, window }, [10, 10]),
      viewKey({ ...INITIAL_VIEW, window: { ...window, function: 'SIGMOID' } }, [10, 10]),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    const named = viewKey({ ...INITIAL_VIEW, window: { ...window, explanation: 'soft' } }, [10, 10]);
    expect(named).toBe(keys[3]);
  });
});
