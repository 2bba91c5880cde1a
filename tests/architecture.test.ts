/** The rules of the source's shape, held against its import statements. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { projectRoot } from './support/fixtures.js';

/**
 * The layers, lowest first. A file imports files of lower layers only, so that no two ever need each other; a new file
 * goes into the lowest layer above all that it imports.
 */
const layers: readonly (readonly string[])[] = [
  [
    'bcrypt.ts',
    'did-you-mean.ts',
    'digest.ts',
    'errors.ts',
    'file-system.ts',
    'findings.ts',
    'java-text.ts',
    'placeholders.ts',
    'places.ts',
    'turns.ts',
    'variables.ts',
  ],
  [
    'bcrypt-thread.ts',
    'bcrypt-worker.ts',
    'bounded-read.ts',
    'exit-codes.ts',
    'expectation-checks.ts',
    'fair-queue.ts',
    'file-errors.ts',
    'mounts.ts',
    'open-directory.ts',
    'processes.ts',
    'require.ts',
    'system-accounts.ts',
    'yaml-scanner.ts',
  ],
  [
    'algorithm.ts',
    'caller-descriptor.ts',
    'elasticsearch-version.ts',
    'lock-claim.ts',
    'lock-marks.ts',
    'path-watcher.ts',
    'secret-cache.ts',
    'token-name.ts',
    'way.ts',
    'yaml-settings.ts',
  ],
  ['config-dir.ts', 'known-accounts.ts', 'lock-remains.ts', 'settings.ts', 'stored-hash.ts'],
  ['commands/arguments.ts', 'file-lock.ts', 'hash-defects.ts', 'hasher.ts', 'terminal.ts', 'tokens-lines.ts'],
  ['atomic-file.ts', 'commands/command.ts', 'entry-checks.ts', 'key-order.ts', 'token.ts'],
  [
    'authentication.ts',
    'commands/accounts.ts',
    'commands/bearers.ts',
    'server-access.ts',
    'token-kinds.ts',
    'tokens-format.ts',
  ],
  ['access-checks.ts', 'commands/inspect.ts', 'identity.ts', 'place-checks.ts', 'tokens-loader.ts'],
  ['reload.ts', 'repair.ts', 'service-tokens-file.ts'],
  ['attribute-warnings.ts', 'check.ts', 'commands/place.ts', 'file-follower.ts'],
  [
    'commands/check.ts',
    'commands/create.ts',
    'commands/delete.ts',
    'commands/list.ts',
    'commands/verify.ts',
    'commands/watch.ts',
    'token-store.ts',
  ],
  ['commands/table.ts', 'index.ts'],
  ['cli.ts'],
  ['main.ts'],
];

/** Each dependency, and node:fs, has one door. A door need not be there yet. */
const doors: readonly { module: RegExp; door: string; why: string }[] = [
  { module: /^commander(\/|$)/, door: 'cli.ts', why: 'one file knows the command line' },
  { module: /^bcryptjs(\/|$)/, door: 'bcrypt.ts', why: 'one file knows how it differs from the server' },
  { module: /^chalk(\/|$)/, door: 'terminal.ts', why: 'one file decides on colour' },
  { module: /^chokidar(\/|$)/, door: 'path-watcher.ts', why: 'one file watches' },
  { module: /^(node:)?fs(\/|$)/, door: 'file-system.ts', why: 'tests can make every system call fail' },
];

/** Who may name `process`, beside bin. */
const namesProcess: Readonly<Record<string, string>> = {
  'terminal.ts': 'it makes the Io of the process',
  'file-system.ts': 'it is the door to the system calls, those that change what a process is among them',
  'processes.ts': 'it asks whether the holder of a lock is alive, and who this process is',
};

/** What the library must not bring along. */
const commandLineOnly = /^(main|cli|terminal)\.ts$|^commands\//;

const sources = filesBelow('src', '.ts');
const source = (file: string) => readFileSync(join(projectRoot, 'src', file), 'utf8');
const layerOf = (file: string) => layers.findIndex((files) => files.includes(file));

describe('Layers', () => {
  test('every file of src has one place, and every place a file', () => {
    expect(layers.flat().toSorted()).toEqual(sources.toSorted());
  });

  test.each(sources)('%s imports lower layers only', (file) => {
    const own = layerOf(file);
    const upwards = localImports(file).filter(
      (imported) => layerOf(imported) >= own || layerOf(imported) < 0,
    );
    expect(upwards).toEqual([]);
  });

  test('index.ts never reaches what belongs to the command line', () => {
    const reached = reachedFrom('index.ts');
    expect(reached).toContain('service-tokens-file.ts'); // it reaches something
    expect(reached.filter((file) => commandLineOnly.test(file))).toEqual([]);
  });
});

