import { basename, dirname, join } from 'node:path';
import { ServiceTokensError } from '../errors.js';
import {
  errnoOf,
  type FileSystem,
  ifExists,
  ignoreFailure,
  ignoreRefusal,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
} from './file-system.js';
import { isSameFile, OpenDirectory } from './open-directory.js';

/** The lock directory of a file. */
export function lockPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.lock`);
}

/**
 * A directory that contains this thread's mark. It lies beside the lock until it is renamed to the lock.
 *
 * Directory and mark stay open, and are used through their descriptors, because other users who may write there can
 * exchange the names.
 */
export class LockClaim {
  readonly #fs: FileSystem;
  readonly #lock: string;
  readonly #mark: string;
  readonly #own: string;
  #directory: OpenDirectory | undefined;
  #markFd: number | undefined;
  #beats = 0;

  /**
   * @param lock the lock directory's path
   * @throws LOCKED if another process exchanges what is made; and what a system call throws. Nothing is left behind.
   */
  constructor(fs: FileSystem, lock: string, mark: string) {
    this.#fs = fs;
    this.#lock = lock;
    this.#mark = mark;
    this.#own = `${lock}-${mark}`;
    fs.mkdirSync(this.#own, 0o700);
    try {
      this.#prepare();
    } catch (error) {
      this.release();
      const isGone = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '');
      throw isGone ? exchanged(this.#own, error) : error;
    }
  }

  /** The time of the mark's last change, in milliseconds, by the clock of the file system. */
  changedAt(): number {
    return this.#fs.fstatSync(this.#openMark()).mtimeMs;
  }

  /**
   * Shows that this process is alive. The mark grows, so that it changes even if the file system's times are coarse.
   * truncate(2) reaches a file server at once; written data may stay in this machine's cache.
   */
  beat(): void {
    this.#fs.ftruncateSync(this.#openMark(), ++this.#beats);
  }

  /**
   * Tries to acquire the lock.
   *
   * @returns false if another process holds it
   * @throws LOCKED if another process has exchanged what was made, or if the lock is not a directory
   */
  take(): boolean {
    try {
      this.#fs.renameSync(this.#own, this.#lock);
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      if (['ENOTEMPTY', 'EEXIST'].includes(errno)) return false;
      if (errno === 'ENOTDIR') throw notALock(this.#lock);
      if (['ENOENT', 'EISDIR'].includes(errno)) throw exchanged(this.#own, error);
      throw error;
    }
    this.#directory?.movedTo(this.#lock);
    if (!this.isHeld()) throw exchanged(this.#own);
    return true;
  }

  /** Whether the lock still contains this mark. */
  isHeld(): boolean {
    let lock: OpenDirectory;
    try {
      lock = new OpenDirectory(this.#fs, this.#lock);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return false;
      throw error;
    }
    try {
      const there = ifExists(() => this.#fs.lstatSync(lock.within(this.#mark), { bigint: true }));
      return there !== undefined && isSameFile(there, this.#fs.fstatSync(this.#openMark(), { bigint: true }));
    } finally {
      lock.close();
    }
  }

  /** Releases the lock, or stops waiting for it. */
  release(): void {
    const [directory, markFd] = [this.#directory, this.#markFd];
    // Close before unlink: NFS keeps an open file under another name.
    if (markFd !== undefined) ignoreFailure(() => this.#fs.closeSync(markFd));
    if (directory === undefined) {
      ignoreFailure(() => this.#fs.rmdirSync(this.#own));
      return;
    }
    if (markFd !== undefined) ignoreFailure(() => this.#fs.unlinkSync(directory.within(this.#mark)));
    directory.removeIfEmpty(); // the directory is not empty if another process has acquired the lock already
    directory.close();
  }

  /** Gives the lock the owner, group and mode of the file's directory, whose writers may then clear a stale lock. */
  #prepare(): void {
    const [fs, own] = [this.#fs, this.#own];
    const directory = openOwn(fs, own);
    this.#directory = directory;
    if (directory.names().length > 0) throw exchanged(own);
    const born = fs.fstatSync(directory.fd);
    if ((born.mode & 0o700) !== 0o700)
      ignoreRefusal(() => fs.fchmodSync(directory.fd, (born.mode & 0o7777) | 0o700)); // the umask removed them
    const markFd = fs.openSync(directory.within(this.#mark), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    this.#markFd = markFd;
    ignoreRefusal(() => fs.fchmodSync(markFd, 0o644)); // it contains no secret, and waiters of other users open it
    // Compare with the mark's owner: on some file systems a new file's owner differs from the process's user.
    if (born.uid !== fs.fstatSync(markFd).uid) throw exchanged(own);
    const { uid, gid, mode } = fs.statSync(dirname(own));
    if (uid !== born.uid) ignoreRefusal(() => fs.fchownSync(directory.fd, uid, -1));
    if (gid !== born.gid) ignoreRefusal(() => fs.fchownSync(directory.fd, -1, gid));
    ignoreRefusal(() => fs.fchmodSync(directory.fd, (mode & 0o1777) | 0o700));
  }

  #openMark(): number {
    if (this.#markFd === undefined) throw new TypeError('the mark is not open');
    return this.#markFd;
  }
}

function openOwn(fs: FileSystem, own: string): OpenDirectory {
  try {
    return new OpenDirectory(fs, own);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    giveOwnerBits(fs, own);
    return new OpenDirectory(fs, own);
  }
}

/** The umask may remove the owner's bits, and then even the owner cannot open the directory. */
function giveOwnerBits(fs: FileSystem, own: string): void {
  const fd = fs.openSync(own, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    const { uid, mode } = fs.fstatSync(fd);
    if (uid !== fs.geteuid()) throw exchanged(own);
    fs.chmodSync(`/proc/self/fd/${fd}`, (mode & 0o7777) | 0o700); // fchmod(2) refuses such a descriptor
  } finally {
    ignoreFailure(() => fs.closeSync(fd));
  }
}

/** The error for a lock that is not a directory. */
export function notALock(lock: string): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${lock}] is not a lock directory`, { hint: `Remove [${lock}].` });
}

function exchanged(own: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${own}] was replaced or removed by another process`, {
    hint: `Check which users can write to [${dirname(own)}], and run the command again.`,
    cause,
  });
}
