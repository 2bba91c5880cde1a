/**
 * The library's types in one file: the declarations of the public names and of the names that they use. They need no
 * other package, not even @types/node.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A program may have neither the types of the DOM nor those of Node; then it has no AbortSignal to pass. */
const PRELUDE = `type AbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : never;
`;

/** @param index the compiled src/index.ts @param directory the target directory */
export function writeTypes(index, directory) {
  const found = new Map();
  for (const name of readDeclarations(index).imports.keys()) collect(index, name, found);
  const statements = [...found].map(([name, { text, isPublic }]) => {
    if (/\bnode:|\b(Buffer|NodeJS)\b/.test(withoutComments(text)))
      throw new Error(`${name} needs @types/node`);
    return isPublic ? text : text.replace(/^export /m, '');
  });
  writeFileSync(join(directory, 'library.d.ts'), `${PRELUDE}${statements.join('')}export {};\n`);
  writeFileSync(join(directory, 'library.d.mts'), `export * from './library.js';\n`);
}

/** Adds the declaration of a name, and the declarations that it uses, to `found`. */
function collect(file, name, found, isPublic = true) {
  const { declarations, imports } = readDeclarations(file);
  const text = declarations.get(name);
  if (text === undefined) {
    const from = imports.get(name);
    if (from !== undefined) collect(from, name, found, isPublic);
    return; // otherwise it is a global name, a property or a parameter
  }
  const known = found.get(name);
  if (known !== undefined && known.text !== text) throw new Error(`two declarations are called ${name}`);
  if (known !== undefined && (known.isPublic || !isPublic)) return;
  found.set(name, { text, isPublic });
  if (known !== undefined) return;
  for (const [word] of withoutComments(text).matchAll(/[\w$]+/g))
    if (word !== name) collect(file, word, found, false);
}

const files = new Map();

/** @returns the declarations of a file with their comments, and the file of each imported name */
function readDeclarations(file) {
  if (!files.has(file)) files.set(file, parse(file, readFileSync(file, 'utf8')));
  return files.get(file);
}

/** Parses only what the compiler writes: a declaration begins and ends at the start of a line. */
function parse(file, text) {
  const [declarations, imports] = [new Map(), new Map()];
  for (const statement of statementsOf(text)) {
    const code = withoutComments(statement);
    const from = /\bfrom '(.*)\.js';$/m.exec(code)?.[1];
    if (from === undefined) {
      const [, name] =
        /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|function|const) ([\w$]+)/m.exec(
          code,
        ) ?? [];
      if (name !== undefined) declarations.set(name, statement);
    } else {
      for (const name of /\{(.*)\}/s.exec(code)?.[1].split(',') ?? []) {
        imports.set(name.trim().replace(/^type /, ''), join(dirname(file), `${from}.d.ts`));
      }
    }
  }
  return { declarations, imports };
}

function* statementsOf(text) {
  let statement = '';
  for (const line of text.split('\n')) {
    statement += `${line}\n`;
    const code = withoutComments(statement);
    const depth = code.split('{').length - code.split('}').length;
    if (depth === 0 && /[;}]\s*$/.test(code)) {
      yield statement;
      statement = '';
    }
  }
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?(\*\/|$)|\/\/.*/g, '');
}
