import type { Purpose } from '../../access/identity.js';
import { MAX_FILE_BYTES } from '../../disk/atomic-file.js';
import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import { FileContent } from '../../tokens-file/file-content.js';
import { readTokensFile } from '../../tokens-file/tokens-file-transaction.js';
import type { Invocation } from './command.js';
import { readStandardInput, STREAM } from './input.js';
import { openPlace } from './place.js';

/**
 * Reads the entries of a tokens file that is named on the command line, or of standard input.
 *
 * @param purpose what becomes of the hashes: see openPlace
 * @returns stored hashes by qualified name
 * @throws IO if the file does not exist, since its name may be misspelled; MALFORMED_FILE; PERMISSION
 */
export async function readEntries(
  file: string,
  invocation: Invocation,
  purpose: Purpose,
): Promise<ReadonlyMap<string, string>> {
  const { options, io } = invocation;
  if (file === STREAM) {
    return FileContent.parse(await readStandardInput(io, MAX_FILE_BYTES), 'standard input').entries();
  }
  const named = { ...invocation, options: { ...options, file: absolutePath(file, io) } };
  return readOwnEntries(named, purpose, file);
}

/** Reads the entries of the command's tokens file, like readEntries. @param shown its name in messages */
export async function readOwnEntries(
  invocation: Invocation,
  purpose: Purpose,
  shown?: string,
): Promise<ReadonlyMap<string, string>> {
  const { tokensFile, inTokensDir } = await openPlace(invocation, purpose);
  return inTokensDir(async ({ fs, resolved }) => {
    const { content, exists } = readTokensFile({ fs, resolved, path: tokensFile });
    if (exists) return content.entries();
    throw new ServiceTokensError('IO', `could not read [${shown ?? tokensFile}]: it does not exist`);
  });
}
