import { api } from './client';
import type { OpenSession, SessionInfo, Version } from './types';

export const getSession = () => api.get<SessionInfo>('v2/session');
export const logIn = (user: string, password: string) => api.post<SessionInfo>('v2/login', { user, password });
export const logOut = () => api.post<void>('v2/logout');
export const changePassword = (old: string, next: string) => api.post<void>('v2/password', { old, new: next });
export const listSessions = async () => (await api.get<{ sessions: OpenSession[] }>('v2/sessions')).sessions;
export const endSession = (id: string) => api.delete<void>(`v2/sessions/${encodeURIComponent(id)}`);
export const logOutEverywhere = () => api.delete<void>('v2/sessions');
export const getVersion = () => api.get<Version>('v2/version');

export const getAdministrator = () => api.get<SessionInfo>('v2/admin/session');
export const logInAdministrator = (user: string, password: string) =>
  api.post<SessionInfo>('v2/admin/login', { user, password });
export const logOutAdministrator = () => api.post<void>('v2/admin/logout');
export const changeAdministratorPassword = (old: string, next: string) =>
  api.post<void>('v2/admin/password', { old, new: next });
