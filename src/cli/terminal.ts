/**
 * What the command says, and where:
 * - stdout carries the answer only; warnings, errors, hints and usage go to stderr;
 * - an error is one line, `ERROR: <message>, with exit code <n>`; the option parser's have no suffix, as the original's;
 * - a usage error shows the command's usage first, unless `-s`; a hint follows on lines of its own;
 * - a warning is withheld where it would get into an answer: behind one, where both streams are one pipe or file (2>&1);
 *   scripts in the wild read such an answer to its last word;
 * - control characters in a message are escaped, so that a line stays a line;
 * - only the label of an error or a warning is coloured, and only on a terminal (NO_COLOR, FORCE_COLOR, --no-color).
 */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { ChalkInstance } from 'chalk';
import type { Surroundings } from '../config/config-dir.js';
import {
  accessModeOf,
  errnoOf,
  nodeFileSystem as fs,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  type Stats,
} from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { ExitCode, type ExitStatus, exitStatusOf } from './exit-codes.js';

/** A stream that text is written to; a failed write rejects. */
export interface Output {
  readonly isTTY: boolean;
  /** Why nobody can read what is written, as an errno, where that is known before. */
  readonly fault?: string | undefined;
  write(text: string): Promise<void>;
}

/** All that the command takes from its process. */
export interface Io extends Surroundings {
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether both streams are one pipe or file, and no terminal. */
  readonly isMerged: boolean;
  /**
   * Aborted, with the error to end with, by SIGHUP, SIGINT or SIGTERM. Asking for it takes these signals' own effect
   * away, so only a command that has something to undo asks.
   */
  readonly interrupted: AbortSignal;
}

/** The Io of this process. */
export function processIo(): Io {
  const cwd = attempt(() => process.cwd()); // now, as the directory may be another one later
  const toolFile = process.argv[1] ?? '.';
  return {
    env: process.env,
    get cwd() {
      if (cwd !== undefined) return cwd;
      throw new ServiceTokensError('CONFIG', 'The current directory does not exist', {
        hint: 'Change to one that exists, or give absolute paths.',
      });
    },
    // In a standalone executable, the second word names a file that only it can see.
    toolPath: attempt(() => fs.realpathSync(toolFile)) ?? process.execPath,
    get stdin() {
      // Asked for by a command that reads it: to open it takes time, and may wait.
      return inputOf(0);
    },
    stdout: outputOf(1),
    stderr: outputOf(2),
    get isMerged() {
      return !this.stderr.isTTY && isSameFile(1, 2);
    },
    get interrupted() {
      signals ??= listenForSignals();
      return signals;
    },
  };
}

function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

let signals: AbortSignal | undefined;

function listenForSignals(): AbortSignal {
  const controller = new AbortController();
  const codes = { SIGHUP: 'HANGUP', SIGINT: 'INTERRUPT', SIGTERM: 'TERMINATED' } as const;
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    if (isIgnored(constants.signals[signal])) continue; // by nohup, or by a shell for its background jobs
    process.on(signal, () =>
      controller.abort(
        new ServiceTokensError(codes[signal], `interrupted by ${signal}, nothing has changed`),
      ),
    );
  }
  return controller.signal;
}

/** SigIgn in proc(5)'s status is a hexadecimal mask, with signal 1 in its lowest bit. */
function isIgnored(signal: number): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Node reads a directory or a disk as an empty stream, without a word. */
function inputOf(fd: number): AsyncIterable<string | Uint8Array> {
  const stat = attempt(() => fs.fstatSync(fd));
  return stat?.isDirectory() || stat?.isBlockDevice() ? chunksOf(fd) : process.stdin;
}

async function* chunksOf(fd: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    const read = fs.readSync(fd, chunk, 0, chunk.length, null);
    if (read === 0) return;
    yield Buffer.from(chunk.subarray(0, read));
  }
}

/** Opens the stream of a descriptor only where it must: that takes time, and makes a pipe non-blocking for everybody. */
function outputOf(fd: 1 | 2): Output {
  const stat = attempt(() => fs.fstatSync(fd));
  const fault = faultOf(fd, stat); // now, as /proc may tell another user nothing
  const isTTY = stat?.isCharacterDevice() === true && !isNull(stat) && isatty(fd);
  const isPipe = stat?.isFIFO() === true;
  if (!isTTY && !isPipe && !stat?.isSocket()) {
    return { isTTY, fault, write: async (text) => writeAll(fd, Buffer.from(text)) };
  }
  return {
    isTTY,
    fault,
    async write(text) {
      const bytes = Buffer.from(text);
      const rest = isPipe && fault === undefined ? writeAtOnce(fd, bytes) : bytes;
      if (rest.length > 0) await writeToStream(fd, rest);
    },
  };
}

/**
 * Writes what a pipe takes without waiting, through a descriptor of our own, which alone does not block: a signal can
 * be heard while the rest waits.
 *
 * @returns the rest; all, where there is no /proc, or the pipe has no reader, or is another user's
 */
function writeAtOnce(fd: number, bytes: Uint8Array): Uint8Array {
  const own = attempt(() => fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK));
  if (own === undefined) return bytes;
  let rest = bytes;
  try {
    while (rest.length > 0) rest = rest.subarray(fs.writeSync(own, rest));
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error;
  } finally {
    fs.closeSync(own);
  }
  return rest;
}

