import { api } from './client';
import type { Licensing } from './types';

const OF_USER = (user: string) => `v2/admin/users/${encodeURIComponent(user)}/licence`;

export const getLicence = () => api.get<Licensing>('v2/admin/licence');
/** Activate a licence of the server; `key` may be the content of its file. */
export const activateLicence = (key: string) => api.post<Licensing>('v2/admin/licence', { key });
export const activateTrial = () => api.post<Licensing>('v2/admin/licence/trial');
export const activatePersonalKey = (user: string, key: string) => api.put<void>(OF_USER(user), { key });
export const deletePersonalKey = (user: string) => api.delete<void>(OF_USER(user));
