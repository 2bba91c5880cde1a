import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import type { Invocation } from './command.js';
import { readInputFile, readStandardInput } from './input.js';

/** The limit of the input in bytes: about 100,000 tokens. */
const LIMIT = 16 * 1024 * 1024;

/** The options of commands that read bearers. */
export interface BearerOptions {
  readonly tokenFile?: string | undefined;
}

export interface Bearer {
  readonly bearer: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Produced one at a time on demand: millions of short lines need no more memory than their text. */
export interface Bearers extends Iterable<Bearer> {
  readonly areSeveral: boolean;
}

/**
 * Reads tokens from standard input or from `--token-file`, one per line; white space around a line is ignored.
 *
 * @throws USAGE for an argument, which would be visible in process lists; NOT_A_TOKEN if there is no token; IO or
 *   PERMISSION
 */
export async function readBearers(
  { args, options, io, terminal, fs }: Invocation<BearerOptions>,
  fileOption = '--token-file',
): Promise<Bearers> {
  if (args.length > 0) {
    throw new ServiceTokensError(
      'USAGE',
      'A token is not accepted as an argument, which would be visible in process lists',
      {
        hint: `Write it to standard input, or name a file that holds it with ${fileOption}.`,
      },
    );
  }
  if (options.tokenFile === undefined) await terminal.ask('Enter tokens, one per line, and end with Ctrl-D:');
  const bytes =
    options.tokenFile === undefined
      ? await readStandardInput(io, LIMIT)
      : readInputFile(absolutePath(options.tokenFile, io), fs, LIMIT);
  const text = bytes.toString('utf8');
  const [first, second] = take(2, bearersIn(text));
  if (first === undefined) throw new ServiceTokensError('NOT_A_TOKEN', 'There is no token in the input');
  return { areSeveral: second !== undefined, [Symbol.iterator]: () => bearersIn(text) };
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
