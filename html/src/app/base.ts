/**
 * Where the application lives, found at run time: the same files work under any path of any proxy.
 *
 * Every page states in `<meta name="webviewer-depth">` how many folders below the base it is
 * served, so the base follows from the address the document was loaded from.
 */
export function findBase(address: string, depth: number): string {
  return new URL(depth > 0 ? '../'.repeat(depth) : './', address).pathname;
}

function depthOfDocument(): number {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="webviewer-depth"]');
  return Number(meta?.content ?? 0) || 0;
}

/** Path of the start page with a closing slash, e.g. `/` or `/apps/viewer/`. */
export const basePath: string = findBase(document.URL, depthOfDocument());
