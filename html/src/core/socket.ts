/** The connection to `/eventQueue`: hello, reconnection with back-off, silence detection. */
import { Emitter } from './emitter';
import type { ClientMessage, ServerHello, ServerMessage } from './wire';

export const PROTOCOL_VERSION = 1;

/** Close codes after which only the user can go on. */
export const FinalClose = { NotAuthenticated: 4401, Forbidden: 4403, Reload: 4426, SessionEnded: 4440 } as const;
const FINAL_CODES: readonly number[] = Object.values(FinalClose);
/** The node goes away in good order: come back at once. */
const MOVE = 4001;

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;
/** Nothing at all came for this long although an answer is due: the line is dead even if the socket looks open. */
const SILENCE_MS = 12_000;
/** More than this waits in the socket's buffer: previews can only come late. */
const CONGESTED_BYTES = 32 * 1024;

export type SocketState = 'idle' | 'connecting' | 'open' | 'lost' | 'ended';

export interface SocketEvents {
  state: SocketState;
  hello: ServerHello;
  message: ServerMessage;
  frame: ArrayBuffer;
  /** The server closed for good; the code is one of FinalClose. */
  ended: number;
}

/** The part of WebSocket that is used, so that tests can play the server. */
export interface SocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface SocketOptions {
  readonly url: string;
  readonly token?: string | null;
  readonly make?: (url: string) => SocketLike;
  readonly random?: () => number;
}

const OPEN = 1;

export class EventSocket extends Emitter<SocketEvents> {
  private socket: SocketLike | null = null;
  private current: SocketState = 'idle';
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private lostSince: number | null = null;
  /** Bytes received since the socket was made, for the traffic figures. */
  received = 0;

  constructor(private readonly options: SocketOptions) {
    super();
  }

  get state(): SocketState {
    return this.current;
  }

  /** When the connection was lost (page clock, ms); null while it stands. */
  get lostAt(): number | null {
    return this.lostSince;
  }

  get congested(): boolean {
    return (this.socket?.bufferedAmount ?? 0) > CONGESTED_BYTES;
  }

  connect(): void {
    if (this.socket !== null || this.current === 'ended') return;
    clearTimeout(this.retry);
    if (this.lostSince === null) this.become('connecting');
    const socket = (this.options.make ?? makeWebSocket)(this.options.url);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.put({ type: 'hello', version: PROTOCOL_VERSION, token: this.options.token ?? null });
    };
    socket.onmessage = ({ data }) => {
      this.receive(data);
    };
    socket.onclose = ({ code }) => {
      this.closed(socket, code);
    };
    this.listen();
  }

  /** Sends if the server has said hello; what the state of a viewport needs is sent again after a reconnection. */
  send(message: ClientMessage): boolean {
    if (this.current !== 'open') return false;
    this.put(message);
    if (message.type !== 'ack' && message.type !== 'close') this.listen();
    return true;
  }

  /** Try again now: the user asked, or the network came back. */
  reconnectNow(): void {
    if (this.current !== 'lost') return;
    this.attempt = 0;
    this.drop();
    this.connect();
  }

  close(): void {
    clearTimeout(this.retry);
    this.drop();
    this.become('ended');
  }

  private put(message: ClientMessage): void {
    if (this.socket?.readyState === OPEN) this.socket.send(JSON.stringify(message));
  }

  private receive(data: unknown): void {
    clearTimeout(this.silence);
    this.silence = undefined;
    if (data instanceof ArrayBuffer) {
      this.received += data.byteLength;
      this.emit('frame', data);
      return;
    }
    if (typeof data !== 'string') return;
    this.received += data.length;
    const message = JSON.parse(data) as ServerMessage;
    if (message.type !== 'hello') {
      this.emit('message', message);
      return;
    }
    this.attempt = 0;
    this.lostSince = null;
    this.become('open');
    this.emit('hello', message);
  }

  /** Starts the silence clock, unless it already runs for an older question. */
  private listen(): void {
    this.silence ??= setTimeout(() => {
      this.lost();
    }, SILENCE_MS);
  }

  private closed(socket: SocketLike, code: number): void {
    if (socket !== this.socket) return;
    if (FINAL_CODES.includes(code)) {
      this.drop();
      this.become('ended');
      this.emit('ended', code);
      return;
    }
    if (code === MOVE) this.attempt = 0;
    this.lost();
  }

  private lost(): void {
    this.drop();
    this.lostSince ??= performance.now();
    this.become('lost');
    const delay = this.attempt === 0 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.attempt - 1));
    // Spread over half the delay: a restarted server must not meet all pages in the same instant.
    const spread = 0.75 + (this.options.random ?? Math.random)() / 2;
    this.attempt += 1;
    this.retry = setTimeout(() => {
      this.connect();
    }, delay * spread);
  }

  private drop(): void {
    clearTimeout(this.silence);
    this.silence = undefined;
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close();
  }

  private become(state: SocketState): void {
    if (state === this.current) return;
    this.current = state;
    this.emit('state', state);
  }
}

function makeWebSocket(url: string): SocketLike {
  return new WebSocket(url) as unknown as SocketLike;
}
