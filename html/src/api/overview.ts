import { api } from './client';
import type { Overview } from './types';

export const getOverview = (signal?: AbortSignal) => api.get<Overview>('v2/admin/overview', { signal });
