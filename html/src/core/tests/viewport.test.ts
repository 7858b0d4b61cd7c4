import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ViewerConnection } from '../connection';
import { FrameFlag, type FrameHeader, HEADER_LENGTH } from '../frameHeader';
import { sliceNamed } from '../goto';
import { EventSocket, type SocketLike } from '../socket';
import type { ViewportController } from '../viewport';
import type { ClientMessage, ViewMessage } from '../wire';
import { SAGITTAL, stack, UNKNOWN } from './samples';

class Server implements SocketLike {
  binaryType = '';
  readyState = 1;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly received: ClientMessage[] = [];

  send(data: string): void {
    this.received.push(JSON.parse(data) as ClientMessage);
  }

  close(): void {
    this.readyState = 3;
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  of<T extends ClientMessage['type']>(type: T): Extract<ClientMessage, { type: T }>[] {
    return this.received.filter((message): message is Extract<ClientMessage, { type: T }> => message.type === type);
  }

  frame(fields: { viewport: number; sequence: number; serial: number; quality?: number; flags?: number }): void {
    const message = new ArrayBuffer(HEADER_LENGTH + 2);
    const view = new DataView(message);
    view.setUint8(0, 1);
    view.setUint8(1, fields.quality ?? 0);
    view.setUint8(3, fields.flags ?? 0);
    view.setUint32(4, fields.viewport, true);
    view.setUint32(8, fields.sequence, true);
    view.setUint16(12, 400, true);
    view.setUint16(14, 400, true);
    view.setUint32(16, 2, true);
    view.setUint32(20, 320_000, true);
    view.setFloat32(24, 40, true);
    view.setFloat32(28, 400, true);
    view.setUint32(36, fields.serial, true);
    this.onmessage?.({ data: message });
  }
}

const servers: Server[] = [];
const server = (): Server => servers.at(-1) as Server;
const ticks = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));

function connect(): { connection: ViewerConnection; viewport: ViewportController } {
  servers.length = 0;
  const socket = new EventSocket({
    url: 'ws://x',
    random: () => 0.5,
    make: () => {
      const made = new Server();
      servers.push(made);
      return made;
    },
  });
  const connection = new ViewerConnection(socket);
  socket.connect();
  const viewport = connection.create({ study: 'st', series: 'se' });
  viewport.resize({ width: 400, height: 400 }, 1);
  viewport.open();
  server().onopen?.();
  server().say({ type: 'hello', version: 1, session: 's', anonymised: false });
  return { connection, viewport };
}

function opened(viewport: ViewportController): void {
  server().say({ ...stack(), viewport: viewport.id });
}

