import { api, url } from './client';
import type { JournalEvent, RetentionDays } from './types';

export interface JournalConditions {
  user: string;
  event: string;
  after: string;
  before: string;
}

export interface JournalQuery extends JournalConditions {
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

export interface JournalPage {
  total: number;
  offset: number;
  events: JournalEvent[];
}

export const listJournal = (query: JournalQuery, signal?: AbortSignal) =>
  api.get<JournalPage>('v2/admin/journal', { query: { ...query }, signal });
/** Address of the filtered journal as a file. */
export const journalFile = (conditions: JournalConditions) => url('v2/admin/journal/export', { ...conditions });
export const getRetention = () => api.get<RetentionDays>('v2/admin/retention');
export const putRetention = (days: RetentionDays) => api.put<void>('v2/admin/retention', days);
