/**
 * Transcripts: sessions at the command line that people can read and tests can run. The complete grammar:
 *
 *     # prose               what the next steps show; a failure is filed under it
 *     $ tool args           a command; no shell; split on blanks, 'quotes' group; NAME=value before it sets a variable
 *     < text                a line of its standard input
 *     text                  expected stdout, line for line
 *     ! text                expected stderr, line for line
 *     ? 65                  expected exit status (0 when absent)
 *     {name}                a hole: binds once, must be the same ever after, usable in later commands
 *     -- path --            a file that exists before the first command (to the end of the transcript)
 *
 * Unexpected output is a failure, so a command without expected output must be silent. Further rules:
 * - prose is at the top or after an empty line; directly after the lines of a command, `# text` is its output;
 * - a last line without an end is followed by `\ No newline at end of file`, as in a diff, also in files;
 * - invisible characters have names, which are holes that are always bound (see `constants`);
 * - `bash 'line'` runs a line of bash, in which the tool is a process of its own, also as $TOOL; $UID is the user who runs
 *   the tests, HOME the session's directory, whose `bin` is first on the PATH, and `{project}` the project's directory;
 * - the variable TERMINALS names the streams that are terminals;
 * - a file that begins with `#!` can be executed;
 * - `as UID:GID program arg` runs a program as another user, which needs root, and a file system that is real.
 */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { FileSystem } from '../../src/disk/file-system.js';
import { BIN, type Finished } from './commands.js';
import { projectRoot } from './fixtures.js';
import { runHere } from './memory-io.js';
import { fileSystemOf, impersonate, ordinaryUserFileSystem, type User } from './ordinary-user.js';

export interface Transcript {
  readonly sections: readonly Section[];
  readonly files: readonly StartFile[];
}

interface Section {
  readonly heading: string;
  readonly steps: readonly Step[];
}

interface Output {
  stdout: string[];
  stderr: string[];
  status: number;
}

/** A command and its expected result. */
interface Step extends Output {
  readonly line: number;
  /** The command as written, for the report. */
  readonly text: string;
  readonly env: readonly string[];
  readonly user: User | undefined;
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: string[];
}

interface StartFile {
  readonly line: number;
  readonly path: string;
  readonly lines: string[];
}

/** The expected and the actual text of a section; if they differ, the test shows a diff. */
export interface Outcome {
  readonly heading: string;
  readonly expected: string;
  readonly actual: string;
}

const TOOL = 'elasticsearch-service-tokens';
const FILE = /^-- (\S+) --$/;
const NO_END = '\\ No newline at end of file';
/** Only lower case, and not after `$`: `{PBKDF2}` and `${node.name}` are not holes. */
const HOLE = /(?<!\$)\{([a-z][a-z0-9-]*)\}/g;

/** Patterns of holes, by the letters at the beginning of the name: for `{token}` as well as `{token-2}`. */
const shapes: Readonly<Record<string, string>> = {
  token: 'AAEAA[A-Za-z0-9+/]+',
  hash: String.raw`\{PBKDF2(?:_STRETCH)?\}\d+(?:\$[A-Za-z0-9+/]{43}=){2}|\$2a\$\d\d\$[./A-Za-z0-9]{53}`,
};

/** Holes that are always bound, besides `{dir}`, the session's directory. `{newline}` is only for arguments. */
const constants = {
  ...{
    cr: '\r',
    newline: '\n',
    tab: '\t',
    esc: '\x1b',
    bom: '\ufeff',
    csi: '\x9b',
    rlo: '\u202e',
    del: '\x7f',
  },
  project: projectRoot.slice(0, -1),
};

