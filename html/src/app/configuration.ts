import { url } from '@/api/client';
import { basePath } from '@/app/base';

/** Content of `.config.json`. */
export interface PageConfiguration {
  /** Public address of the start page, put in copied links. */
  serverUrl: string;
  /** The installation has the well-known demo accounts. */
  demo: boolean;
  /** What the provider of single sign-on is called, '' for no name of its own; null where there is none. */
  signOn: string | null;
}

/** The start page as this browser reaches it. */
const here = () => location.origin + basePath.replace(/\/$/, '');
let pending: Promise<PageConfiguration> | undefined;

async function load(): Promise<PageConfiguration> {
  try {
    const response = await fetch(url('.config.json'), { cache: 'no-cache' });
    const content = (await response.json()) as Partial<PageConfiguration>;
    return { serverUrl: content.serverUrl || here(), demo: content.demo === true, signOn: content.signOn ?? null };
  } catch {
    return { serverUrl: here(), demo: false, signOn: null };
  }
}

/** Read the configuration once; a missing file means the defaults. */
export function pageConfiguration(): Promise<PageConfiguration> {
  pending ??= load();
  return pending;
}
