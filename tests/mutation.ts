/**
 * Whether the tests notice a change of a room's code: `npm run mutation -- ROOM [SAMPLE] [SEED]`.
 *
 * It makes mutants of the compiled code in dist/src/ROOM, each with one operator, literal, condition or statement changed,
 * and runs on each, in copies of the project, the room's tests, and if they pass those of the whole command, and then those
 * of the other rooms. Only mutants that parse count. It prints every survivor as `survived: file:line: code -> mutant`, and
 * the score. With SAMPLE it takes that many mutants, chosen by SEED (1 if absent). docs/mutants.md has the scores, and the
 * survivors that nobody can notice.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, type parseExpression } from '@babel/parser';
import { Random } from './support/random.js';

const CORES = 2;

/** How much longer than without a mutant tests may take. One that takes longer is killed, and said to be slow. */
const PATIENCE = 5;

/** Run on what a room's own tests accept. */
const TESTS_OF_THE_COMMAND = [
  'crash/',
  'wrong-arguments',
  ...['transcripts', 'processes', 'given-tokens', 'token-files'].map((name) => `cli/${name}`),
].map((name) => `dist/tests/${name}`);

/** Run last, because they take longest. */
const TESTS_OF_OTHER_ROOMS = ['access', 'authenticate', 'check', 'config', 'tokens-file', 'disk'].map(
  (name) => `dist/tests/${name}/`,
);

/** What is compiled, or finds it by its own path; a copy has links to everything else. */
const COPIED = ['bin', 'dist', 'package.json'];

const { bundle } = await import(resolve('scripts/bundle.mjs'));

type Node = ReturnType<typeof parse>['program']['body'][number] | ReturnType<typeof parseExpression>;

interface Mutant {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Change = readonly [start: number, end: number, text: string];

const OPPOSITES = new Map(
  '=== !== < <= > >= && || + - * / & | << >>'
    .split(' ')
    .flatMap((operator, index, all) => [[operator, all[index ^ 1] as string]]),
)
  .set('??', '&&')
  .set('%', '*')
  .set('>>>', '<<');

/** The changes of a node. Modules keep their imports, because those are checked when they are loaded. */
function changesOf(node: Node, code: string): Change[] {
  const [start, end] = [node.start ?? 0, node.end ?? 0];
  const all = (...texts: string[]): Change[] => texts.map((text) => [start, end, text]);
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression': {
      const [from, to] = [node.left.end ?? 0, node.right.start ?? 0];
      const between = code.slice(from, to);
      const opposite = OPPOSITES.get(node.operator);
      return opposite === undefined ? [] : [[from, to, between.replace(node.operator, opposite)]];
    }
    case 'UnaryExpression':
      return node.operator === '!' ? [[start, start + 1, '']] : [];
    case 'IfStatement':
    case 'ConditionalExpression':
      return ['true', 'false'].map((text) => [node.test.start ?? 0, node.test.end ?? 0, text]);
    case 'WhileStatement':
      return [[node.test.start ?? 0, node.test.end ?? 0, 'false']];
    case 'BooleanLiteral':
      return all(String(!node.value));
    case 'NumericLiteral':
      return all(String(node.value + 1));
    case 'StringLiteral':
      return node.value === '' ? all("'x'") : all("''");
    case 'ArrayExpression':
      return node.elements.length > 0 ? all('[]') : [];
    case 'AwaitExpression':
      return [[start, start + 'await'.length, '']];
    case 'ExpressionStatement':
    case 'ThrowStatement':
    case 'ContinueStatement':
    case 'BreakStatement':
      return all(';');
    default:
      return [];
  }
}

