import { randomBytes } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { ServiceTokensError } from './errors.js';
import { fileError } from './file-errors.js';
import {
  errnoOf,
  type FileSystem,
  ifExists,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
} from './file-system.js';

/** Whose a file is and who may use it; `mode` holds the nine permission bits. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A file as it was found. */
export interface Snapshot {
  readonly bytes: Buffer;
  readonly attributes: Attributes;
}

const MAX_LINKS = 40; // as Linux: path_resolution(7)

/**
 * Follows symbolic links to the file that a replacement has to replace, so that a link stays a link.
 *
 * @returns the path of the last link's target, which need not exist
 * @throws IO when the links lead in a circle
 */
export function followLinks(fs: FileSystem, path: string): string {
  let target = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const stat = attempt('could not read', target, () => ifExists(() => fs.lstatSync(target)));
    if (!stat?.isSymbolicLink()) return target;
    const link = target;
    target = resolve(
      dirname(link),
      attempt('could not read', link, () => fs.readlinkSync(link)),
    );
  }
  throw new ServiceTokensError('IO', `could not read [${path}]: the symbolic links lead in a circle`);
}

/**
 * Reads a whole file with its attributes.
 *
 * @returns undefined when there is no such file
 * @throws IO or PERMISSION
 */
export function readSnapshot(fs: FileSystem, path: string): Snapshot | undefined {
  return attempt('could not read', path, () => {
    const fd = ifExists(() => fs.openSync(path, O_RDONLY));
    if (fd === undefined) return undefined;
    try {
      return { attributes: attributesOf(fs.fstatSync(fd)), bytes: fs.readFileSync(fd) };
    } finally {
      fs.closeSync(fd);
    }
  });
}

/**
 * Replaces a file whole or not at all: after any failure the old file stands and nothing else is left.
 *
 * The algorithm is that of write-file-atomic, hardened for secrets: the temporary file has a random name, is created
 * exclusively and is private from its first byte, whatever the umask; it gets its owner, group and mode before its
 * content; and both file and directory reach the disk before this returns.
 *
 * @param path the file, with no link in its last part
 * @param bytes the new content
 * @param wanted owner, group and mode for the new file; an owner or group that the caller may not give stays the
 *   caller's, as with the original; undefined means the caller's, 0600
 * @returns the attributes that the file now has
 * @throws CANNOT_REPLACE, PERMISSION or IO
 */
export function replaceFile(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  wanted?: Attributes,
): Attributes {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(9).toString('hex')}.tmp`);
  return attempt('could not write', path, () => {
    const fd = fs.openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    let attributes: Attributes;
    try {
      try {
        attributes = setAttributes(fs, fd, wanted);
        writeAll(fs, fd, bytes);
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
      fs.renameSync(temporary, path);
    } catch (error) {
      ignoreFailure(() => fs.unlinkSync(temporary));
      throw error;
    }
    syncDirectory(fs, dirname(path));
    return attributes;
  });
}

/**
 * Removes a file, durably.
 *
 * @throws PERMISSION or IO
 */
export function removeFile(fs: FileSystem, path: string): void {
  attempt('could not remove', path, () => {
    fs.unlinkSync(path);
    syncDirectory(fs, dirname(path));
  });
}

function setAttributes(fs: FileSystem, fd: number, wanted: Attributes | undefined): Attributes {
  const born = fs.fstatSync(fd);
  // Apart, as the original does: who may not give the owner away may still give the group.
  if (wanted && wanted.uid !== born.uid) ignoreRefusal(() => fs.fchownSync(fd, wanted.uid, -1));
  if (wanted && wanted.gid !== born.gid) ignoreRefusal(() => fs.fchownSync(fd, -1, wanted.gid));
  fs.fchmodSync(fd, wanted?.mode ?? 0o600); // also where the umask has taken bits away
  return attributesOf(fs.fstatSync(fd));
}

function writeAll(fs: FileSystem, fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) offset += fs.writeSync(fd, bytes, offset);
}

/** Makes a rename or an unlink durable. Some file systems can't sync a directory (EINVAL): they need no syncing. */
function syncDirectory(fs: FileSystem, directory: string): void {
  const fd = fs.openSync(directory, O_RDONLY | O_DIRECTORY);
  try {
    fs.fsyncSync(fd);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error;
  } finally {
    fs.closeSync(fd);
  }
}

function attributesOf({ uid, gid, mode }: Attributes): Attributes {
  return { uid, gid, mode: mode & 0o777 };
}

/** An owner that can't be kept is no failure: the caller is told and warns (SPEC.md section 4). */
function ignoreRefusal(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!['EPERM', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) throw error;
  }
}

function ignoreFailure(call: () => void): void {
  try {
    call();
  } catch {
    // The failure that led here is the one to report.
  }
}

function attempt<T>(doing: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, doing, path);
  }
}
