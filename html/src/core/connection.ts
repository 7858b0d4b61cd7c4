/** All viewports of the page on one socket: who gets which message, and the traffic figures. */
import { Emitter } from './emitter';
import { HEADER_LENGTH, parseFrameHeader } from './frameHeader';
import { LineClock } from './lineClock';
import type { EventSocket, SocketState } from './socket';
import { ViewportController, type ViewportLine, type ViewportSource } from './viewport';
import type { ModelViewport, PlaneViewport } from './volumeViewport';
import type { ClientMessage, ImageView, Measured, ServerEvent, ServerHello, ServerMessage } from './wire';

export type AnyViewport = ViewportController | PlaneViewport | ModelViewport;

export interface Traffic {
  /** Milliseconds to the server and back; null before the first answer. */
  readonly roundTrip: number | null;
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface ConnectionEvents {
  state: SocketState;
  hello: ServerHello;
  /** Place in the queue for a render slot; null when it is over. */
  queue: number | null;
  /** Seconds until the session ends. */
  ending: number;
  seriesChanged: string;
  renderLost: undefined;
  renderRestored: undefined;
  ended: number;
  /** What a shape measures. */
  measured: Measured;
}

const MEASURE_MS = 2_000;
const MAX_VIEWPORT = 0xffff;

export class ViewerConnection extends Emitter<ConnectionEvents> implements ViewportLine {
  private readonly viewports = new Map<number, AnyViewport>();
  private nextViewport = 1;
  private arrivals: { time: number; bytes: number }[] = [];
  private readonly line = new LineClock({ send: (message) => this.send(message), now: () => performance.now() });
  private queuePlace: number | null = null;
  anonymised = false;

  constructor(readonly socket: EventSocket) {
    super();
    socket.on('state', (state) => {
      if (state === 'open') this.line.start();
      else this.line.stop();
      if (state === 'lost' || state === 'ended') for (const viewport of this.viewports.values()) viewport.onLost();
      this.emit('state', state);
    });
    socket.on('hello', (hello) => {
      this.anonymised = hello.anonymised ?? false;
      this.emit('hello', hello);
      for (const viewport of this.viewports.values()) viewport.onOnline();
    });
    socket.on('message', (message) => {
      this.receive(message);
    });
    socket.on('frame', (message) => {
      this.receiveFrame(message);
    });
    socket.on('ended', (code) => {
      this.emit('ended', code);
    });
  }

  get online(): boolean {
    return this.socket.state === 'open';
  }

  get congested(): boolean {
    return this.socket.congested;
  }

  get traffic(): Traffic {
    const limit = performance.now() - MEASURE_MS;
    this.arrivals = this.arrivals.filter(({ time }) => time > limit);
    const bytes = this.arrivals.reduce((sum, arrival) => sum + arrival.bytes, 0);
    const perSecond = 1000 / MEASURE_MS;
    return {
      roundTrip: this.line.roundTrip,
      framesPerSecond: this.arrivals.length * perSecond,
      bytesPerSecond: bytes * perSecond,
    };
  }

  send(message: ClientMessage): boolean {
    return this.socket.send(message);
  }

  /** A viewport of the Image window. */
  create(source: ViewportSource<ImageView>): ViewportController {
    return this.keep(new ViewportController(this.freeNumber(), source, this));
  }

  /** A viewport of another window; its code is loaded only when it is used. */
  adopt<T extends AnyViewport>(make: (number: number, line: ViewportLine) => T): T {
    return this.keep(make(this.freeNumber(), this));
  }

  dispose(viewport: AnyViewport): void {
    viewport.dispose();
    this.viewports.delete(viewport.id);
  }

  close(): void {
    for (const viewport of [...this.viewports.values()]) this.dispose(viewport);
    this.socket.close();
  }

  private keep<T extends AnyViewport>(viewport: T): T {
    this.viewports.set(viewport.id, viewport);
    return viewport;
  }

  /** A number that late frames of a former viewport do not carry. */
  private freeNumber(): number {
    while (this.viewports.has(this.nextViewport)) this.advance();
    const number = this.nextViewport;
    this.advance();
    return number;
  }

  private advance(): void {
    this.nextViewport = (this.nextViewport % MAX_VIEWPORT) + 1;
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case 'event':
        this.receiveEvent(message);
        return;
      case 'hello':
        return;
      case 'pong':
        this.line.answered(message);
        return;
      case 'error':
        if (message.viewport != null) this.viewports.get(message.viewport)?.onFailed(message);
        return;
      case 'closed':
        this.viewports.get(message.viewport)?.onFailed(message);
        return;
      case 'opened':
        this.setQueue(null);
        this.viewports.get(message.viewport)?.onOpened(message);
        return;
      case 'progress':
        this.viewports.get(message.viewport)?.onProgress(message);
        return;
      case 'answer':
        this.viewports.get(message.viewport)?.onAnswer(message);
        return;
      case 'percentile-values':
        this.viewports.get(message.viewport)?.onPercentiles(message);
        return;
      case 'measured':
        this.emit('measured', message);
    }
  }

  private receiveEvent({ name, series, value }: ServerEvent): void {
    if (name === 'queue') this.setQueue(value ?? null);
    if (name === 'session-ending') this.emit('ending', value ?? 0);
    if (name === 'render-lost') this.emit('renderLost', undefined);
    if (name === 'render-restored') this.emit('renderRestored', undefined);
    if (name === 'series-changed' && series) this.emit('seriesChanged', series);
  }

  private setQueue(place: number | null): void {
    if (place === this.queuePlace) return;
    this.queuePlace = place;
    this.emit('queue', place);
  }

  private receiveFrame(message: ArrayBuffer): void {
    const header = parseFrameHeader(message);
    if (header === null) return;
    this.arrivals.push({ time: performance.now(), bytes: message.byteLength });
    const viewport = this.viewports.get(header.viewport);
    const payload = new Blob([new Uint8Array(message, HEADER_LENGTH)], { type: header.mediaType });
    if (viewport) viewport.onFrame(header, payload);
    else this.send({ type: 'ack', viewport: header.viewport, serial: header.serial, displayed_ms: 0 });
  }
}
