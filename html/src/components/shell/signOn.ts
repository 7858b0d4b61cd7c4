import { defineAsyncComponent } from 'vue';

import { addRareTexts, type Files } from '@/i18n';

const FILES: Files = { en: () => import('@/locales/en/entry/sign-on.json'), ru: () => import('@/locales/ru/entry/sign-on.json') };

/** The button of single sign-on with its texts: loaded only where there is single sign-on. */
export const SignOn = defineAsyncComponent(async () => {
  const [component] = await Promise.all([import('./SignOn.vue'), addRareTexts('signOn', FILES)]);
  return component;
});
