import { basename, dirname, join } from 'node:path';
import { ServiceTokensError } from '../errors.js';
import {
  type FileSystem,
  hasErrno,
  ignoreFailure,
  ignoreRefusal,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  sameFile,
} from './file-system.js';
import { inDirectoryAt, OpenDirectory } from './open-directory.js';

/** The lock directory of a file. */
export function lockPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.lock`);
}

/**
 * A directory that contains this thread's owner file. It is made beside the lock, and becomes the lock by a rename.
 *
 * Directory and owner file stay open, and are used through their descriptors, because other users who may write there
 * can exchange the names.
 */
export class LockCandidate {
  readonly #fs: FileSystem;
  readonly #lock: string;
  readonly #owner: string;
  readonly #path: string;
  #directory: OpenDirectory | undefined;
  #ownerFd: number | undefined;
  #heartbeats = 0;

  /** Makes the directory; `#prepare` completes it. */
  private constructor(fs: FileSystem, lock: string, owner: string) {
    this.#fs = fs;
    this.#lock = lock;
    this.#owner = owner;
    this.#path = `${lock}-${owner}`;
    fs.mkdirSync(this.#path, 0o700);
  }

  /**
   * Tries to acquire the lock.
   *
   * @param lock the lock directory's path
   * @param owner the unique name of the owner file
   * @returns undefined if another process holds the lock; nothing is left behind then
   * @throws LOCKED if another process exchanges what is made, or if the lock is not a directory; and what a system call
   *   throws. Nothing is left behind
   */
  static tryToAcquire(fs: FileSystem, lock: string, owner: string): LockCandidate | undefined {
    const candidate = new LockCandidate(fs, lock, owner);
    let isAcquired = false;
    try {
      candidate.#prepare();
      isAcquired = candidate.#becomeLock();
      return isAcquired ? candidate : undefined;
    } catch (error) {
      const isGone = hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR');
      throw isGone ? exchanged(candidate.#path, error) : error;
    } finally {
      if (!isAcquired) candidate.release();
    }
  }

  /** The time at which the lock was acquired or of the last heartbeat, in milliseconds, by the clock of the file system. */
  changedAt(): number {
    return this.#fs.fstatSync(this.#openOwner()).mtimeMs;
  }

  /**
   * Shows that this process is alive. The owner file grows, so that it changes even if the file system's times are
   * coarse. truncate(2) reaches a file server at once; written data may stay in this machine's cache.
   */
  heartbeat(): void {
    this.#fs.ftruncateSync(this.#openOwner(), ++this.#heartbeats);
  }

  /** Whether the lock still contains this owner file. */
  isHeld(): boolean {
    const [fs, path, owner] = [this.#fs, this.#lock, this.#owner];
    try {
      const found = inDirectoryAt(fs, path, (lock) => fs.lstatSync(lock.within(owner), { bigint: true }));
      return sameFile(found, fs.fstatSync(this.#openOwner(), { bigint: true }));
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return false;
      throw error;
    }
  }

  /** Releases the lock, or removes what was prepared. */
  release(): void {
    const [directory, ownerFd] = [this.#directory, this.#ownerFd];
    // Close before unlink: NFS keeps an open file under another name.
    if (ownerFd !== undefined) ignoreFailure(() => this.#fs.closeSync(ownerFd));
    if (directory === undefined) {
      ignoreFailure(() => this.#fs.rmdirSync(this.#path));
      return;
    }
    if (ownerFd !== undefined) ignoreFailure(() => this.#fs.unlinkSync(directory.within(this.#owner)));
    directory.removeIfEmpty(); // the directory is not empty if another process has acquired the lock already
    directory.close();
  }

  /** Gives the lock the owner, group and mode of the file's directory, whose modifiers may then clear a stale lock. */
  #prepare(): void {
    const [fs, path] = [this.#fs, this.#path];
    const directory = openOwn(fs, path);
    this.#directory = directory;
    if (directory.names().length > 0) throw exchanged(path);
    const born = fs.fstatSync(directory.fd);
    if ((born.mode & 0o700) !== 0o700)
      ignoreRefusal(() => fs.fchmodSync(directory.fd, (born.mode & 0o7777) | 0o700)); // the umask removed them
    const ownerFd = fs.openSync(
      directory.within(this.#owner),
      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
      0o600,
    );
    this.#ownerFd = ownerFd;
    ignoreRefusal(() => fs.fchmodSync(ownerFd, 0o644)); // it contains no secret, and waiters of other users open it
    // Compare with the owner file's user: on some file systems a new file's owner differs from the process's user.
    if (born.uid !== fs.fstatSync(ownerFd).uid) throw exchanged(path);
    const { uid, gid, mode } = fs.statSync(dirname(path));
    if (uid !== born.uid) ignoreRefusal(() => fs.fchownSync(directory.fd, uid, -1));
    if (gid !== born.gid) ignoreRefusal(() => fs.fchownSync(directory.fd, -1, gid));
    ignoreRefusal(() => fs.fchmodSync(directory.fd, (mode & 0o1777) | 0o700));
  }

  /** @returns false if another process holds the lock */
  #becomeLock(): boolean {
    try {
      this.#fs.renameSync(this.#path, this.#lock);
    } catch (error) {
      if (hasErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
      if (hasErrno(error, 'ENOTDIR')) throw notALock(this.#lock);
      if (!this.isHeld()) throw error; // NFS may return an error for a rename that took effect
    }
    this.#directory?.movedTo(this.#lock);
    if (!this.isHeld()) throw exchanged(this.#path);
    return true;
  }

  #openOwner(): number {
    if (this.#ownerFd === undefined) throw new TypeError('the owner file is not open');
    return this.#ownerFd;
  }
}

function openOwn(fs: FileSystem, path: string): OpenDirectory {
  try {
    return new OpenDirectory(fs, path);
  } catch (error) {
    if (!hasErrno(error, 'EACCES')) throw error;
    giveOwnerBits(fs, path);
    return new OpenDirectory(fs, path);
  }
}

/** The umask may remove the owner's bits, and then even the owner cannot open the directory. */
function giveOwnerBits(fs: FileSystem, path: string): void {
  const fd = fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    const { uid, mode } = fs.fstatSync(fd);
    if (uid !== fs.geteuid()) throw exchanged(path);
    fs.chmodSync(`/proc/self/fd/${fd}`, (mode & 0o7777) | 0o700); // fchmod(2) refuses such a descriptor
  } finally {
    ignoreFailure(() => fs.closeSync(fd));
  }
}

/** The error for a lock that is not a directory. */
export function notALock(lock: string): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${lock}] is not a lock directory`, { hint: `Remove [${lock}].` });
}

function exchanged(path: string, cause?: unknown): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${path}] was replaced or removed by another process`, {
    hint: `Check which users can write to [${dirname(path)}], and run the command again.`,
    cause,
  });
}
