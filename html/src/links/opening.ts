import { onBeforeUnmount, ref, shallowRef, watch } from 'vue';

import { ApiError } from '@/api/client';
import { closeLink, openLink } from '@/api/links';
import { formerLink, keepLink, linkTab } from '@/app/linkTab';
import { useSession } from '@/stores/session';

/** What the page of a link shows. `full`: no place is free; `away`: the server does not answer. */
export type OpeningState = 'opening' | 'ready' | 'invalid' | 'password' | 'full' | 'throttled' | 'away' | 'problem' | 'ended';

const SEAT_SECONDS = 15;
const AWAY_SECONDS = 5;
const TICK = 1000;

/** Opens the link of this tab, once, and tries again by itself where waiting helps. */
export function useLinkOpening() {
  const session = useSession();
  const state = ref<OpeningState>('opening');
  /** Seconds until the next attempt. */
  const wait = ref(0);
  const isWrong = ref(false);
  const problem = shallowRef<unknown>(null);
  let password: string | undefined;
  let countdown: ReturnType<typeof setInterval> | undefined;

  function tryLater(next: OpeningState, seconds: number, then: () => void): void {
    state.value = next;
    clearInterval(countdown);
    wait.value = Math.ceil(seconds);
    countdown = setInterval(() => {
      wait.value -= 1;
      if (wait.value > 0) return;
      clearInterval(countdown);
      then();
    }, TICK);
  }

  function refused(error: unknown): void {
    problem.value = error;
    const { code, retryAfter, values } = error instanceof ApiError ? error : new ApiError('error', '', 0);
    if (code === 'link_invalid') state.value = 'invalid';
    else if (code === 'link_password') {
      isWrong.value = values['wrong'] === 'true';
      password = undefined;
      state.value = 'password';
    } else if (code === 'no_seat') tryLater('full', retryAfter ?? SEAT_SECONDS, attempt);
    else if (code === 'throttled') tryLater('throttled', retryAfter ?? 1, () => (password === undefined ? attempt() : (state.value = 'password')));
    else if (code === 'unreachable') tryLater('away', AWAY_SECONDS, attempt);
    else state.value = 'problem';
  }

  async function open(): Promise<void> {
    if (linkTab.request) {
      if (state.value !== 'password') state.value = 'opening';
      // Whoever opens one link after another in a tab holds one place.
      if (formerLink()) {
        await closeLink().catch(() => undefined);
        keepLink(null);
      }
      const { token, study, series, anonymised, download, mode } = await openLink(linkTab.request, password);
      keepLink({ token, study, series, anonymised, download, mode });
    }
    await session.enterLink();
    state.value = 'ready';
  }

  async function attempt(): Promise<void> {
    try {
      await open();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) end();
      else refused(error);
    }
  }

  function end(): void {
    keepLink(null);
    state.value = 'ended';
  }

  async function enter(typed: string): Promise<void> {
    password = typed;
    await attempt();
  }

  watch(() => session.status, (status) => status === 'ended' && end());
  onBeforeUnmount(() => clearInterval(countdown));
  void attempt();

  return {
    state, wait, isWrong, problem, attempt, enter,
    /** After a reload the secrets are gone: the link has to be followed once more. */
    canOpenAgain: linkTab.request !== null,
  };
}
