import { errnoOf, type FileSystem, O_NOCTTY, O_NONBLOCK, O_RDONLY, type Stats } from './file-system.js';

/** What openRegular found: an open descriptor of a regular file, or what stands in its place. */
export type Opened =
  | { readonly fd: number; readonly stat: Stats }
  | { readonly fd: undefined; readonly kind: OtherKind };

/** What is not a regular file, in words that go after `it is`. */
export type OtherKind = 'a directory' | 'a named pipe' | 'a socket' | 'a device';

/**
 * Opens a regular file, and refuses anything else without waiting for it: there is no moment between a look at the
 * name and the open in which somebody could put a pipe in the file's place.
 *
 * @param flags the flags of open(2); O_NONBLOCK and O_NOCTTY are added, which a regular file does not feel. Add
 *   O_NOFOLLOW to refuse a symlink (ELOOP)
 * @returns the descriptor, which the caller closes, and its fstat; or what the name stands for, with nothing left open
 * @throws the system's error: ENOENT, EACCES, ELOOP, EISDIR (a directory that was to be written) and so on
 *
 * @example
 * const opened = openRegular(fs, path);
 * if (opened.fd === undefined) throw new ServiceTokensError('IO', `[${path}] is ${opened.kind}`);
 */
export function openRegular(fs: FileSystem, path: string, flags: number = O_RDONLY): Opened {
  let fd: number;
  try {
    fd = fs.openSync(path, flags | O_NONBLOCK | O_NOCTTY);
  } catch (error) {
    // A device without a driver; a socket; a pipe that is to be written and that nobody reads.
    const kind = ['ENXIO', 'ENODEV'].includes(errnoOf(error) ?? '') ? kindOf(fs.statSync(path)) : undefined;
    if (kind === undefined) throw error;
    return { fd: undefined, kind };
  }
  let regular = false;
  try {
    const stat = fs.fstatSync(fd);
    const kind = kindOf(stat);
    regular = kind === undefined;
    return kind === undefined ? { fd, stat } : { fd: undefined, kind };
  } finally {
    if (!regular) fs.closeSync(fd);
  }
}

function kindOf(stat: Stats): OtherKind | undefined {
  if (stat.isDirectory()) return 'a directory';
  if (stat.isFIFO()) return 'a named pipe';
  if (stat.isSocket()) return 'a socket';
  return stat.isCharacterDevice() || stat.isBlockDevice() ? 'a device' : undefined;
}

const FIRST_CHUNK = 64 * 1024;
const LARGEST_CHUNK = 16 * 1024 * 1024;

/**
 * Reads a descriptor from where it stands to its end, but at most one byte more than the limit: a result that is longer
 * than the limit says that there is too much. What fstat says of the size plays no part, so that a file that grows, or
 * one of /proc, is read alike.
 *
 * @param limit in bytes
 * @param expected how many bytes there probably are; if it is right, they are read into one piece of memory
 * @returns at most `limit + 1` bytes
 * @throws the system's error; EAGAIN where a descriptor that does not block has nothing to read yet
 *
 * @example
 * const bytes = readBounded(fs, fd, 16 * 1024 * 1024);
 * if (bytes.length > 16 * 1024 * 1024) throw new ServiceTokensError('IO', `[${path}] is over 16 MiB`);
 */
export function readBounded(
  fs: Pick<FileSystem, 'readSync'>,
  fd: number,
  limit: number,
  expected: number = FIRST_CHUNK,
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

/** A pipe gives a little at a time: a chunk is filled before the next, so that small pieces do not each keep a large one. */
function fillFrom(fs: Pick<FileSystem, 'readSync'>, fd: number, chunk: Buffer): number {
  let filled = 0;
  while (filled < chunk.length) {
    const read = fs.readSync(fd, chunk, filled, chunk.length - filled, null);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}
