import { basename, dirname, join } from 'node:path';
import { ServiceTokensError } from '../errors.js';
import { type FileSystem, hasErrno, ignoreFailure, ignoreRefusal, O, sameFile } from './file-system.js';
import { inDirectoryAt, OpenDirectory } from './open-directory.js';

export function lockPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.lock`);
}

/** A lock that this thread holds. */
export interface AcquiredLock {
  /** When it was acquired, or of the last heartbeat, in milliseconds, by the clock of the file system. */
  changedAt(): number;
  heartbeat(): void;
  isHeld(): boolean;
  release(): void;
}

/**
 * Tries to acquire a lock: makes a candidate, which is a directory beside it with this thread's owner file, and renames it.
 *
 * Directory and owner file stay open, and are used through their descriptors, because other users who may write there
 * can exchange the names.
 *
 * @returns undefined if another process holds the lock; then, and after a failure, nothing is left behind
 * @throws LOCKED if another process exchanges what is made, or if the lock is not a directory; the system's error
 */
export function tryToAcquire(fs: FileSystem, lock: string, owner: string): AcquiredLock | undefined {
  const path = `${lock}-${owner}`;
  fs.mkdirSync(path, 0o700);
  let directory: OpenDirectory | undefined;
  let ownerFd: number | undefined;
  const release = () => {
    const [opened, fd] = [directory, ownerFd];
    // Close before unlink: NFS keeps an open file under another name.
    if (fd !== undefined) ignoreFailure(() => fs.closeSync(fd));
    if (opened === undefined) ignoreFailure(() => fs.rmdirSync(path));
    else {
      if (fd !== undefined) ignoreFailure(() => fs.unlinkSync(opened.within(owner)));
      opened.removeIfEmpty(); // the directory is not empty if another process has acquired the lock already
      opened.close();
    }
  };
  try {
    directory = openOwn(fs, path);
    const fd = createOwner(fs, directory, owner, path);
    ownerFd = fd;
    giveAttributes(fs, directory, fd, path);
    const isHeld = () => isOwnerIn(fs, lock, owner, fd);
    if (!becomeLock(fs, path, lock, isHeld)) {
      release();
      return undefined;
    }
    directory.movedTo(lock);
    if (!isHeld()) throw exchanged(path);
    let heartbeats = 0;
    return {
      changedAt: () => fs.fstatSync(fd).mtimeMs,
      // The owner file grows, so that it changes even if the file system's times are coarse. truncate(2) reaches a file
      // server at once; written data may stay in this machine's cache.
      heartbeat: () => fs.ftruncateSync(fd, ++heartbeats),
      isHeld,
      release,
    };
  } catch (error) {
    release();
    throw hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR') ? exchanged(path, error) : error;
  }
}

/** The umask may have removed the owner's bits, and then even the owner cannot open the directory. */
function openOwn(fs: FileSystem, path: string): OpenDirectory {
  try {
    return new OpenDirectory(fs, path);
  } catch (error) {
    if (!hasErrno(error, 'EACCES')) throw error;
  }
  const fd = fs.openSync(path, O.PATH | O.DIRECTORY | O.NOFOLLOW);
  try {
    const { uid, mode } = fs.fstatSync(fd);
    if (uid !== fs.geteuid()) throw exchanged(path);
    fs.chmodSync(`/proc/self/fd/${fd}`, (mode & 0o7777) | 0o700); // fchmod(2) refuses such a descriptor
  } finally {
    ignoreFailure(() => fs.closeSync(fd));
  }
  return new OpenDirectory(fs, path);
}

function createOwner(fs: FileSystem, directory: OpenDirectory, owner: string, path: string): number {
  if (directory.names().length > 0) throw exchanged(path);
  const { mode } = fs.fstatSync(directory.fd);
  if ((mode & 0o700) !== 0o700) ignoreRefusal(() => fs.fchmodSync(directory.fd, (mode & 0o7777) | 0o700)); // the umask removed them
  return fs.openSync(directory.within(owner), O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
}

/** Gives the lock the owner, group and mode of the file's directory, whose modifiers may then clear a stale lock. */
function giveAttributes(fs: FileSystem, directory: OpenDirectory, ownerFd: number, path: string): void {
  ignoreRefusal(() => fs.fchmodSync(ownerFd, 0o644)); // it contains no secret, and waiters of other users open it
  const born = fs.fstatSync(directory.fd);
  // Compare with the owner file's user: on some file systems a new file's owner differs from the process's user.
  if (born.uid !== fs.fstatSync(ownerFd).uid) throw exchanged(path);
  const { uid, gid, mode } = fs.statSync(dirname(path));
  if (uid !== born.uid) ignoreRefusal(() => fs.fchownSync(directory.fd, uid, -1));
  if (gid !== born.gid) ignoreRefusal(() => fs.fchownSync(directory.fd, -1, gid));
  ignoreRefusal(() => fs.fchmodSync(directory.fd, (mode & 0o1777) | 0o700));
}

/** @returns false if another process holds the lock */
function becomeLock(fs: FileSystem, path: string, lock: string, isHeld: () => boolean): boolean {
  try {
    fs.renameSync(path, lock);
  } catch (error) {
    if (hasErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
    if (hasErrno(error, 'ENOTDIR')) throw notALock(lock);
    if (!isHeld()) throw error; // NFS may return an error for a rename that took effect
  }
  return true;
}

function isOwnerIn(fs: FileSystem, lock: string, owner: string, ownerFd: number): boolean {
  try {
    const stat = (opened: OpenDirectory) => fs.lstatSync(opened.within(owner), { bigint: true });
    return sameFile(inDirectoryAt(fs, lock, stat), fs.fstatSync(ownerFd, { bigint: true }));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return false;
    throw error;
  }
}

export function notALock(lock: string): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${lock}] is not a lock directory`, { hint: `Remove [${lock}].` });
}

function exchanged(path: string, cause?: unknown): ServiceTokensError {
  const fact = `[${path}] was replaced or removed by another process`;
  const hint = `Check which users can write to [${dirname(path)}], and run the command again.`;
  return new ServiceTokensError('LOCKED', fact, { hint, cause });
}