function mutantsOf(file: string): Mutant[] {
  const code = readFileSync(file, 'utf8');
  const found: Mutant[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    const node = value as Node | null;
    if (typeof node?.type !== 'string' || /^(?:Import|Export\w*From|ExportAll|Comment)/.test(node.type))
      return;
    for (const [start, end, text] of changesOf(node, code)) {
      try {
        parse(code.slice(0, start) + text + code.slice(end), { sourceType: 'module' });
        found.push({ file, start, end, text });
      } catch {} // it does not parse
    }
    for (const [key, child] of Object.entries(node))
      if (typeof child === 'object' && !/comments|tokens|errors|loc/i.test(key)) visit(child);
  };
  visit(parse(code, { sourceType: 'module' }).program.body);
  return found;
}

/** A copy of the project, beside it, because some tests mount something over /tmp. */
class Copy {
  readonly #path = mkdtempSync(resolve('../service-tokens-mutation-'));
  #limit = 3_600_000; // milliseconds

  constructor() {
    chmodSync(this.#path, 0o755); // some tests run the command as another user
    for (const name of readdirSync('.').filter((each) => each !== '.git')) {
      const copy = join(this.#path, name);
      if (COPIED.includes(name)) cpSync(name, copy, { recursive: true });
      else symlinkSync(resolve(name), copy);
    }
  }

  /** Runs the tests without a mutant. */
  async measure(): Promise<void> {
    const start = performance.now();
    if (await this.#isKilled()) throw new Error('the tests fail without a mutant');
    this.#limit = Math.ceil(PATIENCE * (performance.now() - start));
  }

  /** @returns undefined if no test fails; whether one fails, or does not end */
  async fate({ file, start, end, text }: Mutant): Promise<'killed' | 'slow' | undefined> {
    const code = readFileSync(file, 'utf8');
    writeFileSync(join(this.#path, file), code.slice(0, start) + text + code.slice(end));
    const begin = performance.now();
    const isKilled = await this.#isKilled();
    writeFileSync(join(this.#path, file), code);
    if (!isKilled) return undefined;
    return performance.now() - begin < this.#limit ? 'killed' : 'slow';
  }

  async #isKilled(): Promise<boolean> {
    await bundle(join(this.#path, 'dist/bundle'), join(this.#path, 'dist'));
    for (const tests of [[`dist/tests/${room}/`], TESTS_OF_THE_COMMAND, TESTS_OF_OTHER_ROOMS])
      if (await this.#fails(tests)) return true;
    return false;
  }

  #fails(tests: readonly string[]): Promise<boolean> {
    const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand', '--bail'];
    const child = spawn(process.execPath, [...jest, ...tests], {
      cwd: this.#path,
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
      stdio: 'ignore',
      timeout: this.#limit,
      killSignal: 'SIGKILL',
    });
    return new Promise((done) => child.on('close', (status) => done(status !== 0)));
  }

  remove(): void {
    rmSync(this.#path, { recursive: true });
  }
}

const [room = '', sample = 'Infinity', seed = '1'] = process.argv.slice(2);
const mutants = readdirSync(`dist/src/${room}`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.js'))
  .flatMap((name) => mutantsOf(`dist/src/${room}/${name}`));
const random = new Random(Number(seed));
const count = Math.min(Number(sample), mutants.length);
const queue = Array.from({ length: count }, () => mutants.splice(random.below(mutants.length), 1)).flat();
let killed = 0;

async function work(): Promise<void> {
  const copy = new Copy();
  await copy.measure();
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const fate = await copy.fate(mutant);
    if (fate !== undefined) killed++;
    if (fate === 'killed') continue;
    const code = readFileSync(mutant.file, 'utf8');
    const line = code.slice(0, mutant.start).split('\n').length;
    const was = code.slice(mutant.start, mutant.end).split('\n')[0];
    console.log(`${fate ?? 'survived'}: ${mutant.file}:${line}: ${was} -> ${mutant.text}`);
  }
  copy.remove();
}

await Promise.all(Array.from({ length: CORES }, work));
console.log(`${room}: ${killed} of ${count} mutants killed, ${Math.floor((100 * killed) / count)} %`);
