import { api } from './client';
import type { QuarantinePage, QuarantineSort } from './types';

export interface QuarantineQuery {
  sort: QuarantineSort;
  descending: boolean;
  offset: number;
  limit: number;
}

/** The administrator's is the shared storage's; a user's own comes with the shared one that he may not change. */
const path = (administrator: boolean) => (administrator ? 'v2/admin/quarantine' : 'v2/quarantine');

export const listQuarantine = (administrator: boolean, query: QuarantineQuery, signal?: AbortSignal) =>
  api.get<QuarantinePage>(path(administrator), { query: { ...query }, signal });
export const deleteQuarantined = (administrator: boolean, item: string) =>
  api.delete<void>(`${path(administrator)}/${encodeURIComponent(item)}`);