function writeToStream(fd: 1 | 2, bytes: Uint8Array): Promise<void> {
  const stream = fd === 1 ? process.stdout : process.stderr;
  // Told by write's callback; without a listener it would end the process.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Node drops what it writes to a directory, and does not look whether a file on a full disk took all of it. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) {
    offset += fs.writeSync(fd, bytes, offset, bytes.length - offset, null);
  }
}

function isSameFile(fd: number, other: number): boolean {
  try {
    const [a, b] = [fs.fstatSync(fd), fs.fstatSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/**
 * Why nobody can read what is written to a descriptor, as an errno. Node opens /dev/null for reading and writing in the
 * place of one that was closed (`>&-`), and nothing tells that from the same opened by a parent process (Python's
 * subprocess.DEVNULL, Node's `stdio: 'ignore'`); a shell's own `>/dev/null` is for writing only, and the caller's
 * choice. Where there is no /proc, nobody can tell.
 */
function faultOf(fd: number, stat: Stats | undefined): string | undefined {
  if (stat === undefined) return 'EBADF';
  if (stat.isDirectory()) return 'EISDIR';
  const mode = accessModeOf(fs, fd);
  return mode === O_RDONLY || (mode === O_RDWR && isNull(stat)) ? 'EBADF' : undefined;
}

function isNull(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === attempt(() => fs.statSync('/dev/null'))?.rdev;
}

export class Terminal {
  readonly #io: Io;
  /** The usage of the command at work, shown before a usage error. */
  usage = '';
  silent = false;
  verbose = false;
  color: boolean | undefined;
  #hasAnswered = false;

  constructor(io: Io) {
    this.#io = io;
  }

  /**
   * Writes an answer to stdout.
   *
   * @throws IO when stdout does not take it, so that nobody believes it was delivered
   */
  async answer(text: string): Promise<void> {
    try {
      await this.#io.stdout.write(text);
      this.#hasAnswered = true;
    } catch (cause) {
      throw notWritten((cause as NodeJS.ErrnoException).code ?? 'unknown error', cause);
    }
  }

  /** What to end with instead of writing a secret that nobody could read on stdout; undefined where somebody may. */
  get deadEnd(): ServiceTokensError | undefined {
    const { fault } = this.#io.stdout;
    return fault === undefined ? undefined : notWritten(fault);
  }

  /** Writes a warning to stderr; what follows the first line stands on lines of its own. */
  async warn([first = '', ...more]: readonly string[]): Promise<void> {
    if (this.#hasAnswered && this.#io.isMerged) return;
    const lines = [
      `${await this.#label('WARNING:', 'yellow')} ${escapeControls(first)}`,
      ...more.map(escapeControls),
    ];
    await this.#say(`${lines.join('\n')}\n`);
  }

  /** Writes an error to stderr. @returns the exit status */
  async fail(error: unknown): Promise<ExitStatus> {
    const isOurs = error instanceof ServiceTokensError;
    const status = isOurs ? exitStatusOf(error.code) : ExitCode.OS_ERROR;
    const message = isOurs
      ? error.message
      : `internal error: ${error instanceof Error ? error.message : error}`;
    const suffix = isOurs && error.code === 'OPTION' ? '' : `, with exit code ${status}`;
    const lines = [`${await this.#label('ERROR:', 'red')} ${escapeControls(message)}${suffix}`];
    if (isOurs && error.hint !== undefined) lines.push(escapeControls(error.hint));
    if (!isOurs && this.verbose && error instanceof Error) lines.push(await stackOf(error));
    const usage = status === ExitCode.USAGE && !this.silent && this.usage ? `${this.usage}\n\n` : '';
    await this.#say(`${usage}${lines.join('\n')}\n`);
    return status;
  }

  /** What can't be said on stderr can't be said: the exit status still tells. */
  async #say(text: string): Promise<void> {
    await this.#io.stderr.write(text).catch(() => {});
  }

  async #label(text: string, color: 'red' | 'yellow'): Promise<string> {
    const chalk = await this.prepare();
    return chalk === undefined ? text : chalk.bold[color](text);
  }

  /** Loads what a label needs, when it is first needed, and only once: later its files may not be readable. */
  async prepare(): Promise<ChalkInstance | undefined> {
    if (!this.#wantsColor()) return undefined;
    chalkModule ??= import('chalk');
    return new (await chalkModule).Chalk({ level: 1 });
  }

  #wantsColor(): boolean {
    const { env, stderr } = this.#io;
    if (this.color === false || env['NO_COLOR']) return false;
    if (env['FORCE_COLOR'] !== undefined) return !['', '0', 'false'].includes(env['FORCE_COLOR']);
    return stderr.isTTY && env['TERM'] !== 'dumb';
  }
}

function notWritten(reason: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('IO', `could not write to standard output: ${reason}`, { cause });
}

async function stackOf(error: Error): Promise<string> {
  const { sourceStack } = await import('./source-stack.js'); // only when needed
  return sourceStack(error.stack ?? '');
}

let chalkModule: Promise<typeof import('chalk')> | undefined;

/** Control characters, line separators and bidirectional overrides, as JavaScript would write them in a string. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
