import { setBearer } from '@/api/client';
import type { LinkOpening } from '@/api/types';
import { basePath } from '@/app/base';

/** What an address says of a link: its secrets, or a study by parameters. */
export type LinkRequest =
  | { link: string; deanonymization?: string; download?: string }
  | { parameters: Partial<Record<Parameter, string>> };

/** A link that is open in this browser tab; `series` is the only one of its study that it shows, or null. */
export type OpenedLink = Pick<LinkOpening, 'token' | 'study' | 'series' | 'anonymised' | 'download' | 'mode'>;

interface LinkTab {
  /** This tab is for a link: it has no cookie, no list, no settings. */
  active: boolean;
  /** As the address named it; null after a reload, when the secrets are gone. */
  request: LinkRequest | null;
  opened: OpenedLink | null;
}

const KEY = 'webviewer.link';
const SECRETS = ['link', 'deanonymization', 'download'] as const;
const PARAMETERS = ['user', 'pacsServer', 'studyUid', 'accessionNumber', 'seriesUid'] as const;
type Parameter = (typeof PARAMETERS)[number];

/** The link that a query names, or null. A study of one's own is named by `s`. */
export function linkRequest(query: URLSearchParams): LinkRequest | null {
  const named = <Name extends string>(names: readonly Name[]) =>
    Object.fromEntries(names.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : []))) as Partial<Record<Name, string>>;
  const { link, ...rights } = named(SECRETS);
  if (link) return { link, ...rights };
  const parameters = named(PARAMETERS);
  return !query.has('s') && Object.keys(parameters).length > 0 ? { parameters } : null;
}

function stored(): OpenedLink | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as OpenedLink | null;
    return typeof found?.token === 'string' && typeof found.study === 'string' ? found : null;
  } catch {
    return null;
  }
}

/** Keep the opened link for a reload of this tab, or forget it. */
export function keepLink(opened: OpenedLink | null): void {
  linkTab.opened = opened;
  setBearer(opened?.token ?? null);
  try {
    if (opened) sessionStorage.setItem(KEY, JSON.stringify(opened));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage, as in a frame that may have none, it lasts as long as the page.
  }
}

/** Call with the token of the link that this tab had opened before the one of its address; whether there was one. */
export function formerLink(): boolean {
  const former = stored();
  if (former) setBearer(former.token);
  return former !== null;
}

/** Decide once what the tab is for, by the address that it was loaded from. */
export function findLink(address: string, base: string): LinkTab {
  const { pathname, searchParams } = new URL(address);
  const isViewer = pathname.startsWith(base) && /^viewer\/(image|mpr|3d)\/?$/.test(pathname.slice(base.length));
  const request = isViewer ? linkRequest(searchParams) : null;
  const opened = isViewer && !request && !searchParams.has('s') ? stored() : null;
  return { active: request !== null || opened !== null, request, opened };
}

export const linkTab: LinkTab = findLink(document.URL, basePath);

/** Make the tab one of its link: no cookie from here on, and nothing of the link in the address or in what is sent on. */
export function enterLinkTab(): void {
  if (!linkTab.active) return;
  setBearer(linkTab.opened?.token ?? null);
  if (linkTab.request) history.replaceState(history.state, '', location.pathname);
}
