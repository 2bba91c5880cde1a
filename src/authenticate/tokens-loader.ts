import { MAX_FILE_BYTES } from '../disk/atomic-file.js';
import { fileError } from '../disk/file-errors.js';
import { type FileSystem, ifExists, O_NOCTTY, O_NONBLOCK, O_RDONLY } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { FileContent } from '../tokens-file/file-content.js';
import type { Pause } from './turns.js';

/** The content of a tokens file, as a node loads it. */
export interface Loaded {
  /** Stored hashes by qualified name. */
  readonly entries: ReadonlyMap<string, string>;
  /** Why the file cannot be read; there are no entries then. */
  readonly error?: ServiceTokensError;
}

/** How much is read in a slice. */
export const PIECE_BYTES = 2 ** 20;
/** How often a file is read if it changes during each read. */
export const ATTEMPTS = 5;

/**
 * Loads a consistent state of a tokens file, in slices. Symlinks are followed.
 *
 * @param path the file; a missing file is empty
 * @param pause waits between two slices; if it throws, loading stops
 * @returns the entries, or the error; nothing is thrown
 */
export async function loadTokens(fs: FileSystem, path: string, pause: Pause): Promise<Loaded> {
  try {
    return { entries: FileContent.parse(await readWhole(fs, path, pause), path).entries() };
  } catch (error) {
    return { entries: new Map(), error: asOurs(error, path) };
  }
}

/** @throws IO if the file keeps changing; and what a failed system call throws */
async function readWhole(fs: FileSystem, path: string, pause: Pause): Promise<Uint8Array> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const bytes = await readOnce(fs, path, pause);
    if (bytes !== undefined) return bytes;
  }
  throw unreadable(path, `it changed during each of ${ATTEMPTS} reads`);
}

/** @returns undefined if the file has changed meanwhile */
async function readOnce(fs: FileSystem, path: string, pause: Pause): Promise<Uint8Array | undefined> {
  const fd = ifExists(() => fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (fd === undefined) return new Uint8Array();
  try {
    const before = fs.fstatSync(fd, { bigint: true });
    // The read of a directory fails with its own error.
    if (!before.isFile() && !before.isDirectory()) throw unreadable(path, 'it is not a regular file');
    const size = Number(before.size);
    if (size > MAX_FILE_BYTES) {
      throw unreadable(path, `it has ${size} bytes, and the limit is ${MAX_FILE_BYTES} bytes (1 GiB)`);
    }
    const bytes = Buffer.alloc(size + 1); // one more byte shows that the file has grown
    let length = 0;
    while (length < bytes.length) {
      const read = fs.readSync(fd, bytes, length, Math.min(PIECE_BYTES, bytes.length - length), null);
      if (read === 0) break;
      length += read;
      if (length < size) await pause();
    }
    const after = fs.fstatSync(fd, { bigint: true });
    const isSame = length === size && after.size === before.size && after.mtimeNs === before.mtimeNs;
    return isSame ? bytes.subarray(0, size) : undefined;
  } finally {
    fs.closeSync(fd);
  }
}

function unreadable(path: string, fact: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('IO', `could not read [${path}]: ${fact}`, { cause });
}

/** Errors other than failed system calls are limits of Node, such as the length of a string or an array. */
function asOurs(error: unknown, path: string): ServiceTokensError {
  const ours = fileError(error, 'could not read', path);
  if (ours instanceof ServiceTokensError) return ours;
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  return unreadable(path, `it cannot be processed (${String(code ?? name)})`, error);
}
