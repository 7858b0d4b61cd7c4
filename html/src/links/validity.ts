/** How long a link works: so many days, until a day, or without end. */
export type Validity = 'never' | 1 | 7 | 30 | 90 | 'date';
export const VALIDITIES: readonly Validity[] = ['never', 1, 7, 30, 90, 'date'];
const DAY_MS = 24 * 3600 * 1000;

/** When a link ends, as the server takes it: a moment with its zone, or null. A day, `YYYY-MM-DD`, counts to its end. */
export function validUntil(validity: Validity, day: string, now = new Date()): string | null {
  if (validity === 'never') return null;
  if (validity !== 'date') return new Date(now.getTime() + validity * DAY_MS).toISOString();
  const end = new Date(`${day}T00:00:00`);
  end.setDate(end.getDate() + 1);
  return end.toISOString();
}

/** Today in the browser's time zone, the earliest last day. */
export function today(now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
