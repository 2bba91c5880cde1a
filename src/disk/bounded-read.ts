import {
  type BigIntStats,
  type FileSystem,
  hasErrno,
  ifExists,
  ignoreFailure,
  O,
  sameFile,
  systemError,
} from './file-system.js';

/**
 * Opens a regular file, and nothing else, not even a symlink. The kind is looked at through a descriptor that opens
 * nothing (O.PATH), and the same file is opened: to open a named pipe wakes its writer, whose data would be lost.
 *
 * @returns the descriptor, which the caller closes, and its fstat; or the kind of file, with nothing left open
 */
export function openRegular(fs: FileSystem, path: string, access = O.RDONLY) {
  const safe = O.NONBLOCK | O.NOCTTY; // they have no effect on a regular file
  const seen = fs.openSync(path, O.PATH | O.NOFOLLOW | safe);
  try {
    const stat = fs.fstatSync(seen, { bigint: true });
    const kind = kindOf(stat);
    if (kind !== undefined) return { kind };
    const fd =
      ifExists(() => fs.openSync(`/proc/self/fd/${seen}`, access | safe)) ??
      openAgain(fs, path, access | O.NOFOLLOW | safe, stat);
    return { fd, stat };
  } finally {
    ignoreFailure(() => fs.closeSync(seen)); // nothing was read or written through it, so no error is lost
  }
}

/** Without /proc: opens a file by its name, which must still be the same. */
function openAgain(fs: FileSystem, path: string, flags: number, seen: BigIntStats): number {
  const replaced = () => systemError('ENOENT', `it was replaced: ${path}`);
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, flags);
    if (sameFile(fs.fstatSync(fd, { bigint: true }), seen)) return fd;
    throw replaced();
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    throw hasErrno(error, 'ELOOP') ? replaced() : error; // by a symlink
  }
}

/** The kind of a file that is not regular; undefined also for a descriptor of no file, such as an event queue. */
export function kindOf(stat: BigIntStats) {
  if (stat.isDirectory()) return 'a directory';
  if (stat.isSymbolicLink()) return 'a symlink';
  if (stat.isFIFO()) return 'a named pipe';
  if (stat.isSocket()) return 'a socket';
  return stat.isCharacterDevice() || stat.isBlockDevice() ? 'a device' : undefined;
}

const LARGEST_CHUNK = 16 * 1024 * 1024;

/**
 * Reads a descriptor from its position to its end, but at most one byte more than the limit: a result that is longer
 * than the limit means that the input is too large. The size that fstat gives is not used, so that files that grow and
 * files of /proc are read in the same way.
 *
 * @param limit in bytes
 * @param expected the probable number of bytes; if it is right, they are read into a single buffer
 * @throws the system's error; EAGAIN if a nonblocking descriptor has nothing to read yet
 */
export function readBounded(
  fs: Pick<FileSystem, 'readSync'>,
  fd: number,
  limit: number,
  expected = 64 * 1024,
): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (let size = expected + 1; total <= limit; size = Math.min(size * 2, LARGEST_CHUNK)) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(size, limit + 1 - total));
    const read = fillFrom(fs, fd, chunk);
    chunks.push(chunk.subarray(0, read));
    total += read;
    if (read < chunk.length) break;
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, total);
}

/** Fills a chunk before the next is allocated: a pipe returns small pieces, and each would keep a large chunk. */
function fillFrom(fs: Pick<FileSystem, 'readSync'>, fd: number, chunk: Buffer): number {
  let filled = 0;
  while (filled < chunk.length) {
    const read = fs.readSync(fd, chunk, filled, chunk.length - filled, null);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}
