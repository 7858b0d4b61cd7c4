/**
 * Make the TypeScript types of the server's interfaces: `src/api/schema.ts` from the OpenAPI document of control,
 * `src/api/wire.ts` from the models of the socket messages. With `--check` nothing is written; the exit status
 * says whether the files are up to date.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { compile } from 'json-schema-to-typescript';
import openapiTypescript, { astToString } from 'openapi-typescript';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const banner = (source: string) => `/* Generated from ${source} by \`npm run generate\`; do not edit. */\n\n`;

function python(): string {
  const own = here('../../.venv/bin/python');
  return process.env['PYTHON'] ?? (existsSync(own) ? own : 'python3');
}

async function schema(): Promise<string> {
  const source = '../images/control/openapi.json';
  const nodes = await openapiTypescript(new URL(`../${source}`, import.meta.url), { alphabetize: true });
  return banner(source) + astToString(nodes);
}

async function wire(): Promise<string> {
  const root = JSON.parse(execFileSync(python(), [here('generate-wire.py')], { encoding: 'utf8' }));
  const text = await compile(root, 'Wire', {
    bannerComment: '',
    additionalProperties: false,
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  const notes = /^ \* This interface was referenced by `Wire`'s JSON-Schema\n \* via the `definition` ".*"\.\n/gm;
  const tidy = text
    .replace(/export interface Wire \{\s*\}\n+/, '')
    .replace(notes, '')
    .replace(/^\/\*\*\n \*\/\n/gm, '');
  return banner('webviewer/wire/messages.py') + tidy;
}

const outputs: [string, string][] = [
  [here('../src/api/schema.ts'), await schema()],
  [here('../src/api/wire.ts'), await wire()],
];
const old = outputs.filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text);
if (process.argv.includes('--check')) {
  for (const [path] of old) console.error(`${path} is not up to date: npm run generate`);
  process.exitCode = old.length > 0 ? 1 : 0;
} else {
  for (const [path, text] of old) writeFileSync(path, text);
}
