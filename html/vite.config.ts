import { readFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';
import { gzipSync } from 'node:zlib';

import vue from '@vitejs/plugin-vue';
import { defineConfig, type Plugin } from 'vite';
import vuetify from 'vite-plugin-vuetify';

import { type Built, filesOf, sentBytes, VIEWER_BYTES } from './scripts/budget.ts';
import { withIcons } from './scripts/icons.ts';
import { localeProblems } from './scripts/locales.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The page's own configuration is a real file, so that a proxy which serves dist itself can replace it. */
function configurationFile(): Plugin {
  return {
    name: 'webviewer-configuration-file',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: '.config.json', source: readFileSync(here('.config.json')) });
    },
  };
}

/** A key that a language lacks, or that the code uses and no language has, ends the build. */
function completeLocales(): Plugin {
  return {
    name: 'webviewer-complete-locales',
    apply: 'build',
    buildStart() {
      const problems = localeProblems(here('src'));
      if (problems.length > 0) this.error(`locales:\n  ${problems.join('\n  ')}`);
    },
  };
}

/** Every page loads the icons that it shows, and no others. */
function ownIcons(): Plugin {
  return {
    name: 'webviewer-own-icons',
    apply: 'build',
    transform: (code, id) => (code.includes('@mdi/js') && !id.includes('node_modules') ? { code: withIcons(code), map: null } : null),
  };
}

/** A viewer that takes too long to arrive ends the build. */
function viewerBudget(): Plugin {
  return {
    name: 'webviewer-viewer-budget',
    apply: 'build',
    writeBundle(_, bundle) {
      const built = bundle as unknown as Built;
      const bytes = sentBytes(built, filesOf(built, ['src/main.ts', 'src/viewer/ViewerPage.vue', 'src/locales/ru.ts']), gzipSync);
      this.info(`viewer route: ${(bytes / 1000).toFixed(1)} kB gzip of ${VIEWER_BYTES / 1000}`);
      if (bytes > VIEWER_BYTES) this.error(`the viewer's route is ${bytes} bytes gzip, allowed are ${VIEWER_BYTES}`);
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [vue(), vuetify({ autoImport: true }), ownIcons(), configurationFile(), completeLocales(), viewerBudget()],
  resolve: { alias: { '@': here('src') } },
  define: {
    // Only the composition API of vue-i18n is used.
    __VUE_I18N_LEGACY_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    sourcemap: false,
    rolldownOptions: {
      input: {
        index: here('index.html'),
        viewer: here('viewer/index.html'),
        settings: here('settings/index.html'),
        admin: here('admin/index.html'),
      },
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: {
      '^/(v2|\\.config\\.json)': 'http://127.0.0.1:8090',
      '/eventQueue': { target: 'ws://127.0.0.1:8090', ws: true },
    },
  },
});
