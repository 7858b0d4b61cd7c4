import { api } from './client';
import type { NewUser, OpenSession, User, UserChange, UserPage } from './types';

export type UserSort = 'login' | 'ae_title' | 'active' | 'created' | 'last_login' | 'sessions' | 'storage_node';

export interface UserQuery {
  search: string;
  sort: UserSort;
  descending: boolean;
  offset: number;
  limit: number;
}

const path = (id: string) => `v2/admin/users/${encodeURIComponent(id)}`;

export const listUsers = (query: UserQuery, signal?: AbortSignal) =>
  api.get<UserPage>('v2/admin/users', { query: { ...query }, signal });
export const createUser = (user: NewUser) => api.post<User>('v2/admin/users', user);
export const changeUser = (id: string, change: Partial<UserChange>) => api.patch<User>(path(id), change);
export const deleteUser = (id: string) => api.delete<void>(path(id));
export const getUser = (id: string) => api.get<User>(path(id));
export const endSessions = (id: string) => api.delete<void>(`${path(id)}/sessions`);
export const listUserSessions = async (id: string) => (await api.get<{ sessions: OpenSession[] }>(`${path(id)}/sessions`)).sessions;
export const endUserSession = (id: string, session: string) => api.delete<void>(`${path(id)}/sessions/${encodeURIComponent(session)}`);
