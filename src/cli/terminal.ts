/**
 * The rules for the output of the command:
 * - stdout contains only the answer; warnings, errors, hints and usage go to stderr;
 * - an error is one line, `ERROR: <message>, with exit code <n>`; like the original, parser errors have no suffix;
 * - a hint follows on lines of its own;
 * - unless `-s` is given, a usage error shows the usage of the command first, or at the end where the help is;
 * - a warning is never suppressed: the tool warns only where something is wrong;
 * - control characters in a message are escaped, so that it stays on one line;
 * - what looks like a token is never repeated in a message, wherever the user has put it;
 * - only a label, such as `ERROR:`, is colored, and only on a terminal (NO_COLOR, FORCE_COLOR, --no-color).
 */
import { Chalk } from 'chalk';
import type { Surroundings } from '../config/config-dir.js';
import { errnoOf } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { ExitCode, type ExitStatus, statusOf } from './exit-codes.js';

export interface Output {
  readonly isTTY: boolean;
  /** Why a write would be lost, as an errno, if that is known in advance. */
  readonly fault?: string | undefined;
  write(text: string | Uint8Array): Promise<void>;
}

/** Everything that the command uses of its process. */
export interface Io extends Surroundings {
  readonly stdin: AsyncIterable<string | Uint8Array> & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * Aborted by SIGHUP, SIGINT or SIGTERM, with the error to exit with. Reading this property disables the default
   * action of these signals, so only a command that has something to undo reads it.
   */
  readonly interrupted: AbortSignal;
  /** Sets the number of threads of libuv's pool; has no effect after the pool is first used. */
  useThreads?(count: number): void;
}

const PIECE = 64 * 1024; // characters of a long answer that are written at a time

export type LabelColor = 'red' | 'yellow' | 'blue' | 'green';

export class Terminal {
  readonly #io: Io;
  /** The usage of the current command, shown before a usage error. */
  usage = '';
  /** Where the help is, shown after a usage error. */
  pointer = '';
  silent = false;
  verbose = false;
  color: boolean | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  /** Writes an answer to stdout. @throws IO if it cannot be written; the signal's reason */
  async answer(text: string | Uint8Array): Promise<void> {
    if (text.length === 0) return;
    try {
      await this.#io.stdout.write(text);
    } catch (cause) {
      if (cause instanceof ServiceTokensError) throw cause; // a signal ended it
      throw notWritten((cause as NodeJS.ErrnoException).code ?? 'unknown error', cause);
    }
  }

  answerJson(value: unknown): Promise<void> {
    return this.answer(`${toJson(value)}\n`);
  }

  /** Writes a long answer in pieces, so that a slow reader does not fill memory. */
  async answerAll(parts: Iterable<string>): Promise<void> {
    let piece = '';
    for (const part of parts) {
      if (piece.length + part.length > PIECE) {
        await this.answer(piece);
        piece = '';
      }
      piece += part;
    }
    await this.answer(piece);
  }

  /** Writes lines with names of a file: as they are, but on a terminal with control characters escaped. */
  async answerNames(parts: Iterable<string>): Promise<void> {
    const shown = (lines: string) => lines.split('\n').map(escapeControls).join('\n');
    for (const lines of parts) await this.answer(this.#io.stdout.isTTY ? shown(lines) : lines);
  }

  /** Shows the progress of a long command on a terminal, in place of the previous text; an empty text clears it. */
  progress(text: string): void {
    if (this.#io.stderr.isTTY && !this.silent) void this.#say(`\r\u001b[K${text}`);
  }

  async note(text: string): Promise<void> {
    if (!this.silent) await this.#say(`${shown(text)}\n`);
  }

  /** The error for a secret that would be lost on stdout; undefined if stdout can be written. */
  get stdoutFault(): ServiceTokensError | undefined {
    const { fault } = this.#io.stdout;
    return fault === undefined ? undefined : notWritten(fault);
  }

  async ask(text: string): Promise<void> {
    if (this.#io.stdin.isTTY === true) await this.#say(`${text}\n`);
  }

  async warn([first = '', ...more]: readonly string[]): Promise<void> {
    const lines = [`${this.label('WARNING:', 'yellow')} ${shown(first)}`, ...more.map(shown)];
    await this.#say(`${[...lines, ...aboutHidden([first, ...more])].join('\n')}\n`);
  }

  async fail(error: unknown): Promise<ExitStatus> {
    const known = error instanceof ServiceTokensError ? error : undefined;
    const status = known === undefined ? ExitCode.OS_ERROR : statusOf[known.code];
    const message = known?.message ?? `internal error: ${error instanceof Error ? error.message : error}`;
    const suffix = known?.code === 'OPTION' ? '' : `, with exit code ${status}`;
    const lines = [`${this.label('ERROR:', 'red')} ${shown(message)}${suffix}`];
    if (known?.hint !== undefined) lines.push(shown(known.hint));
    lines.push(...aboutHidden([message]));
    if (known === undefined && this.verbose && error instanceof Error)
      lines.push(hideTokens(error.stack ?? ''));
    if (status === ExitCode.USAGE && !this.silent) {
      if (this.usage !== '') lines.unshift(this.usage, '');
      if (this.pointer !== '') lines.push(this.pointer);
    }
    await this.#say(`${lines.join('\n')}\n`);
    return status;
  }

  /** Failed writes to stderr are ignored: the exit status still reports the error. */
  async #say(text: string): Promise<void> {
    await this.#io.stderr.write(text).catch(() => {});
  }

  label(text: string, color: LabelColor, stream: 'stdout' | 'stderr' = 'stderr'): string {
    return this.#wantsColor(this.#io[stream]) ? new Chalk({ level: 1 }).bold[color](text) : text;
  }

  #wantsColor({ isTTY }: Output): boolean {
    const { NO_COLOR, FORCE_COLOR, TERM } = this.#io.env;
    if (this.color === false || NO_COLOR) return false;
    return FORCE_COLOR === undefined ? isTTY && TERM !== 'dumb' : !['', '0', 'false'].includes(FORCE_COLOR);
  }
}

/** Whether an answer could not be written because its reader has closed the pipe. */
export function isUnread(error: unknown): boolean {
  return error instanceof ServiceTokensError && errnoOf(error.cause) === 'EPIPE';
}

function notWritten(reason: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('IO', `could not write to standard output: ${reason}`, { cause });
}

/** What begins like every service account token: with the base64 of the bytes 00 01 00. */
const TOKEN = /AAEAA[\w+/=-]+/g;
const WHERE_TOKENS_GO =
  'What is not shown looks like a token. Write tokens to standard input, or name a file that holds them with --token-file.';

/** Replaces what looks like a token, which the user may have put in the place of a path. */
export function hideTokens(text: string): string {
  return text.replace(TOKEN, '(not shown)');
}

/** Where tokens go, if something is hidden in a message. */
export function aboutHidden(texts: readonly string[]): string[] {
  return texts.some((text) => hideTokens(text) !== text) ? [WHERE_TOKENS_GO] : [];
}

export function shown(text: string): string {
  return escapeControls(hideTokens(text));
}

export function toJson(value: unknown): string {
  return escapeControls(JSON.stringify(value));
}

/** Escapes control characters, line separators and bidirectional overrides as in a JavaScript string. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
