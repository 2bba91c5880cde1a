/** The architecture of the source, checked by its import statements. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parse } from '@babel/parser';
import { describe, expect, test } from '@jest/globals';
import { VERSION } from '../src/cli/commands/table.js';
import { projectRoot } from './support/fixtures.js';

/**
 * The rooms of src, lowest first, and what they are; below each, which room it may import, and why. The files at the top
 * of src, except the library's surface, are the ground: every room may import them.
 */
const rooms = readRooms(`
disk: safe work on files: replace, lock, watch; the door to the system calls
hash: algorithms, stored hashes, hashing and verifying
accounts: the accounts of each version of Elasticsearch
access: who can change a path, which user runs the server, as which user root acts
  disk: it looks at directories, and changes the identity through the door
token: bearers and token names
  hash: a secret is compared with a hash
config: where the files are, and what elasticsearch.yml and -E set
  disk: it reads elasticsearch.yml
  access: only root may change the environment file of a package
  hash: a setting names the algorithm
  accounts: the installation says its version
tokens-file: the text of the file and its changes
  disk: a change is a lock and a replacement
  access: a new file is made readable for the server
  hash: a line contains a hash
  token: create mints a token
  accounts: create accepts only known principals
authenticate: what a running node does: authenticate, follow the file
  tokens-file: it loads the file as the server reads it
  access: it reads the file through no link of a third user
  disk: it watches the file
  token: it decodes bearers
  hash: it verifies secrets
  accounts: the server accepts only known accounts
check: what is wrong with a tokens file, and its repair
  tokens-file: it reads lines and counts tokens
  disk: it checks links, mounts and leftovers, and repairs them
  access: it checks who can read the file, and acts as its owner
  token: it judges names
  hash: it judges hashes
  accounts: it judges principals
cli: the command line
  check: the command check
  authenticate: the commands verify and watch
  tokens-file: the commands create, delete and list
  config: options and settings say where the files are
  access: it enters the directory of the file
  disk: it reads bearers and descriptors
  token: arguments are names, answers are bearers
  hash: create warns about an algorithm
  accounts: arguments are principals
`);

/** @returns the rooms that each room imports */
function readRooms(text: string): ReadonlyMap<string, readonly string[]> {
  const blocks = text.trim().split(/\n(?=\S)/);
  return new Map(
    blocks.map((block) => {
      const [name = '', ...imports] = block.split('\n').map((line) => line.trim().split(':', 1)[0] ?? '');
      return [name, imports];
    }),
  );
}

/** Each dependency, and node:fs, is imported by only one file. */
const doors: readonly { module: RegExp; door: string; why: string }[] = [
  { module: /^commander(\/|$)/, door: 'cli/parser.ts', why: 'one file knows the command line' },
  { module: /^bcryptjs(\/|$)/, door: 'hash/bcrypt.ts', why: 'one file knows how it differs from the server' },
  { module: /^chalk(\/|$)/, door: 'cli/terminal.ts', why: 'one file decides on color' },
  { module: /^chokidar(\/|$)/, door: 'disk/path-watcher.ts', why: 'one file watches paths' },
  { module: /^yaml(\/|$)/, door: 'config/yaml.ts', why: 'one file knows how the server reads YAML' },
  { module: /^(node:)?fs(\/|$)/, door: 'disk/file-system.ts', why: 'tests can make every system call fail' },
];

/** The files that may use `process`, besides bin. */
const namesProcess: Readonly<Record<string, string>> = {
  'cli/process-io.ts': 'it creates the Io of the process',
  'disk/file-system.ts': 'it is the door to the system calls, including those that change the process',
  'disk/processes.ts': 'it checks whether a lock holder is alive, and identifies this process',
};

/** Stands for a module that an import does not name. */
const UNKNOWN = '(unknown)';

const sources = filesBelow('src', '.ts');
const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const codeOf = new Map(sources.map((file) => [file, parseCode(read(`src/${file}`))]));
const importsOf = (file: string) => codeOf.get(file)?.imports ?? [];
/** The room of a file; undefined on the ground. */
const roomOf = (file: string) => (file.includes('/') ? file.split('/', 1)[0] : undefined);

