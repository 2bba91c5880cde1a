import { resolve } from 'node:path';
import { ServiceTokensError } from '../errors.js';
import { fileError } from '../file-errors.js';
import type { Invocation } from './command.js';

/**
 * Reads tokens from standard input or from `--token-file`, one a line; white space around a line is dropped.
 *
 * @returns each with the number of its line
 * @throws USAGE for an argument, which every process list would show; NOT_A_TOKEN when there is none; IO or PERMISSION
 */
export async function readBearers({
  args,
  options,
  io,
  fs,
}: Invocation): Promise<{ bearer: string; line: number }[]> {
  if (args.length > 0) {
    throw new ServiceTokensError(
      'USAGE',
      'A token is not taken as an argument: every process list would show it',
      {
        hint: 'Write it to standard input, or name a file that holds it with --token-file.',
      },
    );
  }
  const text =
    options.tokenFile === undefined ? await readAll(io.stdin) : readFile(options.tokenFile, io.cwd, fs);
  const lines = text.split('\n').map((line, index) => ({ bearer: line.trim(), line: index + 1 }));
  const bearers = lines.filter(({ bearer }) => bearer !== '');
  if (bearers.length > 0) return bearers;
  throw new ServiceTokensError('NOT_A_TOKEN', 'There is no token in the input');
}

async function readAll(stdin: AsyncIterable<string | Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  } catch (error) {
    throw fileError(error, 'could not read', 'standard input');
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readFile(path: string, cwd: string, fs: Invocation['fs']): string {
  try {
    return fs.readFileSync(resolve(cwd, path), 'utf8');
  } catch (error) {
    throw fileError(error, 'could not read', resolve(cwd, path));
  }
}
