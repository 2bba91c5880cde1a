import type { Purpose } from '../../access/identity.js';
import type { Principal } from '../../accounts/known-accounts.js';
import { MAX_FILE_BYTES } from '../../disk/atomic-file.js';
import { callerDescriptor } from '../../disk/caller-descriptor.js';
import { fileError, tooLarge } from '../../disk/file-errors.js';
import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import { FileContent } from '../../tokens-file/file-content.js';
import { readTokensFile } from '../../tokens-file/tokens-file-transaction.js';
import type { Io } from '../terminal.js';
import type { Invocation } from './command.js';
import { openServerPaths } from './server-paths.js';

/** The name of standard input on the command line, and in messages. */
export const STREAM = '-';
export const STANDARD_INPUT = 'standard input';

/** The tokens file that a command reads, and the user who runs the server, if the command reads as that user. */
export type ReadTokens = Awaited<ReturnType<typeof readTokens>>;

export async function readTokens(invocation: Invocation, purpose: Purpose) {
  const { configDir, tokensFile, inTokensDir } = await openServerPaths(invocation, purpose);
  return inTokensDir(async ({ fs, resolved, server }) => {
    return { ...readTokensFile({ fs, resolved, path: tokensFile }), configDir, tokensFile, server };
  });
}

/** Reads the hashes in a file, which must exist: its name may be misspelled. @param file as named on the command line */
export async function readEntries(
  invocation: Invocation,
  purpose: Purpose,
  file?: string,
): Promise<ReadonlyMap<string, string>> {
  const { options, io } = invocation;
  if (file === STREAM) {
    return FileContent.parse(await readStandardInput(io, MAX_FILE_BYTES), STANDARD_INPUT).entries();
  }
  const named = file === undefined ? options : { ...options, file: absolutePath(file, io) };
  const { content, exists, tokensFile } = await readTokens({ ...invocation, options: named }, purpose);
  if (exists) return content.entries();
  throw new ServiceTokensError('IO', `could not read [${file ?? tokensFile}]: it does not exist`);
}

export type Entry = readonly [key: string, hash: string];

/** Returns the entries of an account, or all, in the order of their names. */
export function sortedEntries(entries: ReadonlyMap<string, string>, principal?: Principal): Entry[] {
  return [...entries]
    .filter(([key]) => principal === undefined || key.startsWith(`${principal}/`))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Whether a file on the command line is standard input, by any of its names. */
export function isStandardInput(file: string, io: Io): boolean {
  return file === STREAM || callerDescriptor(absolutePath(file, io)) === 0;
}

/** Reads standard input to its end. @param limit in bytes @throws IO, also if the input exceeds the limit */
export async function readStandardInput({ stdin }: Io, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stdin) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      size += bytes.length;
      if (size > limit) throw tooLarge(STANDARD_INPUT, limit);
    }
  } catch (error) {
    throw fileError(error, 'could not read', STANDARD_INPUT);
  }
  return Buffer.concat(chunks);
}
