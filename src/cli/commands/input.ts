import { dirname } from 'node:path';
import { chooseIdentity, type Purpose } from '../../access/identity.js';
import { readTrusted } from '../../access/trusted-read.js';
import { callerDescriptor, readCallerDescriptor } from '../../disk/caller-descriptor.js';
import { fileError, tooLarge } from '../../disk/file-errors.js';
import type { FileSystem } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import { absolutePath } from '../../paths.js';
import type { Io } from '../terminal.js';

/** The name of standard input on the command line. */
export const STREAM = '-';

/** Whether a file on the command line is standard input, by any of its names. */
export function isStandardInput(file: string, io: Io): boolean {
  return file === STREAM || callerDescriptor(absolutePath(file, io)) === 0;
}

/**
 * Reads standard input to its end.
 *
 * @param limit in bytes
 * @throws IO, also if the input exceeds the limit
 */
export async function readStandardInput({ stdin }: Io, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stdin) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes);
      size += bytes.length;
      if (size > limit) throw tooLarge('standard input', limit);
    }
  } catch (error) {
    throw fileError(error, 'could not read', 'standard input');
  }
  return Buffer.concat(chunks);
}

/**
 * Reads a file, or a descriptor that the caller passed.
 *
 * @param path an absolute path
 * @param limit in bytes
 * @param purpose a copy is refused where a change is: root must not be led to another file
 * @throws IO, also if it is not a regular file or exceeds the limit; PERMISSION
 */
export function readInputFile(path: string, fs: FileSystem, limit: number, purpose: Purpose): Buffer {
  const passed = readCallerDescriptor(fs, path, limit);
  if (passed !== undefined) return passed;
  const hint = 'Use sudo -u USER or docker exec -u USER, or give the content on standard input.';
  const options = { configDir: dirname(path), purpose, hint };
  const found = readTrusted(fs, path, limit, (resolved) =>
    purpose === 'copy' ? chooseIdentity(resolved, options, fs) : undefined,
  );
  if (found !== undefined) return found.bytes;
  throw new ServiceTokensError('IO', `could not read [${path}]: it does not exist`);
}
