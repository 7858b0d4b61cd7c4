/** How long a message takes to the server and back, whatever is drawn meanwhile. */
import type { ClientMessage, Pong } from './wire';

export const PING_MS = 5_000;
/** The page answers late while it works, so the shortest of so many says what the line needs. */
const TRIPS = 3;

export interface LineClockOptions {
  send(message: ClientMessage): boolean;
  now(): number;
}

export class LineClock {
  private trips: number[] = [];
  private asked: { readonly id: number; readonly time: number } | null = null;
  private next = 1;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly options: LineClockOptions) {}

  /** Milliseconds, the shortest of the last ones; null before the first answer. */
  get roundTrip(): number | null {
    return this.trips.length > 0 ? Math.min(...this.trips) : null;
  }

  start(): void {
    this.stop();
    this.timer = setInterval(() => {
      this.ask();
    }, PING_MS);
    this.ask();
  }

  /** What was measured on a lost line says nothing about the next one. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.asked = null;
    this.trips = [];
  }

  answered({ id }: Pong): void {
    if (this.asked?.id !== id) return;
    this.trips = [...this.trips, this.options.now() - this.asked.time].slice(-TRIPS);
    this.asked = null;
  }

  private ask(): void {
    // One that is still on its way will tell; asking again would forget it.
    if (this.asked !== null) return;
    const asked = { id: this.next, time: this.options.now() };
    this.next += 1;
    if (this.options.send({ type: 'ping', id: asked.id })) this.asked = asked;
  }
}
