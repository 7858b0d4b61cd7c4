/** What the check needs of a bundler's output. */
export interface BuiltChunk {
  readonly type: 'chunk';
  readonly fileName: string;
  readonly moduleIds: readonly string[];
  readonly code: string;
  /** Files that are loaded with this one; what is loaded later is not in it. */
  readonly imports: readonly string[];
  readonly viteMetadata?: { readonly importedCss: ReadonlySet<string> };
}

export interface BuiltAsset {
  readonly type: 'asset';
  readonly fileName: string;
  readonly source: string | Uint8Array;
}

export type Built = Readonly<Record<string, BuiltChunk | BuiltAsset>>;

/** Script and style of the viewer's route, gzip. */
export const VIEWER_BYTES = 300_000;

/** Files that the browser loads before modules whose names end in one of `modules` can run. */
export function filesOf(bundle: Built, modules: readonly string[]): string[] {
  const files = new Set<string>();
  const add = (fileName: string): void => {
    const chunk = bundle[fileName];
    if (chunk?.type !== 'chunk' || files.has(fileName)) return;
    files.add(fileName);
    for (const style of chunk.viteMetadata?.importedCss ?? []) files.add(style);
    chunk.imports.forEach(add);
  };
  for (const module of modules) {
    const holds = (file: BuiltChunk | BuiltAsset): boolean => file.type === 'chunk' && file.moduleIds.some((id) => id.endsWith(module));
    const found = Object.values(bundle).find(holds);
    if (!found) throw new Error(`the bundle has no chunk of ${module}`);
    add(found.fileName);
  }
  return [...files].sort();
}

/** Bytes of files after compression; `compress` gives those of one content. */
export function sentBytes(
  bundle: Built,
  files: readonly string[],
  compress: (content: string | Uint8Array) => { readonly length: number },
): number {
  return files.reduce((sum, name) => {
    const file = bundle[name];
    return sum + (file ? compress(file.type === 'chunk' ? file.code : file.source).length : 0);
  }, 0);
}
