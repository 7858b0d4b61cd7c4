import { ApiError, api, call } from './client';
import type { UploadState } from './types';

/** State of an upload by the SHA-256 of the file, or null if the server does not know it. */
export async function getUpload(digest: string, signal?: AbortSignal): Promise<UploadState | null> {
  try {
    return await api.get<UploadState>(`v2/uploads/${digest}`, { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

export interface Part {
  digest: string;
  name: string;
  size: number;
  offset: number;
  content: Blob;
}

export async function putPart(part: Part, signal?: AbortSignal): Promise<UploadState> {
  const query = { offset: part.offset, size: part.size, name: part.name };
  const response = await call('PUT', `v2/uploads/${part.digest}`, part.content, { query, signal });
  return (await response.json()) as UploadState;
}

export const deleteUpload = (digest: string) => api.delete<void>(`v2/uploads/${digest}`);
