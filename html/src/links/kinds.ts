import type { LinkQueries } from '@/api/types';
import { pageConfiguration } from '@/app/configuration';

/** The three addresses of a link, from the least right to the most. */
export const LINK_KINDS = ['anonymised', 'full', 'download'] as const;
export type LinkKind = (typeof LINK_KINDS)[number];
/** An address by its kind; null where it is not allowed. */
export type LinkAddresses = Readonly<Record<LinkKind, string | null>>;

/** The whole addresses; `home` is that of the start page, without a slash at the end. */
export function addressesOf(queries: LinkQueries, home: string): LinkAddresses {
  const whole = (query: string | null) => (query === null ? null : `${home}/viewer/${queries.window}?${query}`);
  return {
    anonymised: whole(queries.anonymized_link_query),
    full: whole(queries.link_query),
    download: whole(queries.download_link_query),
  };
}

/** The same where the server says where it is, or where the page was told, or where it came from. */
export async function linkAddresses(queries: LinkQueries): Promise<LinkAddresses> {
  const home = queries.base || (await pageConfiguration()).serverUrl;
  return addressesOf(queries, home.replace(/\/+$/, ''));
}
