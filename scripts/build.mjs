/**
 * Builds dist and man: `npm run build`.
 *
 * - dist/src, dist/tests: the output of the compiler, which the unit tests run
 * - dist/bundle: the published command and library with all their imports, the library's types, and code compiled by V8
 * - man: the manual page
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { writeManual } from './manual.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const types = tsc('--project', 'scripts/types.json');
await tsc('--noCheck'); // npm run lint checks the types
await bundle('dist/bundle');
await run('scripts/code.mjs');
await writeManual('man/elasticsearch-service-tokens.1');
await types;

function tsc(...args) {
  return run('node_modules/typescript/bin/tsc', ...args);
}

async function run(...args) {
  const [status] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit');
  if (status !== 0) process.exit(status ?? 1);
}
