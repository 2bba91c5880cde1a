import { ServiceTokensError } from '../errors.js';
import { readBounded } from './bounded-read.js';
import { fileError, tooLarge } from './file-errors.js';
import { accessModeOf, errnoOf, type FileSystem, O_RDONLY } from './file-system.js';

/**
 * The number of the descriptor that a path stands for: `/dev/stdin`, `/dev/fd/N` (what bash makes of `<(...)`) or
 * `/proc/self/fd/N`. The caller opened it and passed it on, so that it is read and not looked for by name.
 *
 * @param path an absolute path
 * @returns undefined for any other path
 */
export function callerDescriptor(path: string): number | undefined {
  if (path === '/dev/stdin') return 0;
  const number = /^\/(?:dev|proc\/self)\/fd\/(\d{1,9})$/.exec(path)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** @throws USAGE for the path of a descriptor: what has no name can't be replaced or followed */
export function requireName(path: string): void {
  if (callerDescriptor(path) === undefined) return;
  throw new ServiceTokensError('USAGE', `[${path}] is a file descriptor, not a file name`, {
    hint: 'Only list, verify, and check without --fix accept a file descriptor.',
  });
}

/**
 * Reads a descriptor that the caller passed to its end, and waits for its writer.
 *
 * @param path as callerDescriptor takes it
 * @param limit in bytes
 * @returns undefined for the path of anything else
 * @throws IO, also when there is more than the limit
 */
export function readCallerDescriptor(fs: FileSystem, path: string, limit: number): Buffer | undefined {
  const fd = callerDescriptor(path);
  if (fd === undefined) return undefined;
  try {
    if (!canEnd(fs, fd))
      throw new ServiceTokensError('IO', `could not read [${path}]: the read would never end`);
    const bytes = readBounded({ readSync: waitingRead(fs) }, fd, limit);
    if (bytes.length > limit) throw tooLarge(path, limit);
    return bytes;
  } catch (error) {
    throw fileError(error, 'could not read', path);
  }
}

/** Node's own descriptors have no end: event queues, and pipes that this very process would have to write to. */
function canEnd(fs: FileSystem, fd: number): boolean {
  const stat = fs.fstatSync(fd);
  if (stat.isFIFO()) return !writesTo(fs, stat);
  return (
    stat.isFile() || stat.isSocket() || stat.isCharacterDevice() || stat.isBlockDevice() || stat.isDirectory()
  );
}

function writesTo(fs: FileSystem, pipe: { readonly dev: number; readonly ino: number }): boolean {
  return openDescriptors(fs).some((fd) => {
    try {
      const { dev, ino } = fs.fstatSync(fd);
      return dev === pipe.dev && ino === pipe.ino && accessModeOf(fs, fd) !== O_RDONLY;
    } catch {
      return false; // closed by now, as the one that read the directory
    }
  });
}

function openDescriptors(fs: FileSystem): number[] {
  try {
    return fs.readdirSync('/proc/self/fd').map(Number);
  } catch {
    return []; // no /proc
  }
}

const PAUSE = 10; // milliseconds

/** A read that waits where the descriptor does not, as the pipes that Node makes for its children. */
function waitingRead(fs: FileSystem): FileSystem['readSync'] {
  return ((...args: Parameters<FileSystem['readSync']>) => {
    for (;;) {
      try {
        return fs.readSync(...args);
      } catch (error) {
        if (errnoOf(error) !== 'EAGAIN') throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
      }
    }
  }) as FileSystem['readSync'];
}
