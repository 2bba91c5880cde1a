/**
 * What the command says, and where:
 * - stdout carries the answer only; warnings, errors, hints and usage go to stderr;
 * - an error is one line, `ERROR: <message>, with exit code <n>`; the option parser's have no suffix, as the original's;
 * - a usage error shows the command's usage first, unless `-s`; a hint follows on lines of its own;
 * - a warning is withheld where it would get into an answer: behind one, where both streams are one pipe or file (2>&1);
 *   scripts in the wild read such an answer to its last word;
 * - control characters in a message are escaped, so that a line stays a line;
 * - only a label, as of an error, is coloured, and only on a terminal (NO_COLOR, FORCE_COLOR, --no-color).
 */
import type { ChalkInstance } from 'chalk';
import type { Surroundings } from '../config/config-dir.js';
import { ServiceTokensError } from '../errors.js';
import { ExitCode, type ExitStatus, exitStatusOf } from './exit-codes.js';

/** A stream that text is written to; a failed write rejects. */
export interface Output {
  readonly isTTY: boolean;
  /** Why nobody can read what is written, as an errno, where that is known before. */
  readonly fault?: string | undefined;
  write(text: string | Uint8Array): Promise<void>;
}

/** All that the command takes from its process. */
export interface Io extends Surroundings {
  readonly stdin: AsyncIterable<string | Uint8Array> & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether both streams are one pipe or file, and no terminal. */
  readonly isMerged: boolean;
  /**
   * Aborted, with the error to end with, by SIGHUP, SIGINT or SIGTERM. Asking for it takes these signals' own effect
   * away, so only a command that has something to undo asks.
   */
  readonly interrupted: AbortSignal;
  /** Gives libuv's pool a number of threads; it has an effect before the pool is first used. */
  useThreads?(count: number): void;
}

type Stream = 'stdout' | 'stderr';
export type LabelColor = 'red' | 'yellow' | 'blue' | 'green';

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
  async answer(text: string | Uint8Array): Promise<void> {
    try {
      await this.#io.stdout.write(text);
      this.#hasAnswered = true;
    } catch (cause) {
      throw notWritten((cause as NodeJS.ErrnoException).code ?? 'unknown error', cause);
    }
  }

  /** Writes an answer of several parts. @throws IO as `answer` does */
  async answerBytes(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) if (part.length > 0) await this.answer(part);
  }

  /** Shows on a terminal how far a long command has come, in place of what was shown before; nothing ends it. */
  progress(text: string): void {
    if (this.#io.stderr.isTTY && !this.silent) void this.#say(`\r\u001b[K${text}`);
  }

  /** Says on stderr what was done, or would be done. */
  async note(text: string): Promise<void> {
    if (!this.silent) await this.#say(`${escapeControls(text)}\n`);
  }

  /** What to end with instead of writing a secret that nobody could read on stdout; undefined where somebody may. */
  get deadEnd(): ServiceTokensError | undefined {
    const { fault } = this.#io.stdout;
    return fault === undefined ? undefined : notWritten(fault);
  }

  /** Asks on stderr for what is to be typed on the terminal that is standard input. */
  async ask(text: string): Promise<void> {
    if (this.#io.stdin.isTTY === true) await this.#say(`${text}\n`);
  }

  /** Writes a warning to stderr; what follows the first line stands on lines of its own. */
  async warn([first = '', ...more]: readonly string[]): Promise<void> {
    if (this.#hasAnswered && this.#io.isMerged) return;
    const lines = [
      `${await this.label('WARNING:', 'yellow')} ${escapeControls(first)}`,
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
    const lines = [`${await this.label('ERROR:', 'red')} ${escapeControls(message)}${suffix}`];
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

  /**
   * Colours the label of a line.
   *
   * @param stream where the line is written
   */
  async label(text: string, color: LabelColor, stream: Stream = 'stderr'): Promise<string> {
    const chalk = await this.prepare(stream);
    return chalk === undefined ? text : chalk.bold[color](text);
  }

  /** Loads what a label needs, when it is first needed, and only once: later its files may not be readable. */
  async prepare(stream: Stream = 'stderr'): Promise<ChalkInstance | undefined> {
    if (!this.#wantsColor(stream)) return undefined;
    chalkModule ??= import('chalk');
    return new (await chalkModule).Chalk({ level: 1 });
  }

  #wantsColor(stream: Stream): boolean {
    const { env, [stream]: output } = this.#io;
    if (this.color === false || env['NO_COLOR']) return false;
    if (env['FORCE_COLOR'] !== undefined) return !['', '0', 'false'].includes(env['FORCE_COLOR']);
    return output.isTTY && env['TERM'] !== 'dumb';
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
