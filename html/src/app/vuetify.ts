import 'vuetify/styles/core';
import '@fontsource-variable/inter/wght.css';
import '@/styles/page.css';

import { createVuetify } from 'vuetify';
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg';
import { en, ru } from 'vuetify/locale';

import { themes } from '@/theme';

export const vuetify = createVuetify({
  theme: { defaultTheme: 'dark', themes },
  icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
  locale: { locale: 'en', fallback: 'en', messages: { en, ru } },
  defaults: {
    global: { ripple: false },
    VBtn: { variant: 'flat', rounded: 'md', height: 36, class: 'text-none' },
    VTextField: { variant: 'outlined', density: 'compact', hideDetails: 'auto', color: 'primary' },
    VSelect: { variant: 'outlined', density: 'compact', hideDetails: 'auto', color: 'primary' },
    VCheckbox: { density: 'compact', hideDetails: true, color: 'primary' },
    VSwitch: { density: 'compact', hideDetails: true, color: 'primary', inset: true },
    VRadioGroup: { density: 'compact', hideDetails: true, color: 'primary' },
    // Not eager: an empty tooltip in the page is one without a name.
    VTooltip: { openDelay: 400, openOnFocus: true, transition: false, eager: false },
    VMenu: { transition: false },
    VDialog: { transition: false },
    VList: { density: 'compact' },
  },
});
