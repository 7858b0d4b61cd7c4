import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { LineClock, PING_MS } from '../lineClock';
import type { ClientMessage } from '../wire';

describe('line clock', () => {
  let time = 0;
  let sent: ClientMessage[] = [];
  let online = true;
  const made = (): LineClock =>
    new LineClock({ now: () => time, send: (message) => online && sent.push(message) > 0 });
  const answerAfter = (clock: LineClock, ms: number): void => {
    time += ms;
    const asked = sent.at(-1);
    if (asked?.type === 'ping') clock.answered({ type: 'pong', id: asked.id });
  };

  beforeEach(() => {
    vi.useFakeTimers();
    time = 0;
    sent = [];
    online = true;
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('asks at once and says how long the answer took', () => {
    const clock = made();
    expect(clock.roundTrip).toBeNull();
    clock.start();
    answerAfter(clock, 30);
    expect(clock.roundTrip).toBe(30);
    clock.stop();
  });

  it('does not count an answer that the page was too busy to take', () => {
    const clock = made();
    clock.start();
    for (const ms of [30, 400, 35]) {
      answerAfter(clock, ms);
      vi.advanceTimersByTime(PING_MS);
    }
    expect(clock.roundTrip).toBe(30);
    for (const ms of [300, 310, 320]) {
      answerAfter(clock, ms);
      vi.advanceTimersByTime(PING_MS);
    }
    expect(clock.roundTrip).toBe(300);
    clock.stop();
  });

  it('waits for an answer before it asks again, and takes no other for it', () => {
    const clock = made();
    clock.start();
    vi.advanceTimersByTime(3 * PING_MS);
    expect(sent).toHaveLength(1);
    clock.answered({ type: 'pong', id: 99 });
    expect(clock.roundTrip).toBeNull();
    answerAfter(clock, 900);
    expect(clock.roundTrip).toBe(900);
    clock.stop();
  });

  it('forgets a line that was lost', () => {
    const clock = made();
    clock.start();
    answerAfter(clock, 30);
    clock.stop();
    expect(clock.roundTrip).toBeNull();
    online = false;
    clock.start();
    online = true;
    vi.advanceTimersByTime(PING_MS);
    expect(sent).toHaveLength(2);
    clock.stop();
  });
});
