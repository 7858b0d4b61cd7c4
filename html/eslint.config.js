import vue from 'eslint-plugin-vue';
import globals from 'globals';
import typescript from 'typescript-eslint';
import vueParser from 'vue-eslint-parser';

/** Zones: what lies below never imports what lies above. */
const zone = (files, names, message) => ({
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [{ regex: `^(@|\\.{1,2}(/\\.\\.)*)/(${names.join('|')})(/(?!wire$)|$)`, message }] },
    ],
  },
});

export default typescript.config(
  { ignores: ['dist/', 'node_modules/', 'src/api/schema.ts', 'src/api/wire.ts'] },
  ...typescript.configs.strict,
  ...typescript.configs.stylistic,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.ts', '**/*.vue'],
    languageOptions: {
      parser: vueParser,
      parserOptions: { parser: typescript.parser, sourceType: 'module' },
      globals: { ...globals.browser },
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': ['error', { allow: ['error'] }],
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
      // Types decide; a checked index and an element that a template surely holds stay readable.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'always', normal: 'always', component: 'always' } }],
      'vue/html-indent': ['error', 2],
      'vue/require-default-prop': 'off',
      'vue/no-v-html': 'error',
      'vue/no-bare-strings-in-template': ['error', { allowlist: ['·', ',', '(', ')', '/', ':', '%', '—', '…', 'WebViewer', '*'] }],
    },
  },
  zone(['src/core/**'], ['api', 'app', 'components', 'i18n', 'locales', 'router', 'stores', 'theme', 'viewer', 'views'], 'core knows only itself'),
  {
    files: ['src/core/**'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [{ regex: '^(vue|pinia|vuetify|vue-.*|@vue/.*)(/|$)', message: 'core knows no framework' }] }] },
  },
  zone(['src/api/**'], ['components', 'i18n', 'stores', 'viewer', 'views'], 'api knows no page'),
  zone(['src/stores/**'], ['components', 'viewer', 'views', 'router'], 'stores know no component'),
  zone(['src/components/**'], ['viewer', 'views'], 'components know no page'),
  { files: ['scripts/**', '*.config.ts', 'eslint.config.js'], languageOptions: { globals: { ...globals.node } }, rules: { 'no-console': 'off' } },
);
