/**
 * Bundles the command and the library into one CommonJS file, dist/bundle/index.js, which Node starts faster than
 * modules. What few runs need is in files beside it, and slow modules of Node are loaded on first use.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Packages that few commands need. */
const PACKAGES = ['bcryptjs', 'chalk', 'chokidar', 'yaml'];

/** Modules that take a millisecond or more to load, and that not every command needs. */
const SLOW_BUILTINS = /^node:(child_process|crypto|os|stream|timers\/promises|tty|worker_threads)$/;

/** The library's names, and the two that the launcher in bin uses; the types have only the former. */
const INDEX = "export * from './src/index.js'; export { main, processIo } from './src/cli/main.js';";

/** Loads what a name refers to on the first use of one of its exports, which may be imported in any way. */
const lazily = (name) => `
  const handler = { get: (_, key) => require('${name}')[key] };
  module.exports = Object.create(new Proxy({}, handler));`;

const replacements = {
  name: 'replacements',
  setup({ onResolve, onLoad }) {
    const replace = (filter, kinds, contentsOf, fileOf = (name) => name) => {
      const namespace = String(filter);
      onResolve({ filter }, ({ path, kind, namespace: from }) => {
        if (from === namespace) return { path: fileOf(path), external: true };
        return kinds.includes(kind) ? { path, namespace } : undefined;
      });
      onLoad({ filter, namespace }, ({ path }) => ({ contents: contentsOf(path) }));
    };
    const every = ['import-statement', 'require-call'];
    replace(SLOW_BUILTINS, every, lazily);
    replace(new RegExp(`^(${PACKAGES.join('|')})$`), every, lazily, (name) => `./${name}.js`);
    // Importing the module would read each of the many properties of the global object.
    replace(/^node:process$/, ['import-statement'], () => 'export default process;');
    // yaml prints what it reads if LOG_TOKENS or LOG_STREAM is set.
    replace(/^process$/, every, () => 'module.exports = { env: {} };');
  },
};

/** Writes the bundle and its licences. @param directory the target directory @param root the directory of src */
export async function bundle(directory, root = '.') {
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20.0',
    format: 'cjs',
    plugins: [replacements],
    legalComments: 'none', // see licencesOf
    metafile: true,
    logLevel: 'warning',
  };
  const results = await Promise.all([
    build({
      ...common,
      stdin: { contents: INDEX, resolveDir: root, loader: 'ts' },
      outfile: join(directory, 'index.js'),
    }),
    build({
      ...common,
      entryPoints: Object.fromEntries(PACKAGES.map((name) => [name, name])),
      outdir: directory,
    }),
  ]);
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeFileSync(join(directory, 'LICENSES.txt'), licencesOf(inputs));
  writeFileSync(join(directory, 'package.json'), '{ "type": "commonjs" }\n');
}

/** @param inputs the files in the bundle @returns name, version and licence of each package that they belong to */
function licencesOf(inputs) {
  const directories = inputs.flatMap((input) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []);
  const licences = [...new Set(directories)].toSorted().map((directory) => {
    const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const file = readdirSync(directory).find((each) => /^licen[cs]e(\.\w+)?$/i.test(each));
    if (file === undefined) throw new Error(`${directory} has no license file`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
  });
  return licences.join(`\n${'-'.repeat(80)}\n\n`);
}
