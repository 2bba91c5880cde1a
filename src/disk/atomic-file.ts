import { dirname, join } from 'node:path';
import { ServiceTokensError } from '../errors.js';
import { openRegular, readBounded } from './bounded-read.js';
import { attempt, tooLarge } from './file-errors.js';
import { temporaryName } from './file-lock.js';
import {
  type BigIntStats,
  type FileIdentity,
  type FileSystem,
  hasErrno,
  ifExists,
  ignoreFailure,
  ignoreRefusal,
  O,
  sameFile,
} from './file-system.js';
import { lockPath } from './lock-candidate.js';
import { mountedAt } from './mounts.js';

/** The owner, group and mode of a file; `mode` holds the nine permission bits. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface Written {
  readonly attributes: Attributes;
  readonly id: FileIdentity;
}

/** A file as it was when read. */
export interface Snapshot extends Written {
  readonly bytes: Buffer;
}

/** 1 GiB, about seven million tokens. */
export const MAX_FILE_BYTES = 2 ** 30;

/**
 * Reads a file whole; undefined if it does not exist.
 *
 * @param limit in bytes
 * @param known an older snapshot: the same content is returned as its bytes, so that a large file is in memory once
 * @throws IO, also if it is a symlink, not a regular file, or larger than the limit; PERMISSION
 */
