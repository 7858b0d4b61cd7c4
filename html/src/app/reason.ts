import type { Reason } from '@/api/types';
import { i18n, text } from '@/i18n';
import { formatNumber } from './format';

/**
 * Say in the user's language why an object was put aside, refused or has no picture. `english` is what the server
 * says: it is shown where the page does not know the cause, as of objects that an older server put aside.
 */
export function reasonText(why: Reason | null | undefined, english: string): string {
  const key = `reason.${why?.code ?? ''}`;
  if (!why || !i18n.global.te(key)) return english;
  const written = Object.entries(why.values ?? {}).map(([name, value]) => [name, typeof value === 'number' ? formatNumber(value) : value]);
  return text(key, Object.fromEntries(written));
}
