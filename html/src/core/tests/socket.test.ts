import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EventSocket, type SocketLike } from '../socket';

class FakeSocket implements SocketLike {
  binaryType = '';
  readyState = 0;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly sent: unknown[] = [];
  closed = false;

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(): void {
    this.closed = true;
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.();
    this.say({ type: 'hello', session: 'x' });
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let sockets: FakeSocket[] = [];

function connected(token?: string) {
  const socket = new EventSocket({
    url: 'ws://x/eventQueue',
    token: token ?? null,
    random: () => 0.5,
    make: () => {
      const made = new FakeSocket();
      sockets.push(made);
      return made;
    },
  });
  socket.connect();
  return socket;
}

const last = (): FakeSocket => sockets.at(-1) as FakeSocket;

describe('event socket', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('greets first and carries messages after the answer only', () => {
    const socket = connected('link');
    expect(socket.send({ type: 'close', viewport: 1 })).toBe(false);
    last().accept();
    expect(last().sent).toEqual([{ type: 'hello', version: 1, token: 'link' }]);
    expect(socket.send({ type: 'close', viewport: 1 })).toBe(true);
    expect(last().sent.at(-1)).toEqual({ type: 'close', viewport: 1 });
  });

  it('tells messages and frames apart', () => {
    const socket = connected();
    const messages = vi.fn();
    const frames = vi.fn();
    socket.on('message', messages);
    socket.on('frame', frames);
    last().accept();
    last().say({ type: 'progress', viewport: 1, received: 1, total: 2 });
    const frame = new ArrayBuffer(50);
    last().onmessage?.({ data: frame });
    expect(messages).toHaveBeenCalledWith({ type: 'progress', viewport: 1, received: 1, total: 2 });
    expect(frames).toHaveBeenCalledWith(frame);
  });

  it('comes back at once, then with growing pauses, and starts over after a success', () => {
    const socket = connected();
    last().accept();
    last().onclose?.({ code: 1006 });
    expect(socket.state).toBe('lost');
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
    for (const pause of [250, 500, 1000, 2000, 4000, 5000, 5000]) {
      const count = sockets.length;
      last().onclose?.({ code: 1006 });
      vi.advanceTimersByTime(pause - 2);
      expect(sockets).toHaveLength(count);
      vi.advanceTimersByTime(4);
      expect(sockets).toHaveLength(count + 1);
    }
    expect(socket.lostAt).not.toBeNull();
    last().accept();
    expect(socket.state).toBe('open');
    expect(socket.lostAt).toBeNull();
    last().onclose?.({ code: 4001 });
    const count = sockets.length;
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(count + 1);
  });

  it.each([4401, 4403, 4426, 4440])('does not come back after close code %s', (code) => {
    const socket = connected();
    const ended = vi.fn();
    socket.on('ended', ended);
    last().accept();
    last().onclose?.({ code });
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
    expect(ended).toHaveBeenCalledWith(code);
    expect(socket.state).toBe('ended');
  });

  it('gives up a line on which nothing answers', () => {
    const socket = connected();
    last().accept();
    const first = last();
    vi.advanceTimersByTime(30_000);
    expect(socket.state).toBe('open');
    socket.send({ type: 'view', viewport: 1, sequence: 1, patch: {}, active: false });
    vi.advanceTimersByTime(12_001);
    expect(first.closed).toBe(true);
    expect(socket.state).toBe('lost');
  });

  it('tries again at once when asked', () => {
    const socket = connected();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      last().onclose?.({ code: 1006 });
      vi.advanceTimersByTime(6_000);
    }
    last().onclose?.({ code: 1006 });
    const count = sockets.length;
    socket.reconnectNow();
    expect(sockets).toHaveLength(count + 1);
    vi.advanceTimersByTime(6_000);
    expect(sockets).toHaveLength(count + 1);
  });

  it('says when the line cannot keep up', () => {
    const socket = connected();
    last().accept();
    expect(socket.congested).toBe(false);
    last().bufferedAmount = 100_000;
    expect(socket.congested).toBe(true);
  });
});
