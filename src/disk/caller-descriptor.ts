import { ServiceTokensError } from '../errors.js';
import { kindOf, readBounded } from './bounded-read.js';
import { attempt, tooLarge } from './file-errors.js';
import { type FileIdentity, type FileSystem, hasErrno, ignoreFailure, O, sameFile } from './file-system.js';

/**
 * The number of the descriptor that a path refers to: `/dev/stdin`, `/dev/fd/N` (bash's `<(...)`) or `/proc/self/fd/N`.
 * The caller has opened it, so it is read directly, without opening the path.
 */
export function callerDescriptor(path: string): number | undefined {
  if (path === '/dev/stdin') return 0;
  const number = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(path)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** @throws USAGE for the path of a descriptor, which can be neither replaced nor followed */
export function requireName(path: string): void {
  if (callerDescriptor(path) === undefined) return;
  const hint = 'Only commands that do not change the file accept a file descriptor.';
  throw new ServiceTokensError('USAGE', `[${path}] is a file descriptor, not a file name`, { hint });
}

/** Reads a descriptor that the caller passed, up to `limit` bytes; undefined for any other path. Waits for its writer. */
export function readCallerDescriptor(fs: FileSystem, path: string, limit: number): Buffer | undefined {
  const fd = callerDescriptor(path);
  if (fd === undefined) return undefined;
  return attempt(fs, 'could not read', path, () => {
    if (!canEnd(fs, fd))
      throw new ServiceTokensError('IO', `could not read [${path}]: the read would never end`);
    const bytes = readBounded({ readSync: waitingRead(fs) }, fd, limit);
    if (bytes.length > limit) throw tooLarge(path, limit);
    return bytes;
  });
}

/** Node's own descriptors have no end: event queues, and pipes whose writer is this process. */
function canEnd(fs: FileSystem, fd: number): boolean {
  const stat = fs.fstatSync(fd, { bigint: true });
  return stat.isFIFO() ? !writesTo(fs, stat) : stat.isFile() || kindOf(stat) !== undefined;
}

function writesTo(fs: FileSystem, pipe: FileIdentity): boolean {
  const open = ignoreFailure(() => fs.readdirSync('/proc/self/fd').map(Number)) ?? []; // there may be no /proc
  return open.some((fd) => {
    const stat = ignoreFailure(() => fs.fstatSync(fd, { bigint: true })); // the one that read the directory is closed
    return stat !== undefined && sameFile(stat, pipe) && accessModeOf(fs, fd) !== O.RDONLY;
  });
}

/** The access mode of a descriptor of this process, as in open(2)'s flags; undefined on a system without /proc. */
export function accessModeOf(fs: FileSystem, fd: number): number | undefined {
  const info = ignoreFailure(() => fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? '';
  const flags = /^flags:\s*(\d+)$/m.exec(info)?.[1];
  return flags === undefined ? undefined : Number.parseInt(flags, 8) & (O.RDONLY | O.WRONLY | O.RDWR);
}

/** A read that waits even if the descriptor is nonblocking, such as a pipe that Node makes for a child process. */
function waitingRead(fs: FileSystem): FileSystem['readSync'] {
  return ((...args: Parameters<FileSystem['readSync']>) => {
    for (;;) {
      try {
        return fs.readSync(...args);
      } catch (error) {
        if (!hasErrno(error, 'EAGAIN')) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10); // milliseconds
      }
    }
  }) as FileSystem['readSync'];
}