describe('a viewport on the connection', () => {
  beforeEach(() => {
    vi.stubGlobal('createImageBitmap', () => Promise.resolve({ width: 400, height: 400, close: () => undefined }));
  });

  it('opens once the server has said hello, and shows what it is told', async () => {
    const { viewport } = connect();
    expect(server().of('open')).toEqual([
      { type: 'open', viewport: 1, study: 'st', series: 'se', size: [400, 400], view: null, sequence: 1 },
    ]);
    opened(viewport);
    expect(viewport.status).toBe('ready');
    server().frame({ viewport: 1, sequence: 1, serial: 1, quality: 2 });
    await ticks();
    expect(viewport.shownHeader?.serial).toBe(1);
    expect(viewport.settled).toBe(true);
    expect(server().of('ack')).toMatchObject([{ viewport: 1, serial: 1 }]);
  });

  it('tells whoever measures the page when a picture was drawn, also one of its own cache', async () => {
    const { viewport } = connect();
    const drawn: unknown[] = [];
    const listen = (event: Event): void => {
      drawn.push((event as CustomEvent<FrameHeader>).detail);
    };
    window.addEventListener('picture', listen);
    opened(viewport);
    server().frame({ viewport: 1, sequence: 1, serial: 1, quality: 2 });
    await ticks();
    viewport.goTo(4);
    await ticks();
    viewport.goTo(0);
    await ticks();
    window.removeEventListener('picture', listen);
    expect(drawn).toMatchObject([
      { viewport: 1, sequence: 1, quality: 2 },
      { viewport: 1, sequence: 3, quality: 2 },
    ]);
  });

  it('merges what the hand does into one message per animation frame', async () => {
    const { viewport } = connect();
    opened(viewport);
    viewport.hold(true);
    for (let index = 1; index <= 5; index += 1) viewport.goTo(index);
    await ticks();
    viewport.hold(false);
    await ticks();
    expect(server().of('view') as ViewMessage[]).toMatchObject([
      { sequence: 2, patch: { position: 10 }, active: true },
      { sequence: 3, patch: {}, active: false },
    ]);
  });

  it('acknowledges every frame, also those that came too late', async () => {
    const { viewport } = connect();
    opened(viewport);
    viewport.goTo(3);
    await ticks();
    server().frame({ viewport: 1, sequence: 2, serial: 2 });
    await ticks();
    server().frame({ viewport: 1, sequence: 1, serial: 3 });
    server().frame({ viewport: 77, sequence: 1, serial: 9 });
    await ticks();
    expect(viewport.shownHeader?.serial).toBe(2);
    expect(
      server()
        .of('ack')
        .map(({ viewport: id, serial }) => [id, serial]),
    ).toEqual([
      [1, 2],
      [1, 3],
      [77, 9],
    ]);
  });

  it('shows a slice it has had before from its own cache, and the server still learns of it', async () => {
    const { viewport } = connect();
    opened(viewport);
    server().frame({ viewport: 1, sequence: 1, serial: 1, quality: 2 });
    await ticks();
    viewport.goTo(4);
    await ticks();
    expect(viewport.shownHeader?.sequence).toBe(1);
    viewport.goTo(0);
    await ticks();
    expect(viewport.shownHeader).toMatchObject({ sequence: 3, quality: 2 });
    expect(server().of('view')).toHaveLength(2);
    expect(server().of('ack')).toHaveLength(1);
  });

  it('does not keep pictures of a neighbour', async () => {
    const { viewport } = connect();
    opened(viewport);
    server().frame({ viewport: 1, sequence: 1, serial: 1, quality: 2, flags: FrameFlag.Neighbour });
    await ticks();
    expect(viewport.settled).toBe(false);
    viewport.goTo(4);
    await ticks();
    viewport.goTo(0);
    await ticks();
    expect(viewport.shownHeader?.sequence).toBe(1);
  });

  it('comes back after a lost line with the state it had', async () => {
    const { viewport } = connect();
    opened(viewport);
    viewport.patch({ zoom: 3 });
    viewport.goTo(6);
    await ticks();
    server().onclose?.({ code: 1006 });
    expect(viewport.status).toBe('closed');
    viewport.patch({ invert: true });
    await ticks();
    expect(servers).toHaveLength(2);
    server().onopen?.();
    server().say({ type: 'hello', version: 1, session: 's', anonymised: false });
    const [open] = server().of('open');
    expect(open).toMatchObject({ viewport: 1, view: { zoom: 3, position: 12, invert: true } });
    server().say({ ...stack(), viewport: 1, view: open?.view });
    server().frame({ viewport: 1, sequence: open?.sequence ?? 0, serial: 1 });
    await ticks();
    expect(viewport.shownHeader?.serial).toBe(1);
    expect(viewport.index).toBe(6);
  });

  it('keeps its own newer state when the server hands it over to another node', async () => {
    const { viewport } = connect();
    opened(viewport);
    viewport.patch({ zoom: 5 });
    await ticks();
    opened(viewport);
    expect(viewport.view.zoom).toBe(5);
  });

  it('asks for nothing while hidden and returns as it was', async () => {
    const { viewport } = connect();
    opened(viewport);
    viewport.goTo(2);
    await ticks();
    viewport.suspend();
    expect(server().of('close')).toHaveLength(1);
    viewport.patch({ zoom: 2 });
    await ticks();
    expect(server().of('view')).toHaveLength(1);
    viewport.open();
    expect(server().of('open').at(-1)).toMatchObject({ view: { position: 4, zoom: 2 } });
  });

  it('asks one question at a time and gives up a lost one', async () => {
    const { viewport } = connect();
    opened(viewport);
    const first = viewport.value([3, 4]);
    expect(await viewport.value([5, 6])).toBeNull();
    const [query] = server().of('query');
    expect(query).toMatchObject({ point: [3, 4], position: 0, kind: 'value' });
    server().say({ type: 'answer', viewport: 1, id: query?.id, value: 42, unit: 'HU', point: [1, 2, 3] });
    expect(await first).toMatchObject({ value: 42 });
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 500);
    const lost = viewport.value([1, 1]);
    server().onclose?.({ code: 1006 });
    expect(await lost).toBeNull();
  });

  it('says why a series cannot be shown and tries again when asked', () => {
    const { viewport } = connect();
    server().say({ type: 'closed', viewport: 1, code: 'not_found', message: 'no such series' });
    expect(viewport.status).toBe('failed');
    expect(viewport.problem?.code).toBe('not_found');
    viewport.reopen();
    expect(viewport.status).toBe('opening');
    expect(server().of('open')).toHaveLength(2);
  });

  it('marks the picture stale when the server is silent during a drag', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame'] });
    const { viewport } = connect();
    opened(viewport);
    viewport.hold(true);
    viewport.patch({ zoom: 2 });
    await vi.advanceTimersByTimeAsync(600);
    expect(viewport.stale).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(viewport.stale).toBe(true);
    viewport.hold(false);
    vi.useRealTimers();
  });

  it('counts the silence from the last picture, though the hand never rests', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame'] });
    const { viewport } = connect();
    opened(viewport);
    viewport.hold(true);
    for (let turn = 0; turn < 45; turn += 1) {
      viewport.patch({ rotation: turn + 1 });
      await vi.advanceTimersByTimeAsync(16);
    }
    expect(viewport.stale).toBe(true);
    const { sequence } = server().of('view').at(-1) as ViewMessage;
    server().frame({ viewport: 1, sequence, serial: 1 });
    await vi.advanceTimersByTimeAsync(1);
    expect(viewport.stale).toBe(false);
    vi.useRealTimers();
  });

  it('does not take a picture that was long in drawing for a slow line', async () => {
    const { connection, viewport } = connect();
    opened(viewport);
    server().frame({ viewport: 1, sequence: 1, serial: 1, quality: 2 });
    await ticks();
    expect(connection.traffic.roundTrip).toBeNull();
    const [ping] = server().of('ping');
    server().say({ type: 'pong', id: ping?.id });
    expect(connection.traffic.roundTrip).toBeGreaterThan(0);
  });

  it('tells the queue, and forgets it when the place is free', () => {
    const { connection, viewport } = connect();
    const places: (number | null)[] = [];
    connection.on('queue', (place) => places.push(place));
    server().say({ type: 'event', name: 'queue', series: null, value: 3 });
    opened(viewport);
    expect(places).toEqual([3, null]);
  });
});

describe('going to a slice by typing', () => {
  const axial = stack();

  it('takes a number or a position', () => {
    expect(sliceNamed('3', axial)).toBe(2);
    expect(sliceNamed(' 7 mm', axial)).toBe(3);
    expect(sliceNamed('6,9 мм', axial)).toBe(3);
    expect(sliceNamed('-50mm', axial)).toBe(0);
  });

  it('counts millimetres as the overlay does, whichever way the stack runs', () => {
    const sagittal = stack(SAGITTAL, 10, 2);
    expect(sagittal.slices[3]?.origin?.[0]).toBe(-6);
    expect(sliceNamed('-6 mm', sagittal)).toBe(3);
  });

  it('knows no millimetres where the file does not say where the slices are', () => {
    expect(sliceNamed('6 mm', stack(UNKNOWN))).toBeNull();
  });

  it('refuses the rest', () => {
    expect(['0', '11', '2.5', 'x', ''].map((text) => sliceNamed(text, axial))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
