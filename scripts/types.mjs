/**
 * The library's types in one file: the declarations of the public names, and those that these need. They need no other
 * package, so not @types/node either.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Not every program has the DOM's types or Node's; one without either has no signal to pass. */
const PRELUDE = `type AbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : never;
`;

/** @param index what the compiler made of src/index.ts @param directory where the files go */
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

/** Adds a name's declaration, and what it needs, to those that were found. */
function collect(file, name, found, isPublic = true) {
  const { declarations, imports } = readDeclarations(file);
  const text = declarations.get(name);
  if (text === undefined) {
    const from = imports.get(name);
    if (from !== undefined) collect(from, name, found, isPublic);
    return; // else it is a global name, a property or a parameter
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

/** @returns the declarations of a file, with the comments before them, and the file that each other name is from */
function readDeclarations(file) {
  if (!files.has(file)) files.set(file, parse(file, readFileSync(file, 'utf8')));
  return files.get(file);
}

/** Enough of the language for what the compiler writes: a declaration begins and ends at the margin. */
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