describe('Doors', () => {
  test.each(doors)('$module is imported by $door alone: $why', ({ module, door }) => {
    const importers = sources.filter((file) => importsOf(source(file)).some((name) => module.test(name)));
    expect(importers.filter((file) => file !== door)).toEqual([]);
  });

  test.each(sources)('%s says of every import what it imports', (file) => {
    expect(withoutComments(source(file))).not.toMatch(/\b(import|require)\s*\(\s*[^\s'")]/);
    expect(withoutComments(source(file))).not.toMatch(/\b(createRequire|getBuiltinModule)\b/);
  });
});

describe('process', () => {
  test.each(sources)('%s names it only if it may', (file) => {
    const names = /\bprocess\b|\bglobalThis\b/.test(codeOf(source(file)));
    const imports = importsOf(source(file)).some((name) => /^(node:)?process$/.test(name));
    expect((names || imports) && !(file in namesProcess)).toBe(false);
  });

  test('terminal.ts does name it', () => {
    expect(codeOf(source('terminal.ts'))).toMatch(/\bprocess\b/);
  });
});

describe('package.json', () => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(join(projectRoot, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>;
  const packagesOf = (texts: readonly string[]) =>
    new Set(
      texts
        .flatMap(importsOf)
        .filter((name) => !/^(\.|node:|\$\{)/.test(name))
        .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name),
    );

  test('its dependencies are what src imports, no more and no less', () => {
    expect([...packagesOf(sources.map(source))].toSorted()).toEqual(Object.keys(dependencies).toSorted());
  });

  test('what the tests import is a dependency, too', () => {
    // This file holds samples of imports; file-follower.test.ts writes a program that imports by a path.
    const files = filesBelow('tests', '.ts').filter((file) => file !== 'architecture.test.ts');
    const tests = files.map((file) => readFileSync(join(projectRoot, 'tests', file), 'utf8'));
    const known = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    expect([...packagesOf(tests)]).toContain('fast-check');
    expect([...packagesOf(tests)].filter((name) => !known.includes(name))).toEqual([]);
  });

  test('every version is pinned', () => {
    const versions = Object.values({ ...dependencies, ...devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

describe('The readers of this test', () => {
  test('every form of import is seen', () => {
    const text = `
      import a from 'one'; import type { B } from "two"; import 'three';
      import c, { type D,
        e } from 'four';
      export * from 'five'; export { f } from 'six';
      const g = await import('seven'); type H = import('eight').H;
      const i = require('nine'); import j = require('ten');
      // import k from 'comment';
      /* import l from 'comment'; */ const m = 'a // b'; import n from 'eleven';
    `;
    const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven'];
    expect(importsOf(text).toSorted()).toEqual(words.toSorted());
  });

  test.each([
    { text: 'const a = process.env;', seen: true, why: 'it is code' },
    { text: `f(\`\${process.pid}\`)`, seen: true, why: 'it is code in a template' },
    { text: "const a = /'/; process.exit()", seen: true, why: 'an expression with a quote hides nothing' },
    { text: '// process\n/* process */', seen: false, why: 'it is a comment' },
    { text: 'f(\'in this process\', "process", `a process`)', seen: false, why: 'it is text' },
    { text: 'processIo()', seen: false, why: 'it is another name' },
  ])('process in <$text> is seen: $seen, as $why', ({ text, seen }) => {
    expect(/\bprocess\b/.test(codeOf(text))).toBe(seen);
  });
});

function filesBelow(directory: string, end: string): string[] {
  const names = readdirSync(join(projectRoot, directory), { recursive: true, encoding: 'utf8' });
  return names.map((name) => name.replaceAll('\\', '/')).filter((name) => name.endsWith(end));
}

/** The files of src that a file imports, by their names there. */
function localImports(file: string): string[] {
  return importsOf(source(file))
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts'));
}

function reachedFrom(file: string): string[] {
  const reached = new Set([file]);
  for (const each of reached) for (const imported of localImports(each)) reached.add(imported);
  return [...reached];
}

/** What a text imports: statements, type imports, re-exports, import() and require(). */
function importsOf(text: string): string[] {
  const pattern =
    /\b(?:import|export)\b(?:[\w\s{},*$]*?\bfrom)?\s*(['"])(.+?)\1|\b(?:import|require)\s*\(\s*(['"])(.+?)\3/g;
  return [...withoutComments(text).matchAll(pattern)].map((match) => match[2] ?? match[4] ?? '');
}

// Enough of the language to tell comments, texts and regular expressions from code.
const TOKEN =
  /(?<comment>\/\/.*|\/\*[\s\S]*?\*\/)|(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|(?<template>`(?:\\[\s\S]|[^`\\])*`)|(?<=(?:^|[=(,:[!&|?{};>\n]|\breturn)\s*)(?<regexp>\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])*\/\w*)/g;

function withoutComments(text: string): string {
  return text.replace(TOKEN, (token, ...args) =>
    (args.at(-1) as Record<string, string>)['comment'] ? ' ' : token,
  );
}

/** Code alone: of a template, what stands in its braces. */
function codeOf(text: string): string {
  return text.replace(TOKEN, (_, ...args) => {
    const { template } = args.at(-1) as Record<string, string | undefined>;
    return template
      ? ` ${[...template.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]).join(' ')} `
      : ' ';
  });
}
