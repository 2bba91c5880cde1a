import type { Purpose } from '../../access/identity.js';
import type { Principal } from '../../accounts/known-accounts.js';
import { MAX_FILE_BYTES } from '../../disk/atomic-file.js';
import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import { FileContent } from '../../tokens-file/file-content.js';
import { readTokensFile } from '../../tokens-file/tokens-file-transaction.js';
import type { Invocation } from './command.js';
import { readStandardInput, STANDARD_INPUT, STREAM } from './input.js';
import { openServerPaths } from './server-paths.js';

/** The tokens file that a command reads, and the user who runs the server, if the command reads as that user. */
export type ReadTokens = Awaited<ReturnType<typeof readTokens>>;

/** Reads the command's tokens file. @throws MALFORMED_FILE if the server could not read it; IO; PERMISSION */
export async function readTokens(invocation: Invocation, purpose: Purpose) {
  const { configDir, tokensFile, inTokensDir } = await openServerPaths(invocation, purpose);
  return inTokensDir(async ({ fs, resolved, server }) => {
    return { ...readTokensFile({ fs, resolved, path: tokensFile }), configDir, tokensFile, server };
  });
}

/**
 * Reads the stored hashes, by qualified name, of a tokens file that must exist: its name may be misspelled.
 *
 * @param file as named on the command line, `-` for standard input; the command's tokens file by default
 */
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
