import * as icons from '@mdi/js';

const IMPORT = /import\s*\{([^}]*)\}\s*from\s*['"]@mdi\/js['"];?/g;

/**
 * Write the paths of icons where a module imports them. As one module of thousands of paths they would end in one file,
 * and the viewer would wait for the icons of all pages.
 */
export function withIcons(code: string): string {
  return code.replaceAll(IMPORT, (_, names: string) =>
    names
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
      .map((part) => {
        const [name = '', local = name] = part.split(/\s+as\s+/);
        const path = (icons as Readonly<Record<string, string>>)[name];
        if (path === undefined) throw new Error(`@mdi/js has no ${name}`);
        return `const ${local} = ${JSON.stringify(path)};`;
      })
      .join(' '),
  );
}
