import { i18n, text } from '@/i18n';
import { useSettings } from '@/stores/settings';

const two = (value: number) => String(value).padStart(2, '0');

function isRussian(): boolean {
  const format = useSettings().get('date.format', 'language');
  return format === 'ru' || (format === 'language' && i18n.global.locale.value === 'ru');
}

const day = (year: string, month: string, date: string) =>
  isRussian() ? `${date}.${month}.${year}` : `${year}-${month}-${date}`;

/** Write a date of the server, `YYYY-MM-DD`; empty stays empty. */
export function formatDate(value: string | null | undefined): string {
  const [year, month, date] = (value ?? '').slice(0, 10).split('-');
  return year && month && date ? day(year, month, date) : '';
}

/**
 * Write a date with time. A study's own time has no zone and is shown as it is in the file;
 * times with a zone are shown in the browser's.
 */
export function formatDateTime(value: string | null | undefined, seconds = false): string {
  if (!value) return '';
  if (!/(Z|[+-]\d\d:?\d\d)$/.test(value)) {
    const time = value.slice(11, 16);
    return formatDate(value) + (time ? ` ${time}` : '');
  }
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) return '';
  const written = day(String(moment.getFullYear()), two(moment.getMonth() + 1), two(moment.getDate()));
  return `${written} ${two(moment.getHours())}:${two(moment.getMinutes())}${seconds ? `:${two(moment.getSeconds())}` : ''}`;
}

/** Write a moment with the time zone of the browser, such as `2026-12-31 14:05:09 GMT+3`. */
export function formatMoment(value: string): string {
  const zone = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(new Date(value)).find((part) => part.type === 'timeZoneName');
  return `${formatDateTime(value, true)} ${zone?.value ?? ''}`.trim();
}

/** Write a DICOM person name: the first group that says something, components parted by spaces. */
export function formatName(value: string): string {
  const groups = value.split('=').map((group) => group.split('^').map((part) => part.trim()).filter(Boolean).join(' '));
  return groups.find(Boolean) ?? '';
}

/** Write a number with thin spaces between groups of digits. */
export function formatNumber(value: number, digits = 0): string {
  const language = i18n.global.locale.value;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const written = new Intl.NumberFormat(language, options).format(value);
  return language === 'en' ? written.replaceAll(',', '\u202f') : written;
}

const UNITS = ['unit.b', 'unit.kb', 'unit.mb', 'unit.gb', 'unit.tb'];

/** Write a number of bytes with a decimal unit, three digits at most. */
export function formatSize(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${formatNumber(value, power > 0 && value < 10 ? 1 : 0)}\u00a0${text(UNITS[power]!)}`;
}

/** Write a length of time in seconds as `1:05` or `2:03:09`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Write a DICOM age string, `045Y`, as `45 y` in the page's language. */
export function formatAge(value: string): string {
  const match = /^0*(\d+)([YMWD])$/.exec(value.trim());
  if (!match) return value;
  const keys: Record<string, string> = { Y: 'age.years', M: 'age.months', W: 'age.weeks', D: 'age.days' };
  return text(keys[match[2]!]!, { n: Number(match[1]) }, Number(match[1]));
}
