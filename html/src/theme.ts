import type { ThemeDefinition } from 'vuetify';

/** Colours of the pages. The viewer is always dark around pictures; lists and panel know both. */
export const dark = {
  background: '#101418',
  surface: '#181D23',
  'surface-variant': '#232A32',
  'surface-bright': '#20262D',
  'on-background': '#D7DCE2',
  'on-surface': '#D7DCE2',
  'on-surface-variant': '#D7DCE2',
  secondary: '#9AA5B1',
  'on-secondary': '#101418',
  primary: '#5AB0F0',
  'on-primary': '#06121C',
  error: '#FF7B72',
  'on-error': '#2A0A07',
  warning: '#FFB347',
  'on-warning': '#2B1B00',
  success: '#5CD0A0',
  'on-success': '#03210F',
  info: '#5AB0F0',
  'on-info': '#06121C',
  control: '#6B7682',
} as const;

export const light = {
  background: '#FAFBFC',
  surface: '#FFFFFF',
  'surface-variant': '#EAEEF2',
  'surface-bright': '#FFFFFF',
  'on-background': '#1B2128',
  'on-surface': '#1B2128',
  'on-surface-variant': '#1B2128',
  secondary: '#55606C',
  'on-secondary': '#FFFFFF',
  primary: '#0B63A8',
  'on-primary': '#FFFFFF',
  error: '#B3261E',
  'on-error': '#FFFFFF',
  warning: '#8A5300',
  'on-warning': '#FFFFFF',
  success: '#0B6B45',
  'on-success': '#FFFFFF',
  info: '#0B63A8',
  'on-info': '#FFFFFF',
  control: '#7A858F',
} as const;

/** Names of the colours, available in CSS as `rgb(var(--v-theme-<name>))`. */
export type ThemeColour = keyof typeof dark;

const variables = {
  'border-opacity': 0.16,
  'high-emphasis-opacity': 1,
  'medium-emphasis-opacity': 0.86,
  'disabled-opacity': 0.5,
};

export const themes: Record<'dark' | 'light', ThemeDefinition> = {
  dark: { dark: true, colors: { ...dark }, variables: { ...variables, 'border-color': '#FFFFFF' } },
  light: { dark: false, colors: { ...light }, variables: { ...variables, 'border-color': '#101418' } },
};

/** Colours of the anatomical planes; never the only sign, each has its letter and dash pattern. */
export const planes = {
  axial: { colour: '#FFD43B', dash: '' },
  coronal: { colour: '#4DABF7', dash: '8 4' },
  sagittal: { colour: '#E64980', dash: '2 4' },
} as const;
