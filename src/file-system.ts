import * as fs from 'node:fs';

/**
 * The system calls that this package makes, and the one door to node:fs.
 *
 * They are the synchronous ones on purpose: a change of the file is a run of calls with nothing of ours in between, so
 * a signal handler or another task never sees it half done. A parameter wherever it is used, so that tests can make
 * each call fail.
 */
export type FileSystem = Pick<
  typeof fs,
  | 'openSync'
  | 'readFileSync'
  | 'writeSync'
  | 'fstatSync'
  | 'fchownSync'
  | 'fchmodSync'
  | 'fsyncSync'
  | 'closeSync'
  | 'renameSync'
  | 'unlinkSync'
  | 'statSync'
  | 'lstatSync'
  | 'readlinkSync'
  | 'readdirSync'
  | 'realpathSync'
>;

export const nodeFileSystem: FileSystem = fs;

/** The flags of open(2). */
export const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;

/** The bits of open(2)'s flags that say reading, writing or both. */
export const O_ACCMODE = O_RDONLY | O_WRONLY | O_RDWR;

/** The `code` of a failed system call, such as ENOENT; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
}

/** Calls, and gives undefined where the thing called for does not exist. */
export function ifExists<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
