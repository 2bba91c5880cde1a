/**
 * Bundles the command and the library to CommonJS, which Node starts faster than modules.
 *
 * The command is one file: a module in it runs when it is first imported, so a command runs only what it needs, and one
 * file is read faster than the ten that a file for each command and for what they share would be. The packages that
 * few commands need have files of their own, and slow modules of Node are loaded when something in them is first used.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { licencesOf } from './licences.mjs';

/** What few need, in files of their own. */
const PACKAGES = ['bcryptjs', 'chalk', 'chokidar'];

/** What takes a millisecond or more to load, and is not needed by each command. */
const SLOW_BUILTINS = /^node:(child_process|crypto|os|stream|timers\/promises|tty|worker_threads)$/;

/** Everything of a module of Node is looked up when it is used, be it imported by name, as a whole or as default. */
const lazyBuiltins = {
  name: 'lazy builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: SLOW_BUILTINS }, ({ path, namespace }) =>
      namespace === 'lazy' ? { path, external: true } : { path, namespace: 'lazy' },
    );
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({
      contents: `module.exports = Object.create(new Proxy({}, { get: (_, name) => require('${path}')[name] }));`,
    }));
  },
};

const ownFiles = {
  name: 'files of their own',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^(${PACKAGES.join('|')})$`) }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: `./${path}.js`, external: true },
    );
  },
};

/** What a module calls its own place. */
const fileUrl = {
  define: { 'import.meta.url': 'fileUrl' },
  banner: { js: "const fileUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** @param directory where the files go */
export async function bundle(directory) {
  const common = {
    outdir: directory,
    bundle: true,
    platform: 'node',
    target: 'node20.0',
    format: 'cjs',
    supported: { 'dynamic-import': false }, // in CommonJS, import() would load Node's loader of modules
    plugins: [lazyBuiltins, ownFiles],
    legalComments: 'none', // see licencesOf
    metafile: true,
    logLevel: 'warning',
  };
  const results = await Promise.all([
    // The map names the sources in stack traces: src/cli/source-stack.ts.
    build({
      ...common,
      ...fileUrl,
      entryPoints: { cli: 'src/cli/main.ts' },
      sourcemap: 'linked',
      sourcesContent: false,
    }),
    build({
      ...common,
      ...fileUrl,
      entryPoints: { library: 'src/index.ts', 'bcrypt-worker': 'src/hash/bcrypt-worker.ts' },
    }),
    build({ ...common, entryPoints: Object.fromEntries(PACKAGES.map((name) => [name, name])) }),
  ]);
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeFileSync(join(directory, 'LICENSES.txt'), licencesOf(inputs));
  writeFileSync(join(directory, 'package.json'), '{ "type": "commonjs" }\n');
  // For import: the same code in the same instance, whoever loads it.
  const names = Object.keys(createRequire(import.meta.url)(resolve(directory, 'library.js')));
  writeFileSync(join(directory, 'library.mjs'), `export { ${names.join(', ')} } from './library.js';\n`);
}
