import type { LinkRequest } from '@/app/linkTab';

import { api, type Audience, type QueryValue } from './client';
import type { CreatedLink, LinkOpening, LinkOptions, LinkPage, LinkQueries, LinkSearch, NewLink, SharedLink } from './types';

export interface LinkQuery extends LinkSearch {
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

/** A user has his own links, the administrator all. */
const lists: Readonly<Record<Audience, string>> = { user: 'v2/links', administrator: 'v2/admin/links' };
const path = (whose: Audience, id: string) => `${lists[whose]}/${encodeURIComponent(id)}`;

export const openLink = (request: LinkRequest, password?: string) =>
  api.post<LinkOpening>('v2/link-openings', { ...request, ...(password ? { password } : {}) });
/** End the session of the link that this tab has opened. */
export const closeLink = () => api.delete<void>('v2/session');

export const createLink = (link: NewLink) => api.post<CreatedLink>('v2/links', link);
export const linkOptions = () => api.get<LinkOptions>('v2/links/options');
export const listLinks = (whose: Audience, query: LinkQuery, signal?: AbortSignal) =>
  api.get<LinkPage>(lists[whose], { query: { ...query } as Record<string, QueryValue>, signal });
/** The addresses of a link, to be copied; the audit is told. */
export const linkQueries = (whose: Audience, id: string) => api.get<LinkQueries>(`${path(whose, id)}/queries`);
export const revokeLink = (whose: Audience, id: string) => api.post<SharedLink>(`${path(whose, id)}/revoke`);
export const signLink = (whose: Audience, id: string) => api.post<SharedLink>(`${path(whose, id)}/sign`);
export const deleteLink = (whose: Audience, id: string) => api.delete<void>(path(whose, id));
