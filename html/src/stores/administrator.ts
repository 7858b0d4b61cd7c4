import { defineStore } from 'pinia';
import { computed, ref } from 'vue';

import { ApiError, setCsrf, url } from '@/api/client';
import { getAdministrator, logInAdministrator, logOutAdministrator } from '@/api/sessions';
import type { SessionInfo } from '@/api/types';
import type { SessionStatus } from './session';
import { useSettings } from './settings';

/** The administrator's log-in: another account, cookie and session than the user's. */
export const useAdministrator = defineStore('administrator', () => {
  const info = ref<SessionInfo | null>(null);
  const status = ref<SessionStatus>('unknown');
  /** The password is still the one that everybody knows. */
  const demo = computed(() => info.value?.demo ?? false);

  function accept(session: SessionInfo): void {
    info.value = session;
    status.value = 'active';
    setCsrf('administrator', session.csrf);
  }

  /** Find the session of the cookie, once per page. */
  async function load(): Promise<void> {
    if (status.value === 'unknown') await refresh();
  }

  async function refresh(): Promise<void> {
    try {
      accept(await getAdministrator());
      await useSettings().serve('administrator');
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      status.value = status.value === 'active' ? 'ended' : 'none';
    }
  }

  async function enter(user: string, password: string): Promise<void> {
    accept(await logInAdministrator(user, password));
    await refresh();
  }

  async function leave(): Promise<void> {
    await useSettings().flush();
    try {
      await logOutAdministrator();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    }
    const isSignedOn = info.value?.sign_on;
    info.value = null;
    status.value = 'none';
    setCsrf('administrator', '');
    useSettings().forget();
    if (isSignedOn) location.assign(url('v2/sign-on/logout'));
  }

  function end(): void {
    if (status.value === 'active') status.value = 'ended';
  }

  return { info, status, demo, load, refresh, enter, leave, end };
});
