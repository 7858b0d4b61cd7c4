import { api, url } from './client';
import type { AuditEntry, AuditReport } from './types';

export interface AuditConditions {
  user: string;
  action: string;
  patient: string;
  after: string;
  before: string;
}

export interface AuditQuery extends AuditConditions {
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

export interface AuditPage {
  total: number;
  offset: number;
  entries: AuditEntry[];
}

export const listAudit = (query: AuditQuery, signal?: AbortSignal) => api.get<AuditPage>('v2/admin/audit', { query: { ...query }, signal });
/** Address of the filtered audit as a file. */
export const auditFile = (format: 'csv' | 'jsonl', conditions: AuditConditions) => url('v2/admin/audit/export', { ...conditions, format });
export const verifyAudit = () => api.post<AuditReport>('v2/admin/audit/verify');
