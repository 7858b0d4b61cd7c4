import { ApiError } from '@/api/client';
import type { IngestOutcome, Reason } from '@/api/types';
import { problemText } from '@/app/problem';

/** Why a file did not arrive, or arrived and cannot be used; each has a way out that the page says. */
export type FailureReason =
  | 'not-dicom' | 'damaged' | 'unsupported' | 'conflict' | 'rejected' | 'full' | 'too-large' | 'unreadable' | 'failed';

export interface Failure {
  reason: FailureReason;
  /** Path of the file, with the archive it is in. */
  name: string;
  /** What exactly is wrong, for `reasonText`: the cause, and the server's own words. */
  why: Reason | null;
  detail: string;
}

/** What an upload did to one study. */
export interface StudyResult {
  study: string;
  added: number;
  known: number;
  differs: number;
}

const REASONS: Partial<Record<IngestOutcome['status'], FailureReason>> = {
  'not-dicom': 'not-dicom',
  quarantined: 'damaged',
  conflict: 'conflict',
  rejected: 'rejected',
};

/** The failure that an outcome is, or null. A stored object that has no picture counts as one. */
export function failureOf(outcome: IngestOutcome, file: string): Failure | null {
  const inside = outcome.name && outcome.name !== file && !file.endsWith(`/${outcome.name}`);
  const name = inside ? `${file}/${outcome.name}` : file;
  const reason = REASONS[outcome.status];
  if (reason) return { reason, name, why: outcome.why, detail: outcome.reason };
  return outcome.problem ? { reason: 'unsupported', name, why: outcome.why, detail: outcome.problem } : null;
}

/** The failure that an answer of the server is. */
export function failureOfError(error: unknown, name: string): Failure {
  if (!(error instanceof ApiError)) return { reason: 'failed', name, why: null, detail: '' };
  const reasons: Record<string, FailureReason> = { too_large: 'too-large', storage_full: 'full', damaged: 'damaged' };
  return { reason: reasons[error.code] ?? 'failed', name, why: null, detail: problemText(error) };
}

/** Count an outcome with its study. */
export function countOutcome(results: Map<string, StudyResult>, outcome: IngestOutcome): void {
  if (!outcome.study) return;
  const result = results.get(outcome.study) ?? { study: outcome.study, added: 0, known: 0, differs: 0 };
  if (outcome.status === 'stored') result.added += 1;
  else if (outcome.status === 'duplicate') result.known += 1;
  else if (outcome.status === 'conflict') result.differs += 1;
  results.set(outcome.study, result);
}

const quoted = (value: string) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

/** Write rows as RFC 4180; a leading formula sign is disarmed for spreadsheets. */
export function toCsv(rows: string[][]): string {
  const cell = (value: string) => quoted(/^[=+\-@\t]/.test(value) ? `'${value}` : value);
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}