export function readSnapshot(
  fs: FileSystem,
  path: string,
  { limit = MAX_FILE_BYTES, known }: { readonly limit?: number; readonly known?: Snapshot | undefined } = {},
): Snapshot | undefined {
  return attempt(fs, 'could not read', path, () => {
    const opened = ifExists(() => openFile(fs, path, O.RDONLY));
    if (opened === undefined) return undefined;
    const { fd, stat } = opened;
    try {
      const size = Number(stat.size);
      if (size > limit) throw tooLarge(path, limit, size);
      const isSame = known !== undefined && size === known.bytes.length && holds(fs, fd, known.bytes);
      const bytes = isSame ? known.bytes : readBounded(fs, fd, limit, size);
      if (bytes.length > limit) throw tooLarge(path, limit, fs.fstatSync(fd).size);
      return { attributes: attributesOf(stat), id: stat, bytes };
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** Whether an open file consists of these bytes. It does not move the file position. */
function holds(fs: FileSystem, fd: number, bytes: Buffer): boolean {
  const piece = Buffer.allocUnsafe(64 * 1024);
  for (let at = 0; ; ) {
    const read = fs.readSync(fd, piece, 0, piece.length, at);
    if (read === 0) return at === bytes.length;
    if (!piece.subarray(0, read).equals(bytes.subarray(at, at + read))) return false;
    at += read;
  }
}

/** Opens a regular file, and nothing else, without following a symlink and without blocking. */
function openFile(fs: FileSystem, path: string, access: number) {
  const opened = openRegular(fs, path, access);
  if (opened.fd !== undefined) return opened;
  if (opened.kind === 'a symlink') throw exchanged(path);
  const hint =
    opened.kind === 'a directory'
      ? 'If it is empty, Docker may have made it, because the source of a bind mount did not exist: remove it with rmdir, on the host too, and mount the directory above it.'
      : undefined;
  throw new ServiceTokensError('IO', `could not read [${path}]: it is ${opened.kind}`, { hint });
}

function exchanged(path: string, cause?: unknown): ServiceTokensError {
  const fact = `[${path}] was replaced or removed while this command ran`;
  return new ServiceTokensError('IO', fact, { hint: 'Run the command again.', cause });
}

/** Chooses the attributes of a new file, given those with which the caller's files are created. */
export type AttributeChoice = (born: Attributes) => Attributes;

/** Creates a file, which must not exist, and must get its owner and group; after a failure it is removed. */
export function createFile(fs: FileSystem, path: string, content: Uint8Array, wanted: AttributeChoice) {
  return attempt(fs, 'could not write', path, () => {
    try {
      return writeNew(fs, path, [content], wanted, ({ attributes: { uid, gid }, id }, goal) => {
        if (uid !== goal.uid || gid !== goal.gid) {
          throw new ServiceTokensError('PERMISSION', `could not give [${path}] its owner and group`);
        }
        requireOwn(fs, path, id);
      });
    } catch (error) {
      throw hasErrno(error, 'EEXIST') ? fileExists(path, error) : error;
    }
  });
}

/** Creates a file, which is removed after a failure, also of `finish`. All calls use its descriptor. */
function writeNew(
  fs: FileSystem,
  path: string,
  content: readonly Uint8Array[],
  wanted: Attributes | AttributeChoice,
  finish: (written: Written, goal: Attributes) => void,
): Written {
  const fd = fs.openSync(path, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
  let id: FileIdentity | undefined;
  try {
    const stat = fs.fstatSync(fd, { bigint: true });
    id = stat;
    const isNew = typeof wanted === 'function';
    const born = attributesOf(stat);
    const goal = isNew ? wanted(born) : wanted;
    const written = { attributes: setAttributes(fs, fd, born, goal, isNew), id: stat };
    writeAll(fs, fd, content);
    fs.fsyncSync(fd);
    finish(written, goal);
    return written;
  } catch (error) {
    const own = id;
    ignoreFailure(() => (own === undefined || isStill(fs, path, own)) && fs.unlinkSync(path));
    throw error;
  } finally {
    ignoreFailure(() => fs.closeSync(fd)); // the content is synced, or the failure is known
  }
}

/** Creates an empty temporary file beside a file and removes it. @throws CANNOT_REPLACE, PERMISSION or IO */
export function tryToCreate(fs: FileSystem, path: string): void {
  const temporary = temporaryName(path);
  attempt(fs, 'could not write', path, () => {
    fs.closeSync(fs.openSync(temporary, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600));
    fs.unlinkSync(temporary);
  });
}

export function fileExists(path: string, cause?: unknown): ServiceTokensError {
  const hint = 'Use --force to replace it, or name another file.';
  return new ServiceTokensError('FILE_EXISTS', `[${path}] already exists`, { hint, cause });
}

/**
 * Replaces a file whole or not at all: after a failure the old file is unchanged, and no temporary file is left.
 *
 * The algorithm is that of write-file-atomic, hardened for secrets. The temporary file has a random name, is created
 * exclusively and is private from its first byte, whatever the umask. It gets its owner, group and mode before its
 * content, and its content is synced before the rename. All calls use its open descriptor, so they apply to this file
 * even if another user exchanges its name. syncDirectoryOf syncs the rename; it is separate, because the file has
 * changed by then, and a failure means that the change has to be undone.
 *
 * @param path a symlink in its last part is not followed
 * @param wanted the old file's attributes, which are kept as far as the caller may set them, or a choice for a new file
 * @param beforeRename called before the rename; if it throws, nothing is changed
 * @throws CANNOT_REPLACE, PERMISSION or IO
 */
export function replaceFile(
  fs: FileSystem,
  path: string,
  content: readonly Uint8Array[],
  wanted: Attributes | AttributeChoice,
  beforeRename: () => void = () => {},
): Written {
  const temporary = temporaryName(path);
  return attempt(fs, 'could not write', path, () => {
    try {
      return writeNew(fs, temporary, content, wanted, ({ id }) => {
        beforeRename();
        rename(fs, temporary, path, id);
        requireOwn(fs, path, id);
      });
    } catch (error) {
      throw hasErrno(error, 'EBUSY') ? busy(fs, path, error) : error;
    }
  });
}

/** NFS may return an error for a rename that took effect, so what counts is which file has the name. */
function rename(fs: FileSystem, temporary: string, path: string, id: FileIdentity): void {
  try {
    fs.renameSync(temporary, path);
  } catch (error) {
    if (!ignoreFailure(() => isStill(fs, path, id))) throw error;
  }
}

/** Another user may have exchanged the temporary file before the rename: then their file was renamed. */
function requireOwn(fs: FileSystem, path: string, id: FileIdentity): void {
  if (ignoreFailure(() => isStill(fs, path, id)) === false) throw exchanged(path);
}

function isStill(fs: FileSystem, path: string, id: FileIdentity): boolean {
  const stat = ifExists(() => fs.lstatSync(path, { bigint: true }));
  return stat !== undefined && sameFile(stat, id);
}

/** Makes the replacement or removal of a file durable. @throws IO or PERMISSION */
export function syncDirectoryOf(fs: FileSystem, path: string): void {
  attempt(fs, 'could not sync the directory of', path, () => {
    let fd: number | undefined;
    try {
      fd = fs.openSync(dirname(path), O.RDONLY | O.DIRECTORY);
      fs.fsyncSync(fd);
    } catch (error) {
      // A caller that may not read the directory cannot sync it, and some file systems have nothing to sync in one.
      if (!hasErrno(error, fd === undefined ? 'EACCES' : 'EINVAL')) throw error;
    } finally {
      if (fd !== undefined) fs.closeSync(fd);
    }
  });
}

/**
 * Overwrites a file in place, for a bind mount of a single file, which cannot be replaced. The caller holds the lock on it.
 *
 * A reader may see a partial file. After a power failure it may even be a mixture that looks whole, such as a hash of two
 * halves. So the lock is synced first: then it is still there, and `check` reports it.
 *
 * @param old the file as it was read: no other file is overwritten, and its content is restored after a failure
 * @throws PERMISSION or IO; the message says so if the old content could not be restored
 */
export function overwriteFile(fs: FileSystem, path: string, content: readonly Uint8Array[], old: Snapshot) {
  return attempt(fs, 'could not write', path, () => {
    const { fd, stat } = openFile(fs, path, O.RDWR);
    try {
      if (!sameFile(stat, old.id)) throw exchanged(path);
      // The other name may be in any directory, where the file would change, too.
      if (stat.nlink > 1n) {
        const fact = `could not write [${path}]: it has more than one hard link`;
        const hint = 'Copy the file, and move the copy over it.';
        throw new ServiceTokensError('PERMISSION', fact, { hint });
      }
      for (const name of [join(lockPath(path), 'owner'), path]) syncDirectoryOf(fs, name);
      try {
        overwrite(fs, fd, content);
      } catch (cause) {
        const isUnchanged = ignoreFailure(() => holds(fs, fd, old.bytes));
        try {
          if (!isUnchanged) overwrite(fs, fd, [old.bytes]);
        } catch {
          const fact = `could not write [${path}], and could not restore its content: the file is damaged`;
          const hint = 'Restore it from a backup, or correct it by hand.';
          throw new ServiceTokensError('IO', fact, { hint, cause });
        }
        throw cause;
      }
      return { attributes: attributesOf(stat), id: old.id };
    } finally {
      ignoreFailure(() => fs.closeSync(fd)); // the content is synced, or the failure is known
    }
  });
}

function overwrite(fs: FileSystem, fd: number, content: readonly Uint8Array[]): void {
  fs.ftruncateSync(fd, writeAll(fs, fd, content));
  fs.fsyncSync(fd);
}

function busy(fs: FileSystem, path: string, cause: unknown): ServiceTokensError {
  const mount = mountedAt(path, fs);
  const reason =
    mount === undefined
      ? 'it is in use by the system'
      : `it is a ${mount.isReadOnly ? 'read-only ' : ''}bind mount of [${mount.source}]`;
  // --in-place is advised only if overwriteFile would open the file.
  const links = ignoreFailure(() => {
    const { fd, stat } = openFile(fs, path, O.RDWR);
    fs.closeSync(fd);
    return stat.nlink;
  });
  const hint =
    links === 1n
      ? 'Mount the directory instead of the file, or use --in-place, which overwrites the file; a reader may see a partial file.'
      : 'Mount the directory instead of the file, and writable; or change the file at its source.';
  const fact = `could not write [${path}]: ${reason} and cannot be replaced`;
  return new ServiceTokensError('CANNOT_REPLACE', fact, { hint, cause });
}

/** @throws PERMISSION; IO, also if the name refers to another file now */
export function removeFile(fs: FileSystem, path: string, written: Written): void {
  attempt(fs, 'could not remove', path, () => {
    requireUnchanged(fs, path, written);
    fs.unlinkSync(path);
  });
}

/** @throws IO if a name no longer refers to the file that was written */
export function requireUnchanged(fs: FileSystem, path: string, { id }: Written): void {
  if (!attempt(fs, 'could not read', path, () => isStill(fs, path, id))) throw exchanged(path);
}

/** @returns the attributes that the file has got */
function setAttributes(
  fs: FileSystem,
  fd: number,
  born: Attributes,
  { uid, gid, mode }: Attributes,
  isNew: boolean,
): Attributes {
  // Separately, as the original does: a caller that may not set the owner may still set the group.
  if (uid !== born.uid) ignoreRefusal(() => fs.fchownSync(fd, uid, -1));
  if (gid !== born.gid) ignoreRefusal(() => fs.fchownSync(fd, -1, gid));
  // The group bits of a new file are for that group only: they are dropped if the group could not be set.
  const groupBits = isNew && attributesOf(fs.fstatSync(fd, { bigint: true })).gid !== gid ? 0 : mode & 0o070;
  ignoreRefusal(() => fs.fchmodSync(fd, (mode & 0o707) | groupBits)); // also restores bits that the umask has removed
  return attributesOf(fs.fstatSync(fd, { bigint: true }));
}

/** @returns the number of bytes */
function writeAll(fs: FileSystem, fd: number, content: readonly Uint8Array[]): number {
  let at = 0;
  for (const bytes of content) {
    for (let offset = 0; offset < bytes.length; ) {
      const written = fs.writeSync(fd, bytes, offset, bytes.length - offset, at);
      offset += written;
      at += written;
    }
  }
  return at;
}

export function attributesOf({ uid, gid, mode }: BigIntStats): Attributes {
  return { uid: Number(uid), gid: Number(gid), mode: Number(mode) & 0o777 };
}
