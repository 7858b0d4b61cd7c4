/**
 * What is asked of the server about shapes. Nothing queues: of a shape one question is on its way at most, and of those that
 * wait only the newest counts.
 */
import type { Measured, MeasureQuestion } from '../wire';

export interface QuestionLine {
  /** False if nobody can be asked now. */
  send(shape: number, id: number, question: MeasureQuestion): boolean;
  answered(shape: number, question: MeasureQuestion, answer: Measured): void;
  /** Calls back after so many milliseconds; the function returned ends it. */
  later(milliseconds: number, callback: () => void): () => void;
}

const IN_FLIGHT = 3;
const RETRY_MS = 250;
const LOST_MS = 5_000;
/** A question that is never answered is not asked for ever. */
const ATTEMPTS = 3;
const AGAIN: ReadonlySet<string> = new Set(['not_loaded', 'busy']);

interface Flight {
  readonly shape: number;
  readonly question: MeasureQuestion;
  readonly attempt: number;
  readonly end: () => void;
}

interface Waiting {
  readonly question: MeasureQuestion;
  readonly attempt: number;
}

export class Questions {
  private readonly waiting = new Map<number, Waiting>();
  private readonly flights = new Map<number, Flight>();
  private nextId = 1;
  private retry: (() => void) | null = null;

  constructor(private readonly line: QuestionLine) {}

  ask(shape: number, question: MeasureQuestion): void {
    this.waiting.set(shape, { question, attempt: 1 });
    this.pump();
  }

  /** Whether an answer about a shape is still to come. */
  isOpen(shape: number): boolean {
    return this.waiting.has(shape) || [...this.flights.values()].some((flight) => flight.shape === shape);
  }

  forget(shape: number): void {
    this.waiting.delete(shape);
  }

  answer(message: Measured): void {
    const flight = this.land(message.id);
    if (!flight) return;
    const { shape, question, attempt } = flight;
    if (AGAIN.has(message.code)) {
      this.keep(shape, { question, attempt });
      this.tryLater();
    } else this.line.answered(shape, question, message);
    this.pump();
  }

  /** The line is gone with all that was on its way. */
  lost(): void {
    for (const id of [...this.flights.keys()]) {
      const flight = this.land(id);
      if (flight) this.keep(flight.shape, flight);
    }
  }

  /** Nobody wants to know any more. */
  stop(): void {
    this.waiting.clear();
    for (const id of [...this.flights.keys()]) this.land(id);
    this.retry?.();
    this.retry = null;
  }

  /** Asks what waits, if somebody can be asked. */
  pump(): void {
    const flying = new Set([...this.flights.values()].map(({ shape }) => shape));
    for (const [shape, { question, attempt }] of [...this.waiting]) {
      if (this.flights.size >= IN_FLIGHT) return;
      if (flying.has(shape) || this.retry) continue;
      const id = this.nextId;
      this.nextId = (this.nextId % 0xffffffff) + 1;
      if (!this.line.send(shape, id, question)) {
        this.tryLater();
        return;
      }
      this.waiting.delete(shape);
      const end = this.line.later(LOST_MS, () => {
        this.unanswered(id);
      });
      this.flights.set(id, { shape, question, attempt, end });
    }
  }

  private unanswered(id: number): void {
    const flight = this.land(id);
    if (flight && flight.attempt < ATTEMPTS) this.keep(flight.shape, { ...flight, attempt: flight.attempt + 1 });
    this.pump();
  }

  private land(id: number): Flight | undefined {
    const flight = this.flights.get(id);
    flight?.end();
    this.flights.delete(id);
    return flight;
  }

  /** Unless a newer question waits. */
  private keep(shape: number, { question, attempt }: Waiting): void {
    if (!this.waiting.has(shape)) this.waiting.set(shape, { question, attempt });
  }

  private tryLater(): void {
    this.retry ??= this.line.later(RETRY_MS, () => {
      this.retry = null;
      this.pump();
    });
  }
}
