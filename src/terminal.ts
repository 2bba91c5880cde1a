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
import type { ChalkInstance } from 'chalk';
import type { Surroundings } from './config-dir.js';
import { ServiceTokensError } from './errors.js';
import { ExitCode, type ExitStatus, exitStatusOf } from './exit-codes.js';
import { nodeFileSystem as fs, O_ACCMODE, O_RDWR } from './file-system.js';

/** A stream that text is written to; a failed write rejects. */
export interface Output {
  readonly isTTY: boolean;
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
  return {
    env: process.env,
    cwd: process.cwd(),
    toolPath: fs.realpathSync(process.argv[1] ?? '.'),
    get stdin() {
      return process.stdin; // asked for by a command that reads it: to open it takes time, and may wait
    },
    stdout: wasClosed(1) ? closedOutput : outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    get isMerged() {
      return !process.stderr.isTTY && isSameFile(1, 2);
    },
    get interrupted() {
      signals ??= listenForSignals();
      return signals;
    },
  };
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

function outputOf(stream: NodeJS.WriteStream): Output {
  stream.on('error', () => {}); // told by write's callback; without a listener it would end the process
  return {
    isTTY: stream.isTTY === true,
    write: (text) =>
      new Promise((resolve, reject) => stream.write(text, (error) => (error ? reject(error) : resolve()))),
  };
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
 * Whether a stream was closed when the process began (`>&-`). Node opens /dev/null in its place, for reading and
 * writing; a shell's own `>/dev/null` is for writing only. Where there is no /proc, nobody can tell.
 */
function wasClosed(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
    return (
      (Number.parseInt(flags, 8) & O_ACCMODE) === O_RDWR &&
      fs.fstatSync(fd).rdev === fs.statSync('/dev/null').rdev
    );
  } catch {
    return false;
  }
}

const closedOutput: Output = {
  isTTY: false,
  write: () => Promise.reject(Object.assign(new Error('closed'), { code: 'EBADF' })),
};

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
      const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new ServiceTokensError('IO', `could not write to standard output: ${reason}`, { cause });
    }
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
    const status = isOurs ? exitStatusOf(error.code) : ExitCode.SOFTWARE;
    const message = isOurs
      ? error.message
      : `internal error: ${error instanceof Error ? error.message : error}`;
    const suffix = isOurs && error.code === 'OPTION' ? '' : `, with exit code ${status}`;
    const lines = [`${await this.#label('ERROR:', 'red')} ${escapeControls(message)}${suffix}`];
    if (isOurs && error.hint !== undefined) lines.push(escapeControls(error.hint));
    if (!isOurs && this.verbose && error instanceof Error) lines.push(error.stack ?? '');
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

let chalkModule: Promise<typeof import('chalk')> | undefined;

/** Control characters, line separators and bidirectional overrides, as JavaScript would write them in a string. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
