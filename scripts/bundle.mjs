/**
 * Bundles the command and the library to CommonJS, which Node starts faster than modules.
 *
 * Each command is a separate file with only its own dependencies; cli.js contains commander and the code that every run
 * needs. Code that both need is in both, except the error class, which must be unique. Packages that few commands need
 * are separate files, and slow modules of Node are loaded on first use.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { licencesOf } from './licences.mjs';

/** Packages that few commands need, in separate files. */
const PACKAGES = ['bcryptjs', 'chalk', 'chokidar', 'yaml'];

/** Modules that take a millisecond or more to load, and that not every command needs. */
const SLOW_BUILTINS = /^node:(child_process|crypto|os|stream|timers\/promises|tty|worker_threads)$/;

/** Looks up each export of a Node module on use, whether it is imported by name, as a namespace or as default. */
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

/** Replaces node:process by the global object: converting the module would read each of its many properties. */
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

/** Hides the environment from yaml, which prints what it reads if LOG_TOKENS or LOG_STREAM is set. */
const noEnvironment = {
  name: 'no environment',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^process$/ }, ({ path }) => ({ path, namespace: 'no environment' }));
    onLoad({ filter: /.*/, namespace: 'no environment' }, () => ({
      contents: 'module.exports = { env: {} };',
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

/** The URL of a module's own file. */
const fileUrl = {
  define: { 'import.meta.url': 'fileUrl' },
  banner: {
    js: "const fileUrl = { toString: () => require('node:url').pathToFileURL(__filename).href };",
  },
};

/** @param parts the modules that are imported on demand, in files beside cli.js */
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

/** Makes the parts use the error class of cli.js. */
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

/** Returns the source files of the parts, by the names of their files in the bundle. */
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

/** Writes the bundle and its licenses. @param directory the target directory */
export async function bundle(directory) {
  const common = {
    outdir: directory,
    bundle: true,
    platform: 'node',
    target: 'node20.0',
    format: 'cjs',
    supported: { 'dynamic-import': false }, // in CommonJS, import() would load Node's ESM loader
    plugins: [lazyBuiltins, globalProcess, noEnvironment, ownFiles],
    legalComments: 'none', // see licencesOf
    metafile: true,
    logLevel: 'warning',
  };
  // src/cli/source-stack.ts uses the source maps for stack traces.
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
  // For import, which then shares one instance with require.
  const names = Object.keys(createRequire(import.meta.url)(resolve(directory, 'library.js')));
  writeFileSync(join(directory, 'library.mjs'), `export { ${names.join(', ')} } from './library.js';\n`);
}
