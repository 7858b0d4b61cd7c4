import { api } from './client';
import type { ApiKey, ApiKeyChange, ApiKeyPage, NewApiKey } from './types';

export interface ApiKeyQuery {
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

/** Orders that the server knows. */
export const API_KEY_SORTS = ['id', 'user', 'description', 'created', 'last_used'];
const path = (id: number | string) => `v2/admin/api-keys/${encodeURIComponent(id)}`;

export const listApiKeys = (query: ApiKeyQuery, signal?: AbortSignal) =>
  api.get<ApiKeyPage>('v2/admin/api-keys', { query: { ...query }, signal });
export const createApiKey = (key: NewApiKey) => api.post<ApiKey>('v2/admin/api-keys', key);
export const changeApiKey = (id: number, change: ApiKeyChange) => api.patch<ApiKey>(path(id), change);
export const deleteApiKey = (id: number | string) => api.delete<void>(path(id));