describe('Rooms', () => {
  test('every directory of src is a room, and every room a directory', () => {
    expect(new Set(sources.map(roomOf))).toEqual(new Set([undefined, ...rooms.keys()]));
  });

  test('a room imports only rooms above it in the table', () => {
    const order = [...rooms.keys()];
    for (const [index, name] of order.entries())
      expect(order.slice(0, index)).toEqual(expect.arrayContaining([...(rooms.get(name) ?? [])]));
  });

  test.each([...rooms])('%s imports what its lines say, no more and no less', (name, imports) => {
    const files = sources.filter((file) => roomOf(file) === name);
    const imported = new Set(files.flatMap(localImports).map(roomOf));
    for (const own of [name, undefined]) imported.delete(own);
    expect([...imported].toSorted()).toEqual([...imports].toSorted());
  });

  test('the ground imports nothing but the ground', () => {
    const ground = sources.filter((file) => roomOf(file) === undefined && file !== 'index.ts');
    expect(ground.flatMap(localImports).map(roomOf).filter(Boolean)).toEqual([]);
  });

  test('no file is imported by what it imports', () => {
    const isInCircle = (file: string) => localImports(file).flatMap(reachedFrom).includes(file);
    expect(sources.filter(isInCircle)).toEqual([]);
  });

  test('index.ts never reaches the command line', () => {
    const reached = reachedFrom('index.ts');
    expect(reached).toContain('tokens-file/service-tokens-file.ts'); // the check is effective
    expect(reached.filter((file) => roomOf(file) === 'cli')).toEqual([]);
  });

  test('each test is in the room of the code that it tests', () => {
    const directories = filesBelow('tests', '.test.ts').map(roomOf);
    const others = ['crash', 'recipes']; // of the whole command, and of docs
    expect(new Set(directories)).toEqual(new Set([undefined, ...others, ...rooms.keys()]));
  });
});

describe('Doors', () => {
  test.each(doors)('$module is imported only by $door: $why', ({ module, door }) => {
    const importers = sources.filter((file) => importsOf(file).some((name) => module.test(name)));
    expect(importers.filter((file) => file !== door)).toEqual([]);
  });

  test('every import says what it imports', () => {
    const hidden = ['createRequire', 'getBuiltinModule'];
    const hides = (file: string) =>
      importsOf(file).includes(UNKNOWN) || hidden.some((name) => codeOf.get(file)?.names.has(name));
    expect(sources.filter(hides)).toEqual([]);
  });

  test('only files that are allowed to use process do', () => {
    const users = sources.filter(
      (file) =>
        ['process', 'globalThis'].some((name) => codeOf.get(file)?.names.has(name)) ||
        importsOf(file).some((name) => /^(node:)?process$/.test(name)),
    );
    expect(users.toSorted()).toEqual(Object.keys(namesProcess).toSorted());
  });
});

interface Package {
  readonly version: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

describe('package.json', () => {
  const manifest: Package = JSON.parse(read('package.json'));
  const { version, dependencies = {}, devDependencies } = manifest;
  const packagesOf = (imports: readonly string[]) => {
    const names = imports.filter((name) => !/^(\.|node:|\()/.test(name));
    return [...new Set(names.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name))];
  };

  test('who installs it installs nothing else: what src imports is bundled', () => {
    expect(Object.keys(dependencies)).toEqual([]);
    const imported = packagesOf(sources.flatMap(importsOf));
    expect(imported.toSorted()).toEqual(['bcryptjs', 'chalk', 'chokidar', 'commander', 'yaml']);
    expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(imported));
  });

  test('its version is printed by the command', () => {
    expect(VERSION).toBe(version);
  });

  test('every version is pinned', () => {
    const versions = Object.values({ ...dependencies, ...devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

test('This test sees every form of import, and names in code only', () => {
  const { imports, names } = parseCode(`
    import a from 'one'; import type { B } from "two"; import 'three';
    import c, { type D,
      e } from 'four';
    export * from 'five'; export { f } from 'six';
    const g = await import('seven'); type H = import('eight').H;
    const i = require('nine'); import j = require('ten'); import(a); require(\`b\`);
    // import k from 'comment'; process
    const m = 'process'; const n = \`process \${inTemplate}\`;
  `);
  const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
  expect(imports).toEqual([...words, UNKNOWN, UNKNOWN]);
  expect(names).toContain('inTemplate');
  expect(names).not.toContain('process');
});

function filesBelow(directory: string, end: string): string[] {
  const names = readdirSync(join(projectRoot, directory), { recursive: true, encoding: 'utf8' });
  return names.map((name) => name.replaceAll('\\', '/')).filter((name) => name.endsWith(end));
}

/** Returns the files of src that a file imports, relative to src. */
function localImports(file: string): string[] {
  return importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts'));
}

function reachedFrom(file: string): string[] {
  const reached = new Set([file]);
  for (const each of reached) for (const imported of localImports(each)) reached.add(imported);
  return [...reached];
}

/** A node of Babel's syntax tree. */
type Node = ReturnType<typeof JSON.parse>;

/** @returns what a text imports by statements, types, re-exports, import() and require(), and the names in its code */
function parseCode(text: string): { readonly imports: string[]; readonly names: ReadonlySet<string> } {
  const imports: string[] = [];
  const names = new Set<string>();
  const visit = (node: Node): void => {
    if (node.type === 'Identifier') names.add(node.name);
    const isCall = node.callee?.type === 'Import' || node.callee?.name === 'require';
    const isOfTypes = ['TSImportType', 'TSExternalModuleReference'].includes(node.type);
    const from = isCall ? node.arguments[0] : isOfTypes ? (node.argument ?? node.expression) : node.source;
    if (from) imports.push(from.type === 'StringLiteral' ? from.value : UNKNOWN);
    for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) visit(child);
  };
  visit(parse(text, { sourceType: 'module', plugins: ['typescript'] }).program);
  return { imports, names };
}
