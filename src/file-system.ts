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
  | 'readSync'
  | 'writeSync'
  | 'fstatSync'
  | 'fchownSync'
  | 'fchmodSync'
  | 'futimesSync'
  | 'fsyncSync'
  | 'closeSync'
  | 'renameSync'
  | 'unlinkSync'
  | 'statSync'
  | 'statfsSync'
  | 'lstatSync'
  | 'readlinkSync'
  | 'readdirSync'
  | 'realpathSync'
  | 'mkdirSync'
  | 'rmdirSync'
  | 'chownSync'
  | 'chmodSync'
  | 'ftruncateSync'
>;

/** What stat(2) says. */
export type Stats = fs.Stats;

export const nodeFileSystem: FileSystem = fs;

/** The flags of open(2). */
export const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } =
  fs.constants;

/** The bits of open(2)'s flags that say reading, writing or both. */
export const O_ACCMODE = O_RDONLY | O_WRONLY | O_RDWR;

/** The `code` of a failed system call, such as ENOENT; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const { code, syscall } = Object(error) as { code?: unknown; syscall?: unknown };
  return syscall === undefined ? undefined : String(code);
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

/** Calls, and goes on where the system or the file system refuses: what could not be set is looked up afterwards. */
export function ignoreRefusal(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errnoOf(error) ?? ''))
      throw error;
  }
}

/** Calls, and goes on whatever happens: for clearing up, where the failure that led there is the one to report. */
export function ignoreFailure(call: () => void): void {
  try {
    call();
  } catch {
    // See above.
  }
}
