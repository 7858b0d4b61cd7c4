import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, vi } from 'vitest';

import { setCsrf } from '@/api/client';
import { setLanguage } from '@/i18n';

beforeEach(async () => {
  localStorage.clear();
  sessionStorage.clear();
  setActivePinia(createPinia());
  await setLanguage('en');
});

afterEach(() => {
  vi.useRealTimers();
  setCsrf('user', '');
  setCsrf('administrator', '');
});