/** The programs besides the tool, to show its effects and to prepare files. They have no options. */
const witnesses: Readonly<Record<string, (at: (path?: string) => string, ...args: string[]) => unknown>> = {
  cat: (at, file) => fs.readFileSync(at(file), 'utf8'),
  mode: (at, file) => `${(fs.statSync(at(file)).mode & 0o7777).toString(8)}\n`,
  ls: (at, directory) => toText(fs.readdirSync(at(directory)).sort()), // including hidden files, to show leftovers
  chmod: (at, mode = '', file) => fs.chmodSync(at(file), Number.parseInt(mode, 8)),
  rm: (at, file) => fs.unlinkSync(at(file)),
  cp: (at, from, to) => fs.copyFileSync(at(from), at(to)),
  ln: (at, target = '', link) => fs.symlinkSync(target, at(link)), // a symlink
  stat: (at, file) => {
    const { uid, gid, mode } = fs.statSync(at(file));
    return `${uid}:${gid} ${(mode & 0o7777).toString(8)}\n`;
  },
  /** Gives a file or directory an owner and a mode; if it is missing, an empty file is made. */
  lay: (at, file, owner = '', mode = '') => {
    if (!fs.existsSync(at(file))) fs.writeFileSync(at(file), '');
    const { uid, gid } = parseUser(owner);
    fs.chownSync(at(file), uid, gid);
    fs.chmodSync(at(file), Number.parseInt(mode, 8));
  },
};

/**
 * Parses a transcript.
 *
 * @param heading the title of steps without prose; if absent, such steps are an error
 * @param firstLine the number of the first line, if the text is part of a longer one
 * @throws Error with the number of the line, if the transcript is not valid
 */
export function parseTranscript(text: string, heading?: string, firstLine = 1): Transcript {
  const lines = text.replace(/\n$/, '').split('\n');
  const end = lines.findIndex((line) => FILE.test(line));
  const sections = parseSections(lines.slice(0, end < 0 ? undefined : end), heading, firstLine);
  const files = end < 0 ? [] : parseFiles(lines.slice(end), firstLine + end);
  requireBound(files, sections);
  return { sections, files };
}

function parseFiles(lines: readonly string[], firstLine: number): StartFile[] {
  const files: StartFile[] = [];
  for (const [index, line] of lines.entries()) {
    const path = FILE.exec(line)?.[1];
    if (path === undefined) files.at(-1)?.lines.push(line);
    else files.push({ line: firstLine + index, path, lines: [] });
  }
  return files;
}

