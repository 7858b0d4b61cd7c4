import { describe, expect, it } from 'vitest';

import { type Built, filesOf, sentBytes } from '../scripts/budget';

const chunk = (fileName: string, moduleIds: string[], imports: string[] = [], styles: string[] = []) =>
  ({ type: 'chunk', fileName, moduleIds, code: `// ${fileName}`, imports, viteMetadata: { importedCss: new Set(styles) } }) as const;

const bundle: Built = {
  'main.js': chunk('main.js', ['/html/src/main.ts'], ['vue.js'], ['main.css']),
  'page.js': chunk('page.js', ['/html/src/viewer/ViewerPage.vue'], ['vue.js', 'core.js'], ['page.css']),
  'vue.js': chunk('vue.js', ['/vue'], ['core.js']),
  'core.js': chunk('core.js', ['/core'], ['vue.js']),
  'admin.js': chunk('admin.js', ['/html/src/views/admin/UsersView.vue'], ['vue.js']),
  'main.css': { type: 'asset', fileName: 'main.css', source: 'a{}' },
  'page.css': { type: 'asset', fileName: 'page.css', source: 'b{}' },
};

describe('the budget of a route', () => {
  it('holds what is loaded with its modules, each file once, and not what other routes load', () => {
    const files = filesOf(bundle, ['src/main.ts', 'viewer/ViewerPage.vue']);
    expect(files).toEqual(['core.js', 'main.css', 'main.js', 'page.css', 'page.js', 'vue.js']);
  });

  it('counts bytes after compression, of scripts and styles', () => {
    const halved = (content: string | Uint8Array) => ({ length: content.length / 2 });
    expect(sentBytes(bundle, ['main.js', 'main.css'], halved)).toBe(('// main.js'.length + 'a{}'.length) / 2);
  });

  it('fails loudly if a module is not there any more', () => {
    expect(() => filesOf(bundle, ['src/gone.ts'])).toThrow('src/gone.ts');
  });
});
