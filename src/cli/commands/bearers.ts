import { absolutePath } from '../../config/config-dir.js';
import { openRegular, readBounded } from '../../disk/bounded-read.js';
import { readCallerDescriptor } from '../../disk/caller-descriptor.js';
import { fileError, tooLarge } from '../../disk/file-errors.js';
import type { FileSystem } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import type { Invocation } from './command.js';

/** The most that is read, in bytes: some 100,000 tokens. */
const LIMIT = 16 * 1024 * 1024;

/** The options of commands that read bearers. */
export interface BearerOptions {
  readonly tokenFile?: string;
}

export interface Bearer {
  readonly bearer: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Made one after the other, when they are asked for: millions of short lines take no more memory than their text. */
export interface Bearers extends Iterable<Bearer> {
  readonly areSeveral: boolean;
}

/**
 * Reads tokens from standard input or from `--token-file`, one a line; white space around a line is dropped.
 *
 * @throws USAGE for an argument, which every process list would show; NOT_A_TOKEN when there is none; IO or PERMISSION
 */
export async function readBearers({
  args,
  options,
  io,
  terminal,
  fs,
}: Invocation<BearerOptions>): Promise<Bearers> {
  if (args.length > 0) {
    throw new ServiceTokensError(
      'USAGE',
      'A token is not taken as an argument: every process list would show it',
      {
        hint: 'Write it to standard input, or name a file that holds it with --token-file.',
      },
    );
  }
  if (options.tokenFile === undefined) await terminal.ask('Enter tokens, one per line, and end with Ctrl-D:');
  const bytes =
    options.tokenFile === undefined
      ? await readStream(io.stdin)
      : readFile(absolutePath(options.tokenFile, io), fs);
  const text = bytes.toString('utf8');
  const [first, second] = take(2, bearersIn(text));
  if (first === undefined) throw new ServiceTokensError('NOT_A_TOKEN', 'There is no token in the input');
  return { areSeveral: second !== undefined, [Symbol.iterator]: () => bearersIn(text) };
}

async function readStream(stdin: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stdin) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      size += bytes.length;
      if (size > LIMIT) throw tooLarge('standard input', LIMIT);
    }
  } catch (error) {
    throw fileError(error, 'could not read', 'standard input');
  }
  return Buffer.concat(chunks);
}

function readFile(path: string, fs: FileSystem): Buffer {
  return readCallerDescriptor(fs, path, LIMIT) ?? readRegular(path, fs);
}

function readRegular(path: string, fs: FileSystem): Buffer {
  try {
    const opened = openRegular(fs, path);
    if (opened.fd === undefined) {
      throw new ServiceTokensError('IO', `could not read [${path}]: it is ${opened.kind}`);
    }
    try {
      const bytes = readBounded(fs, opened.fd, LIMIT);
      if (bytes.length > LIMIT) throw tooLarge(path, LIMIT, Math.max(Number(opened.stat.size), bytes.length));
      return bytes;
    } finally {
      fs.closeSync(opened.fd);
    }
  } catch (error) {
    throw fileError(error, 'could not read', path);
  }
}

function* bearersIn(text: string): Generator<Bearer, undefined> {
  for (let start = 0, line = 1; start < text.length; line++) {
    const lineFeed = text.indexOf('\n', start);
    const end = lineFeed < 0 ? text.length : lineFeed;
    const bearer = start === end ? '' : text.slice(start, end).trim();
    if (bearer !== '') yield { bearer, line };
    start = end + 1;
  }
}

function take<T>(count: number, items: Iterable<T>): T[] {
  const taken: T[] = [];
  for (const item of items) if (taken.push(item) === count) break;
  return taken;
}
