import { api } from './client';

export const getSettings = async () => (await api.get<{ values: Record<string, unknown> }>('v2/settings')).values;
export const putSetting = (key: string, value: unknown) => api.put<void>(`v2/settings/${key}`, { value });
export const deleteSetting = (key: string) => api.delete<void>(`v2/settings/${key}`);
