import { basePath } from '@/app/base';

/** An answer that is not a success, or no answer at all (`code` is then `unreachable`, `status` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    /** Stable key, see the server's error table. */
    readonly code: string,
    /** English text of the server; shown as it is only where no translation of the code exists. */
    message: string,
    /** HTTP status; 0 where the server did not answer. */
    readonly status: number,
    /** Seconds to wait before the next attempt, where the server says so. */
    readonly retryAfter?: number,
    /** What a translation needs, by name. */
    readonly values: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Whose session a call belongs to. The two are never mixed. */
export type Audience = 'user' | 'administrator';

export type QueryValue = string | number | boolean | null | undefined;

export interface CallOptions {
  query?: Record<string, QueryValue>;
  signal?: AbortSignal | undefined;
  /** Default: by the path. */
  audience?: Audience;
}

interface Watchers {
  /** The session of `audience` is not valid (any more). */
  unauthenticated: (audience: Audience) => void;
  /** A call of `audience` was answered: its session is alive. */
  alive: (audience: Audience) => void;
}

const csrf: Record<Audience, string> = { user: '', administrator: '' };
const watchers: Watchers = { unauthenticated: () => undefined, alive: () => undefined };
/** Undefined as long as the cookie says who calls; null in a tab for a link that is not open yet. */
let bearer: string | null | undefined;
let send: typeof fetch = (input, init) => fetch(input, init);

/** Address of `path` (relative to the base path, without a leading slash). */
export function url(path: string, query?: Record<string, QueryValue>): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') parameters.set(key, String(value));
  }
  const text = parameters.toString();
  return basePath + path + (text ? `?${text}` : '');
}

/** Address of a WebSocket under the base path. */
export function socketUrl(path: string): string {
  const address = new URL(url(path), location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/** Remember the token that state-changing calls of a session carry; empty forgets it. */
export function setCsrf(audience: Audience, token: string): void {
  csrf[audience] = token;
}

/** Call with the token of an opened link, or with none yet, and never again with the cookie of who is logged in here. */
export function setBearer(token: string | null): void {
  bearer = token;
}

export function watch(functions: Partial<Watchers>): void {
  Object.assign(watchers, functions);
}

/** Replace `fetch`, for tests. */
export function useFetch(replacement: typeof fetch): void {
  send = replacement;
}

function audienceOf(path: string): Audience {
  return path.startsWith('v2/admin/') ? 'administrator' : 'user';
}

async function problemOf(response: Response): Promise<ApiError> {
  const wait = Number(response.headers.get('Retry-After')) || undefined;
  try {
    const { code, message, values } = (await response.json()) as { code?: unknown; message?: unknown; values?: Record<string, string> };
    if (typeof code === 'string') return new ApiError(code, String(message ?? ''), response.status, wait, values);
  } catch {
    // Not ours: a proxy's page, or nothing.
  }
  const code = response.status === 413 ? 'too_large' : response.status >= 502 ? 'unreachable' : 'error';
  return new ApiError(code, `HTTP ${response.status}`, response.status, wait);
}

/**
 * Make a call and return the raw answer. Throws ApiError; an abort keeps its own AbortError.
 */
export async function call(method: string, path: string, body?: BodyInit, options: CallOptions = {}): Promise<Response> {
  const audience = options.audience ?? audienceOf(path);
  const headers = new Headers({ Accept: 'application/json' });
  if (method !== 'GET' && csrf[audience]) headers.set('X-CSRF-Token', csrf[audience]);
  if (typeof body === 'string') headers.set('Content-Type', 'application/json');
  else if (body !== undefined) headers.set('Content-Type', 'application/octet-stream');
  if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
  let response: Response;
  try {
    response = await send(url(path, options.query), {
      method,
      headers,
      credentials: bearer === undefined ? 'same-origin' : 'omit',
      ...(body === undefined ? {} : { body }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError('unreachable', 'The server does not answer', 0);
  }
  if (response.ok) {
    watchers.alive(audience);
    return response;
  }
  const problem = await problemOf(response);
  if (response.status === 401 && !/\/(login|session)$/.test(path)) watchers.unauthenticated(audience);
  throw problem;
}

async function json<T>(method: string, path: string, body: unknown, options?: CallOptions): Promise<T> {
  const response = await call(method, path, body === undefined ? undefined : JSON.stringify(body), options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Typed JSON calls; paths are relative to the base path, e.g. `v2/studies`. */
export const api = {
  get: <T>(path: string, options?: CallOptions) => json<T>('GET', path, undefined, options),
  post: <T>(path: string, body?: unknown, options?: CallOptions) => json<T>('POST', path, body, options),
  put: <T>(path: string, body?: unknown, options?: CallOptions) => json<T>('PUT', path, body, options),
  patch: <T>(path: string, body?: unknown, options?: CallOptions) => json<T>('PATCH', path, body, options),
  delete: <T>(path: string, options?: CallOptions) => json<T>('DELETE', path, undefined, options),
};
