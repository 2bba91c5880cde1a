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
 * A directory with this thread's mark in it: while it waits its own, beside the lock; once it is taken, the lock.
 *
 * Directory and mark stay open as long as it lasts, and whatever is done to them is done through the descriptors:
 * somebody else who may write there can put what they like under the names.
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
   * @throws LOCKED when somebody exchanges what is made; and what a system call throws. Nothing is left then.
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

  /** When the mark was changed last, in milliseconds, by the clock of the file system. */
  changedAt(): number {
    return this.#fs.fstatSync(this.#openMark()).mtimeMs;
  }

  /**
   * Shows that this process is alive. The mark grows, so that it changes even where times are coarse; truncate(2)
   * reaches a file server at once, while what is written may stay in this machine's memory.
   */
  beat(): void {
    this.#fs.ftruncateSync(this.#openMark(), ++this.#beats);
  }

  /**
   * Tries to take the lock.
   *
   * @returns false when it is held
   * @throws LOCKED when somebody exchanged what was made, or something else stands in the lock's place
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

  /** Looks whether the mark in the lock is still this one. */
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

  /** Gives the lock back, or stops waiting for it. */
  release(): void {
    const [directory, markFd] = [this.#directory, this.#markFd];
    // NFS keeps the name of a file that is open, in another guise: first close, then unlink.
    if (markFd !== undefined) ignoreFailure(() => this.#fs.closeSync(markFd));
    if (directory === undefined) {
      ignoreFailure(() => this.#fs.rmdirSync(this.#own));
      return;
    }
    if (markFd !== undefined) ignoreFailure(() => this.#fs.unlinkSync(directory.within(this.#mark)));
    directory.removeIfEmpty(); // a lock is not empty when the next one is in already
    directory.close();
  }

  /** Who may write in the file's directory may also clear a dead lock: it gets the same owner, group and mode. */
  #prepare(): void {
    const [fs, own] = [this.#fs, this.#own];
    const directory = openOwn(fs, own);
    this.#directory = directory;
    if (directory.names().length > 0) throw exchanged(own);
    const born = fs.fstatSync(directory.fd);
    if ((born.mode & 0o700) !== 0o700)
      ignoreRefusal(() => fs.fchmodSync(directory.fd, (born.mode & 0o7777) | 0o700)); // an umask took them
    const markFd = fs.openSync(directory.within(this.#mark), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    this.#markFd = markFd;
    ignoreRefusal(() => fs.fchmodSync(markFd, 0o644)); // it holds no secret, and foreign waiters open it
    // What we make is the mark's owner's: on some file systems that is another number than the process has.
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

/** An umask may take the owner's bits away, and then even the owner can't open the directory. */
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

/** The error for something that stands in the lock's place. */
export function notALock(lock: string): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${lock}] is not a lock directory`, { hint: `Remove [${lock}].` });
}

function exchanged(own: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${own}] was replaced or removed by another process`, {
    hint: `Check which users can write to [${dirname(own)}], and run the command again.`,
    cause,
  });
}
