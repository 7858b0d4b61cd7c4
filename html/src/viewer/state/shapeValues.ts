/** What shapes measure: asked of the server through a viewport of their series, and written in the reader's language. */
import { formatNumber } from '@/app/format';
import { labelLines, type Words } from '@/core/measurement/labels';
import type { MeasurementList } from '@/core/measurement/list';
import { questionOf } from '@/core/measurement/question';
import { Questions } from '@/core/measurement/questions';
import type { Shape } from '@/core/measurement/shape';
import type { Measured, MeasureQuestion } from '@/core/wire';
import { text } from '@/i18n';
import { useSettings } from '@/stores/settings';

import type { MeasuredViewport } from './measuringEntry';
import type { Workspace } from './workspace';

const WORDS: Words = {
  t: (key, named = {}) => text(key, named),
  // Groups of digits are parted by narrow spaces; no number is "-0".
  get centimetres() {
    return useSettings().get('viewer.units', 'mm') === 'cm';
  },
  number: (value, digits) => formatNumber(Number(value.toFixed(digits)) + 0, digits).replaceAll('\u00a0', '\u202f'),
};

interface Owner {
  readonly list: MeasurementList;
  readonly series: string;
}

/** Viewports of the study in front, of the window that it shows. */
export function visibleViewports({ volume, state }: Workspace): readonly MeasuredViewport[] {
  return volume ? volume.session.viewports : (state.current?.viewports ?? []);
}

export class ShapeValues {
  private readonly owners = new Map<number, Owner>();
  /** Of which shape a question was. */
  private readonly asked = new WeakMap<MeasureQuestion, Shape>();
  private readonly questions: Questions;
  private readonly stops: readonly (() => void)[];

  /** `learnt` hears of every new value. */
  constructor(
    private readonly workspace: Workspace,
    private readonly learnt: (id: number) => void,
  ) {
    const { connection } = workspace;
    this.questions = new Questions({
      send: (shape, id, question) => this.send(shape, id, question),
      answered: (shape, question, answer) => {
        this.learn(shape, question, answer);
      },
      later: (milliseconds, callback) => {
        const timer = setTimeout(callback, milliseconds);
        return () => {
          clearTimeout(timer);
        };
      },
    });
    this.stops = [
      connection.on('measured', (message) => {
        this.questions.answer(message);
      }),
      connection.on('state', (state) => {
        if (state === 'lost' || state === 'ended') this.questions.lost();
        else this.questions.pump();
      }),
    ];
  }

  dispose(): void {
    for (const stop of this.stops) stop();
    this.questions.stop();
  }

  own(id: number, owner: Owner): void {
    this.owners.set(id, owner);
  }

  ask(id: number, shape: Shape): void {
    const question = questionOf(shape);
    if (!question) return;
    this.asked.set(question, shape);
    this.questions.ask(id, question);
  }

  /** Whether an answer is still to come. */
  isOpen(id: number): boolean {
    return this.questions.isOpen(id);
  }

  forget(id: number): void {
    this.questions.forget(id);
  }

  textOf(id: number, shape: Shape & { readonly label?: string }, list: MeasurementList): readonly string[] {
    const series = this.owners.get(id)?.series;
    const viewport = visibleViewports(this.workspace).find(({ source, stack }) => stack && source.series === series);
    return labelLines(shape, list.reading(id, shape).measured, WORDS, viewport?.stack?.colour ?? false);
  }

  private send(shape: number, id: number, question: MeasureQuestion): boolean {
    const series = this.owners.get(shape)?.series;
    const viewport = visibleViewports(this.workspace).find(
      ({ source, status }) => source.series === series && status === 'ready',
    );
    if (!viewport) return false;
    return this.workspace.connection.send({ ...question, type: 'measure', viewport: viewport.id, id });
  }

  private learn(id: number, question: MeasureQuestion, answer: Measured): void {
    const shape = this.asked.get(question);
    if (shape) this.owners.get(id)?.list.learn(id, shape, answer);
    this.learnt(id);
  }
}
