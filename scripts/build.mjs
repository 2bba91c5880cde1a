/**
 * Builds dist and man: `npm run build`.
 *
 * - dist/src, dist/tests: the output of the compiler, which the unit tests run
 * - dist/bundle: the published command and library with all their imports, the library's types, and code compiled by V8
 * - man: the manual page
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { writeManual } from './manual.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
tsc('--noCheck'); // npm run lint checks the types
await bundle('dist/bundle');
run('scripts/code.mjs');
await writeManual('man/elasticsearch-service-tokens.1');
tsc('--project', 'scripts/types.json');

function tsc(...args) {
  run('node_modules/typescript/bin/tsc', ...args);
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
