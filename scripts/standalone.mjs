/**
 * Builds executables that do not need Node: `npm run standalone`.
 *
 * They contain the command and Bun, which npm downloads once into node_modules/.cache. It is Bun's baseline build,
 * which also runs on processors without AVX2. Only the executable for this machine can be run here.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUN_VERSION = '1.4.5';
const DIRECTORY = 'dist/standalone';
const NAME = 'elasticsearch-service-tokens';
/** Like the launcher in bin, but without the bundle, which that one loads. */
const LAUNCHER = `
import { main, processIo } from '../../src/cli/main.ts';
main(process.argv.slice(2), processIo()).then((status) => { process.exitCode = status; });
`;
/** What the command starts as a thread; without its own place in the executable, it would be looked for in this directory. */
const WORKER = 'src/hash/bcrypt-worker.ts';
const TARGETS = [
  { name: 'linux-x64', bun: '@oven/bun-linux-x64-baseline', target: 'bun-linux-x64-baseline' },
  { name: 'linux-arm64', bun: '@oven/bun-linux-aarch64', target: 'bun-linux-arm64' },
];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const host = TARGETS.find(({ name }) => name === `${process.platform}-${process.arch}`);
if (host === undefined) throw new Error(`run this on ${TARGETS.map(({ name }) => name).join(' or ')}`);
const cache = resolve('node_modules/.cache', `bun-${BUN_VERSION}`);
const bunOf = ({ bun }) => join(cache, 'node_modules', bun, 'bin/bun');
install();
rmSync(DIRECTORY, { recursive: true, force: true });
mkdirSync(DIRECTORY, { recursive: true });
const entry = join(DIRECTORY, 'entry.ts');
writeFileSync(entry, LAUNCHER);
for (const target of TARGETS) compile(target);
rmSync(entry);
copyFileSync('dist/bundle/LICENSES.txt', join(DIRECTORY, 'LICENSES.txt'));

function install() {
  if (TARGETS.every((target) => existsSync(bunOf(target)))) return;
  const packages = TARGETS.map(({ bun }) => `${bun}@${BUN_VERSION}`);
  // --force, because one package is for another platform.
  call('npm', [
    'install',
    '--no-save',
    '--no-audit',
    '--ignore-scripts',
    '--force',
    '--prefix',
    cache,
    ...packages,
  ]);
}

function compile(target) {
  const outfile = join(DIRECTORY, `${NAME}-${target.name}`);
  call(bunOf(host), [
    ...['build', entry, WORKER, '--compile', '--outfile', outfile],
    ...['--define', `import.meta.url=${JSON.stringify(`file:///$bunfs/root/${WORKER}`)}`],
    ...['--target', target.target, '--compile-executable-path', bunOf(target)], // else it would be downloaded
    ...['--format', 'cjs', ...(target === host ? ['--bytecode'] : [])], // which starts faster, and can be tried here
    '--sourcemap=linked', // which is in the executable, too: stack traces name the sources
    // Without these, the executable would run code that the current directory names.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    '--no-compile-autoload-tsconfig',
    '--no-compile-autoload-package-json',
  ]);
  rmSync(`${outfile}.map`);
}

function call(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${basename(program)} ended with status ${status}`);
}
