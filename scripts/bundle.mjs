/**
 * Bundles the command and the library to CommonJS, which Node starts faster than modules.
 *
 * Each command is a file of its own, with all that it needs and nothing else; cli.js holds commander and what each run
 * needs. What both need is in both, except the class of errors, which must be one. The packages that few
 * commands need have files of their own, and slow modules of Node are loaded when something in them is first used.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
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

/** The module of the process is the global one; to convert the module would look at each of its many properties. */
const globalProcess = {
  name: 'global process',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:process$/ }, ({ path, kind }) => ({ path, namespace: kind }));
    onLoad({ filter: /^node:process$/, namespace: 'import-statement' }, () => ({
      contents: 'export default process;',
    }));
    onLoad({ filter: /^node:process$/, namespace: 'require-call' }, () => ({
      contents: 'module.exports = process;',
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
  banner: {
    js: "const fileUrl = { toString: () => require('node:url').pathToFileURL(__filename).href };",
  },
};

/** @param parts what is imported when it is needed, in files beside cli.js */
const partsBeside = (parts) => ({
  name: 'parts beside',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, kind }) =>
      kind === 'dynamic-import' && basename(path, '.js') in parts
        ? { path: `./${basename(path)}`, external: true }
        : undefined,
    );
  },
});

/** In a part, the class of errors is that of cli.js. */
const errorsOfCli = {
  name: 'errors of cli.js',
  setup({ onResolve }) {
    onResolve({ filter: /\/errors\.js$/ }, () => ({ path: './cli.js', external: true }));
  },
};
const CLI = `
export { main, processIo } from './src/cli/main.ts';
export { ServiceTokensError } from './src/errors.ts';
`;

/** The parts, by the names of their files. */
function partsOfCli() {
  const importers = [
    'cli/command-line.ts',
    'cli/terminal.ts',
    'cli/commands/table.ts',
    'cli/commands/list.ts',
  ];
  const parts = importers.flatMap((importer) => {
    const text = readFileSync(join('src', importer), 'utf8');
    const paths = [...text.matchAll(/\bimport\('(\..*?)\.js'\)/g)].map(([, path]) => path);
    return paths.map((path) => [basename(path), join('src', dirname(importer), `${path}.ts`)]);
  });
  return Object.fromEntries(parts);
}

/** @param directory where the files go */
export async function bundle(directory) {
  const common = {
    outdir: directory,
    bundle: true,
    platform: 'node',
    target: 'node20.0',
    format: 'cjs',
    supported: { 'dynamic-import': false }, // in CommonJS, import() would load Node's loader of modules
    plugins: [lazyBuiltins, globalProcess, ownFiles],
    legalComments: 'none', // see licencesOf
    metafile: true,
    logLevel: 'warning',
  };
  // The maps name the sources in stack traces: src/cli/source-stack.ts.
  const ofCli = {
    ...common,
    ...fileUrl,
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    sourcesContent: false,
  };
  const parts = partsOfCli();
  const results = await Promise.all([
    build({
      ...ofCli,
      plugins: [...common.plugins, partsBeside(parts)],
      entryPoints: undefined,
      stdin: { contents: CLI, resolveDir: '.', sourcefile: 'cli.ts' },
      outdir: undefined,
      outfile: join(directory, 'cli.js'),
    }),
    build({ ...ofCli, plugins: [...common.plugins, partsBeside(parts), errorsOfCli], entryPoints: parts }),
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