function parseSections(lines: readonly string[], heading: string | undefined, firstLine: number): Section[] {
  const sections: { heading: string; steps: Step[] }[] = [];
  let prose = heading === undefined ? [] : [heading];
  let step: Step | undefined;
  let gap: string[] = []; // empty lines: output if more output follows, otherwise the space between two steps
  for (const [index, line] of lines.entries()) {
    const number = firstLine + index;
    if (line === '') {
      gap.push(line);
      continue;
    }
    const [, mark = '', rest = ''] = /^([#$<!?])(?: (.*))?$/.exec(line) ?? [];
    if (mark === '#' && (step === undefined || gap.length > 0)) {
      prose.push(rest);
      step = undefined;
    } else if (mark === '$') {
      if (prose.length > 0) sections.push({ heading: prose.join(' '), steps: [] });
      prose = [];
      step = parseCommand(rest, number);
      (sections.at(-1) ?? refuse(number, 'a command needs prose above it')).steps.push(step);
    } else if (step === undefined) {
      refuse(number, 'there is no command above this output');
    } else if (mark === '<') {
      step.stdin.push(rest);
    } else if (mark === '!') {
      step.stderr.push(rest);
    } else if (mark === '?') {
      step.status = /^\d+$/.test(rest) ? Number(rest) : refuse(number, 'not an exit status');
    } else {
      step.stdout.push(...gap, line);
    }
    gap = [];
  }
  if (step === undefined) refuse(firstLine + lines.length - 1, 'there is no command below the last prose');
  return sections;
}

function parseCommand(text: string, line: number): Step {
  const words = text.match(/(?:'[^']*'|[^\s'])+/g) ?? [];
  if (text.split("'").length % 2 === 0) refuse(line, 'a quote is not closed');
  const argv = words.map((word) => word.replaceAll("'", ''));
  const start = argv.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  const user = argv[start] === 'as' ? parseUser(argv[start + 1] ?? '') : undefined;
  const at = user === undefined ? start : start + 2;
  const program = (argv[at] ?? '').replace(/^bin\//, '');
  if (program !== TOOL && program !== 'bash' && !Object.hasOwn(witnesses, program))
    refuse(line, `no program [${program}] here`);
  const command = { line, text, env: argv.slice(0, start), user, program, args: argv.slice(at + 1) };
  return { ...command, stdin: [], stdout: [], stderr: [], status: 0 };
}

/** Reads `UID:GID`. */
function parseUser(text: string): User {
  const [uid = Number.NaN, gid = Number.NaN] = text.split(':').map(Number);
  return { uid, gid };
}

/** Refuses a hole that is used before it has a value, because it would be used literally. */
function requireBound(files: readonly StartFile[], sections: readonly Section[]): void {
  const bound = new Set(['dir', ...Object.keys(constants)]);
  const check = (line: number, texts: readonly string[]) => {
    const name = texts.flatMap(holesOf).find((hole) => !bound.has(hole));
    if (name !== undefined) refuse(line, `{${name}} has no value yet`);
  };
  for (const { line, lines } of files) check(line, lines);
  for (const { line, env, args, stdin, stdout, stderr } of sections.flatMap(({ steps }) => steps)) {
    check(line, [...env, ...args, ...stdin]);
    for (const name of [...stdout, ...stderr].flatMap(holesOf)) bound.add(name);
  }
}

function holesOf(text: string): string[] {
  return [...text.matchAll(HOLE)].map(([, name = '']) => name);
}

function refuse(line: number, why: string): never {
  throw new Error(`line ${line}: ${why}`);
}

/**
 * Reads the blocks of a Markdown text that are marked ```console, each as a separate transcript; the title of a block
 * without prose is the heading above it and its line.
 */
export function parseMarkdown(markdown: string): Transcript[] {
  const transcripts: Transcript[] = [];
  const lines = markdown.split('\n');
  let heading = '';
  for (let i = 0; i < lines.length; i++) {
    heading = /^#+ (.*)/.exec(lines[i] ?? '')?.[1] ?? heading;
    if (!lines[i]?.startsWith('```')) continue;
    const end = lines.indexOf('```', i + 1);
    if (end < 0) refuse(i + 1, 'the block is not closed');
    if (lines[i] === '```console') {
      const block = lines.slice(i + 1, end).join('\n');
      transcripts.push(parseTranscript(block, `${heading}, line ${i + 2}`, i + 2));
    }
    i = end;
  }
  return transcripts;
}

/**
 * Runs a transcript in a separate directory with the transcript's files and an empty `config`.
 *
 * @param fsOf the file system that the tool uses there
 */
export async function runTranscript(
  { sections, files }: Transcript,
  fsOf: (directory: string) => FileSystem = ordinaryUserFileSystem,
): Promise<Outcome[]> {
  const dir = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'transcript-')));
  try {
    const holes = new Holes(dir);
    const toolFs = fsOf(dir);
    fs.mkdirSync(join(dir, 'config'));
    for (const { path, lines } of files) {
      fs.mkdirSync(dirname(join(dir, path)), { recursive: true });
      fs.writeFileSync(join(dir, path), holes.fill(toText(lines)));
      fs.chmodSync(join(dir, path), lines[0]?.startsWith('#!') ? 0o755 : 0o644); // whatever the umask
    }
    const outcomes: Outcome[] = [];
    for (const { heading, steps } of sections) {
      const [expected, actual]: [string[], string[]] = [[], []];
      for (const step of steps) {
        const result = await runStep(step, dir, holes, toolFs);
        actual.push(...show(step, result));
        expected.push(...show(step, holes.settle(step, result)));
      }
      outcomes.push({ heading, expected: expected.join('\n'), actual: actual.join('\n') });
    }
    return outcomes;
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

function show({ text, stdin }: Step, { stdout, stderr, status }: Output): string[] {
  const marked = [...stdin.map((line) => `< ${line}`), ...stdout, ...stderr.map((line) => `! ${line}`)];
  return [`$ ${text}`, ...marked, ...(status === 0 ? [] : [`? ${status}`]), ''];
}

async function runStep(step: Step, dir: string, holes: Holes, toolFs: FileSystem): Promise<Output> {
  const { user, program } = step;
  const words = step.args.map((word) => holes.fill(word));
  const { TERMINALS, ...env } = Object.fromEntries(step.env.map((word) => holes.fill(word).split(/=(.*)/s)));
  const stdin = holes.fill(toText(step.stdin));
  const run = () => {
    if (program === 'bash') return runBash(words, { cwd: dir, env, input: stdin, ...user });
    if (program !== TOOL)
      return user
        ? impersonate(user, () => runWitness(program, words, dir))
        : runWitness(program, words, dir);
    const io = {
      env: { ES_PATH_CONF: 'config', ...env },
      cwd: dir,
      toolPath: join(dir, 'bin', TOOL),
      stdin,
      terminals: TERMINALS?.split(',') ?? [],
    };
    return runHere(words, io, user ? fileSystemOf(user, toolFs) : toolFs);
  };
  const { stdout, stderr, status } = await run();
  return { stdout: holes.name(stdout), stderr: holes.name(stderr), status: Number(status) };
}

function runBash([line]: readonly string[], options: SpawnSyncOptions & { cwd: string }): Finished {
  const { cwd } = options;
  const script = `${TOOL}() { "$TOOL" "$@"; }; ${line}`;
  const PATH = [join(cwd, 'bin'), dirname(BIN), dirname(process.execPath), process.env['PATH']].join(':');
  const env = { PATH, TOOL: BIN, HOME: cwd, TMPDIR: cwd, ES_PATH_CONF: 'config', ...options.env };
  return spawnSync('bash', ['--norc', '-c', script], { ...options, env, encoding: 'utf8' });
}

function runWitness(program: string, args: readonly string[], dir: string): Finished {
  try {
    const stdout = witnesses[program]?.((path = '') => resolve(dir, path), ...args);
    return { stdout: String(stdout ?? ''), stderr: '', status: 0 };
  } catch (error) {
    return { stdout: '', stderr: `${program}: ${(error as NodeJS.ErrnoException).code}\n`, status: 1 };
  }
}

/** The values of a transcript's holes. */
class Holes {
  readonly #bound = new Map<string, string>();
  /** The values of the names in `constants` and of `dir`. */
  readonly #constants: ReadonlyMap<string, string>;

  constructor(dir: string) {
    this.#constants = new Map([['dir', dir], ...Object.entries(constants)]);
  }

  /** Replaces holes by their values in a text that is used. */
  fill(text: string): string {
    return this.#fillBound(text).replace(HOLE, (hole, name: string) => this.#constants.get(name) ?? hole);
  }

  /** Splits an output into lines, and replaces invisible characters and the directory by their names. */
  name(output: string): string[] {
    return toLines(output).map((line) =>
      [...this.#constants].reduce((text, [name, value]) => text.replaceAll(value, `{${name}}`), line),
    );
  }

  /**
   * Fills the holes of an expected output with the corresponding text of the actual one, and binds them. A hole that
   * does not match is kept, so that the diff shows it.
   */
  settle(expected: Output, actual: Output): Output {
    return {
      stdout: expected.stdout.map((line, i) => this.#settleLine(line, actual.stdout[i])),
      stderr: expected.stderr.map((line, i) => this.#settleLine(line, actual.stderr[i])),
      status: expected.status,
    };
  }

  #settleLine(expected: string, actual: string | undefined): string {
    const names: string[] = [];
    const parts = this.#fillBound(expected).split(HOLE); // text, name, text, name, ..., text
    const pattern = parts.map((part, i) => {
      if (i % 2 === 0) return escapeRegExp(part);
      if (this.#constants.has(part)) return escapeRegExp(`{${part}}`);
      if (names.includes(part)) return `\\${names.indexOf(part) + 1}`;
      names.push(part);
      return `(${shapes[/^[a-z]+/.exec(part)?.[0] ?? ''] ?? '.+?'})`;
    });
    const values = new RegExp(`^${pattern.join('')}$`, 's').exec(actual ?? '')?.slice(1);
    for (const [i, name] of names.entries()) if (values?.[i]) this.#bound.set(name, values[i]);
    return this.#fillBound(expected);
  }

  #fillBound(text: string): string {
    return text.replace(HOLE, (hole, name: string) => this.#bound.get(name) ?? hole);
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function toLines(text: string): string[] {
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : [...lines, NO_END];
}

function toText(lines: readonly string[]): string {
  return lines.at(-1) === NO_END ? lines.slice(0, -1).join('\n') : lines.map((line) => `${line}\n`).join('');
}
