import { defineStore } from 'pinia';
import { computed, ref } from 'vue';

import { ApiError, setCsrf, url } from '@/api/client';
import { getSession, logIn, logOut, logOutEverywhere } from '@/api/sessions';
import type { SessionInfo } from '@/api/types';
import { useSettings } from './settings';

/** `ended`: there was a session; the page stays as it is below a log-in. */
export type SessionStatus = 'unknown' | 'none' | 'active' | 'ended';

/** The warning shows this long before the end, in seconds. */
export const WARNING_SECONDS = 60;
const TICK = 1000;

/**
 * The user's log-in. The server ends it after a time without calls; work that makes no calls counts
 * too, because the page asks once more before it warns if its user was active meanwhile.
 */
export const useSession = defineStore('session', () => {
  const info = ref<SessionInfo | null>(null);
  const status = ref<SessionStatus>('unknown');
  /** Seconds until the end while the warning shows, else null. */
  const remaining = ref<number | null>(null);
  let endsAt = 0;
  let checkedAt = 0;
  let activeAt = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  let loading: Promise<void> | undefined;

  const login = computed(() => info.value?.login ?? '');
  const isActive = computed(() => status.value === 'active');

  function accept(session: SessionInfo): void {
    info.value = session;
    status.value = 'active';
    setCsrf('user', session.csrf);
    expect(session.expires_in);
    timer ??= setInterval(tick, TICK);
  }

  /** The server says the session ends in so many seconds unless something happens. */
  function expect(seconds: number): void {
    checkedAt = Date.now();
    endsAt = checkedAt + seconds * 1000;
    remaining.value = null;
  }

  function tick(): void {
    const left = Math.ceil((endsAt - Date.now()) / 1000);
    if (left > WARNING_SECONDS) return;
    if (left <= 0) end();
    else if (activeAt > checkedAt) void renew();
    else remaining.value = left;
  }

  /** Note that the user works; the session is renewed when its end comes near. */
  function touch(): void {
    if (remaining.value === null) activeAt = Date.now();
  }

  /** Renew now ("Stay"). */
  async function renew(): Promise<void> {
    activeAt = 0;
    try {
      accept(await getSession());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) end();
    }
  }

  function end(): void {
    if (status.value !== 'active') return;
    stop();
    status.value = 'ended';
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
    remaining.value = null;
    setCsrf('user', '');
  }

  async function find(): Promise<void> {
    try {
      accept(await getSession());
      await useSettings().load();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 401) throw error;
      status.value = 'none';
    }
  }

  /** Find the session of the cookie, once per page. Throws ApiError if the server cannot say. */
  function load(): Promise<void> {
    if (status.value !== 'unknown') return Promise.resolve();
    loading ??= find().finally(() => (loading = undefined));
    return loading;
  }

  /** Go on with the session of a link, which the page has the token of. */
  async function enterLink(): Promise<void> {
    accept(await getSession());
  }

  /** Open a session. True if it belongs to the same user as the one that ended on this page. */
  async function enter(user: string, password: string): Promise<boolean> {
    const before = info.value?.login;
    accept(await logIn(user, password));
    await useSettings().load();
    return before === undefined || before === info.value?.login;
  }

  /** Log out, from this browser or from all. */
  async function leave(everywhere = false): Promise<void> {
    await useSettings().flush();
    try {
      await (everywhere ? logOutEverywhere() : logOut());
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    }
    stop();
    const isSignedOn = info.value?.sign_on;
    info.value = null;
    status.value = 'none';
    useSettings().forget();
    // The provider has a session, too.
    if (isSignedOn) location.assign(url('v2/sign-on/logout'));
  }

  return { info, status, remaining, login, isActive, load, enter, enterLink, leave, renew, touch, end, expect };
});
