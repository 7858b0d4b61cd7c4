import { api, call, url, type QueryValue } from './client';
import type { ArchiveAddress, StudyDetail, StudyPage, StudyQuery } from './types';

export const listStudies = (query: Partial<StudyQuery>, signal?: AbortSignal) =>
  api.get<StudyPage>('v2/studies', { query: { ...query } as Record<string, QueryValue>, signal });
export const getStudy = (study: string, signal?: AbortSignal) =>
  api.get<StudyDetail>(`v2/studies/${encodeURIComponent(study)}`, { signal });
/** An address at which the ZIP of a study can be fetched once; it starts behind the base path. */
export const createArchive = (study: string) => api.post<ArchiveAddress>(`v2/studies/${encodeURIComponent(study)}/archive`);
export const deleteStudy = (study: string) => api.delete<void>(`v2/studies/${encodeURIComponent(study)}`);

const thumbnailPath = (study: string, series: string) =>
  `v2/studies/${encodeURIComponent(study)}/series/${encodeURIComponent(series)}/thumbnail`;

/** Address of a series' thumbnail, for an `img`; `version` makes it cacheable. */
export const thumbnailUrl = (study: string, series: string, version: string, size = 96) =>
  url(thumbnailPath(study, series), { size, version });

/** The same picture, by the rights of the page instead of the cookie. */
export const fetchThumbnail = async (study: string, series: string, version: string, size = 96): Promise<Blob> =>
  (await call('GET', thumbnailPath(study, series), undefined, { query: { size, version } })).blob();
