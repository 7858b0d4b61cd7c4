/** Why something cannot be done, as texts. */
import type { ViewportProblem } from '@/core/frameViewport';
import type { VolumeProblem } from '@/core/wire';

import type { Reason } from './actions';
import type { Workspace } from './workspace';

/** As vue-i18n's `t`: the number chooses the plural. */
export type TranslateCount = (key: string, named: Record<string, number>, plural: number) => string;

export function reasonText(reason: Reason | null, t: TranslateCount): string {
  if (reason === null) return '';
  return typeof reason === 'string' ? t(reason, {}, 1) : t(reason.key, { n: reason.n }, reason.n);
}

export function problemReason({ code, images }: VolumeProblem): Reason {
  return { key: `viewer.volume_problem.${code.replaceAll('-', '_')}`, n: images };
}

/** Why the series of a failed viewport cannot be a volume; null where something else has failed. */
export function unfitness(problem: ViewportProblem | null): Reason | null {
  if (problem?.code !== 'not_a_volume') return null;
  const { cause, images } = problem.values ?? {};
  return problemReason({ code: cause as VolumeProblem['code'], images: Number(images ?? 0) });
}

/** Why the active series cannot be a volume; null if it can. */
export function volumeReason(workspace: Workspace): Reason | null {
  if (workspace.volume) return null;
  const stack = workspace.active?.stack;
  if (!stack) return 'viewer.reason.no_picture';
  if (stack.volume) return null;
  return problemReason(stack.volume_problem ?? { code: 'too-few', images: stack.slices.length });
}
