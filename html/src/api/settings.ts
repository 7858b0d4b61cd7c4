import { api, type Audience } from './client';

/** The administrator's pages have settings of their own: he is no user. */
const folder = (owner: Audience) => (owner === 'administrator' ? 'v2/admin/settings' : 'v2/settings');

export const getSettings = async (owner: Audience) => (await api.get<{ values: Record<string, unknown> }>(folder(owner))).values;
export const putSetting = (owner: Audience, key: string, value: unknown) => api.put<void>(`${folder(owner)}/${key}`, { value });
export const deleteSetting = (owner: Audience, key: string) => api.delete<void>(`${folder(owner)}/${key}`);
