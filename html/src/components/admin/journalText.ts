import type { JournalEvent } from '@/api/types';
import { formatDateTime, formatDuration } from '@/app/format';
import { i18n, text } from '@/i18n';

export const JOURNAL_EVENTS: readonly JournalEvent['event'][] = [
  'administrator-login-failed', 'user-login-failed', 'session-opened', 'session-closed', 'session-timed-out', 'user-changed', 'node-changed', 'server-changed',
  'licence-activated', 'licence-deleted', 'licence-refused', 'licence-expired', 'clock-set-back',
];

export const eventText = (event: string): string => text(`journal.event.${event}`);

/** Values that are words of ours; the rest is shown as it is. */
const WORDS: Record<string, string> = { reason: 'journal.reason', kind: 'journal.kind', change: 'journal.change', new_status: 'journal.status', licence: 'licence.type' };
/** Order in which details are told: what happened first, from where last. */
const ORDER = [
  'change', 'affected', 'attempted', 'old_login', 'new_login', 'new_status', 'password', 'old_ae_title', 'new_ae_title', 'old_node', 'new_node',
  'licence', 'key', 'ends', 'reason', 'seconds', 'kind', 'closed_session', 'session', 'address',
];

function valueText(key: string, value: unknown): string {
  if (key === 'seconds') return formatDuration(Number(value));
  if (key === 'ends') return formatDateTime(String(value));
  const words = WORDS[key] ? [`${WORDS[key]}.${String(value)}`] : [];
  // Why a licence was refused is said as its page says it.
  if (key === 'reason') words.push(`problem.${String(value)}`);
  const word = words.find((each) => i18n.global.te(each));
  return word ? text(word) : String(value);
}

/** Details of an event as (label, value), in the language of the page. */
export function detailsOf(event: JournalEvent): [label: string, value: string][] {
  const place = (key: string) => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length);
  return Object.entries(event.details)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([key, value]) => {
      const label = `journal.detail.${key}`;
      const known = i18n.global.te(label) ? text(label) : key;
      return value === true ? [known, ''] : [known, valueText(key, value)];
    });
}

/** Ids are long and alike: their beginning tells them apart for the eye. */
export const shortId = (value: string): string => (/^[0-9a-f]{32}$/.test(value) ? `${value.slice(0, 8)}…` : value);

export const detailsText = (event: JournalEvent): string =>
  detailsOf(event).map(([label, value]) => (value ? `${label}: ${value}` : label)).join('; ');
