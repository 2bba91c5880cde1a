/**
 * Builds executables that do not need Node, from dist/bundle: `npm run standalone`.
 *
 * They contain the command and Bun, which npm downloads once into node_modules/.cache. It is Bun's baseline build,
 * which also runs on processors without AVX2. Only the executable for this machine can be run here.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUN_VERSION = '1.4.5';
const DIRECTORY = 'dist/standalone';
const NAME = 'elasticsearch-service-tokens';
/** Like the launcher in bin. */
const LAUNCHER = `
const { main, processIo } = require('../bundle/index.js');
main(process.argv.slice(2), processIo()).then((status) => { process.exitCode = status; });
`;
const TARGETS = [
  { name: 'linux-x64', bun: '@oven/bun-linux-x64-baseline', target: 'bun-linux-x64-baseline' },
  { name: 'linux-arm64', bun: '@oven/bun-linux-aarch64', target: 'bun-linux-arm64' },
];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const host = TARGETS.find(({ name }) => name === `${process.platform}-${process.arch}`);
if (host === undefined) throw new Error(`run this on ${TARGETS.map(({ name }) => name).join(' or ')}`);
const cache = resolve('node_modules/.cache', `bun-${BUN_VERSION}`);
const bunOf = ({ bun }) => join(cache, 'node_modules', bun, 'bin/bun');
if (!TARGETS.every((target) => existsSync(bunOf(target)))) {
  const packages = TARGETS.map(({ bun }) => `${bun}@${BUN_VERSION}`);
  // --force, because one package is for another platform.
  const options = ['--no-save', '--no-audit', '--ignore-scripts', '--force', '--prefix', cache];
  call('npm', ['install', ...options, ...packages]);
}
rmSync(DIRECTORY, { recursive: true, force: true });
mkdirSync(DIRECTORY, { recursive: true });
const entry = join(DIRECTORY, 'entry.js');
writeFileSync(entry, LAUNCHER);
for (const target of TARGETS) compile(target);
rmSync(entry);
// Bun's packages contain no licence.
const bun = `Bun ${BUN_VERSION} (MIT and others)\n\nhttps://github.com/oven-sh/bun/blob/bun-v${BUN_VERSION}/LICENSE.md\n`;
const licences = `${readFileSync('dist/bundle/LICENSES.txt', 'utf8')}\n${'-'.repeat(80)}\n\n${bun}`;
writeFileSync(join(DIRECTORY, 'LICENSES.txt'), licences);

function compile(target) {
  const outfile = join(DIRECTORY, `${NAME}-${target.name}`);
  call(bunOf(host), [
    ...['build', entry, '--compile', '--outfile', outfile],
    ...['--target', target.target, '--compile-executable-path', bunOf(target)], // else it would be downloaded
    ...['--format', 'cjs', ...(target === host ? ['--bytecode'] : [])], // which starts faster, and can be tried here
    // Without these, the executable would run code that the current directory names.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    '--no-compile-autoload-tsconfig',
    '--no-compile-autoload-package-json',
  ]);
}

function call(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ended with status ${status}`);
}
