import { dirname, resolve } from 'node:path';
import { ServiceTokensError } from './errors.js';
import { fileError } from './file-errors.js';
import { temporaryName } from './file-lock.js';
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
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
} from './file-system.js';
import { mountedAt } from './mounts.js';

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
 * @returns the paths from the first to the last, each the target of the one before; the last one need not exist
 * @throws IO when the links lead in a circle
 */
export function followLinks(fs: FileSystem, path: string): [...string[], string] {
  const steps: [...string[], string] = [path];
  for (let at = path; steps.length <= MAX_LINKS; ) {
    const stat = attempt('could not read', at, () => ifExists(() => fs.lstatSync(at)));
    if (!stat?.isSymbolicLink()) return steps;
    const link = at;
    at = resolve(
      dirname(link),
      attempt('could not read', link, () => fs.readlinkSync(link)),
    );
    steps.push(at);
  }
  throw new ServiceTokensError('IO', `could not read [${path}]: the symbolic links lead in a circle`);
}

/**
 * Finds the file to change behind a path.
 *
 * @throws CANNOT_REPLACE for a file in a Kubernetes volume, whose `..data` link the kubelet switches to a new
 *   directory at every update: a change there would vanish, and a file in the link's place would cut the pod off from
 *   its operator without a word (FACTS.md, "ECK"); PERMISSION for a link that may be a trap; IO when the links lead in
 *   a circle
 */
export function findTarget(fs: FileSystem, path: string): string {
  const steps = followLinks(fs, path);
  const directory = attempt('could not read', path, () =>
    ifExists(() => fs.realpathSync(dirname(steps.at(-1) ?? path))),
  );
  // Names that begin with two dots are the kubelet's: ..data, and the directory of an update that it leads to.
  if ([...steps, directory ?? ''].some((step) => /(^|\/)\.\.[^/.]/.test(step))) {
    throw new ServiceTokensError(
      'CANNOT_REPLACE',
      `could not write [${path}]: it is in a Kubernetes volume (..data), which only Kubernetes changes`,
      { hint: 'Change the Secret that is mounted there.' },
    );
  }
  const target = steps.at(-1) ?? path;
  attempt('could not read', path, () => requireTrustedLinks(fs, steps.slice(0, -1), target));
  return target;
}

/**
 * Who owns a link decides where it leads. Root would otherwise change or make any file of the system, had somebody who
 * may write in the configuration directory put a link to it there.
 */
function requireTrustedLinks(fs: FileSystem, links: readonly string[], target: string): void {
  if (links.length === 0) return;
  const lead = ifExists(() => fs.statSync(target)) ?? ifExists(() => fs.statSync(dirname(target)));
  if (lead === undefined) return; // nothing can be made there
  const owner = lead.uid;
  const stranger = links.find((link) => ![0, owner].includes(fs.lstatSync(link).uid));
  if (stranger === undefined) return;
  throw new ServiceTokensError(
    'PERMISSION',
    `the link [${stranger}] belongs neither to root nor to the owner of [${target}], so it may be a trap`,
    { hint: 'Name the file itself with --file, or make the link as its owner or as root.' },
  );
}

/**
 * Reads a whole file with its attributes.
 *
 * @returns undefined when there is no such file
 * @throws IO or PERMISSION
 */
export function readSnapshot(fs: FileSystem, path: string): Snapshot | undefined {
  return attempt('could not read', path, () => {
    // Without waiting: a named pipe that nobody writes to would hold the command up for ever.
    const fd = ifExists(() => fs.openSync(path, O_RDONLY | O_NONBLOCK));
    if (fd === undefined) return undefined;
    try {
      const stat = fs.fstatSync(fd);
      if (!stat.isFile() && !stat.isDirectory()) throw notAFile(path); // of a directory the read says what it is
      return { attributes: attributesOf(stat), bytes: fs.readFileSync(fd) };
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** A change would put a file in its place: of all things, /dev/null must not be replaced. */
function notAFile(path: string): ServiceTokensError {
  return new ServiceTokensError('IO', `could not read [${path}]: it is not a regular file`);
}

/** What a new file is to have, seen what the caller's files are born with. */
export type AttributeChoice = (born: Attributes) => Attributes;

/**
 * Replaces a file whole or not at all: after any failure the old file stands and nothing else is left.
 *
 * The algorithm is that of write-file-atomic, hardened for secrets: the temporary file has a random name, is created
 * exclusively and is private from its first byte, whatever the umask; it gets its owner, group and mode before its
 * content, and its content reaches the disk before it gets its final name. That the name reaches the disk too is
 * syncDirectoryOf's work, apart, because the file is changed by then and a failure there means to change it back.
 *
 * @param path the file, with no link in its last part
 * @param bytes the new content
 * @param wanted the old file's attributes, which are kept as far as the caller may give them, or a choice for a new one
 * @param beforeRename the last moment to throw and have changed nothing
 * @returns the attributes that the file now has
 * @throws CANNOT_REPLACE, PERMISSION or IO
 */
export function replaceFile(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  wanted: Attributes | AttributeChoice,
  beforeRename: () => void = () => {},
): Attributes {
  const temporary = temporaryName(path);
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
      beforeRename();
      fs.renameSync(temporary, path);
    } catch (error) {
      ignoreFailure(() => fs.unlinkSync(temporary));
      throw errnoOf(error) === 'EBUSY' ? busy(fs, path, error) : error;
    }
    return attributes;
  });
}

/**
 * Makes it durable that a file was replaced or removed.
 *
 * @throws IO or PERMISSION
 */
export function syncDirectoryOf(fs: FileSystem, path: string): void {
  attempt('could not sync the directory of', path, () => {
    let fd: number;
    try {
      fd = fs.openSync(dirname(path), O_RDONLY | O_DIRECTORY);
    } catch (error) {
      if (errnoOf(error) === 'EACCES') return; // who may write there but not read can't sync it either
      throw error;
    }
    try {
      fs.fsyncSync(fd);
    } catch (error) {
      // Some file systems have nothing to sync in a directory, and say so.
      if (errnoOf(error) !== 'EINVAL') throw error;
    } finally {
      fs.closeSync(fd);
    }
  });
}

/**
 * Overwrites a file where it is, for a mount of the single file, which can't be replaced. A reader may see half of it,
 * and so may the next one after a crash.
 *
 * @param old the content to put back if it fails midway
 * @throws PERMISSION or IO, the old content restored; IO that says so where even that failed
 */
export function overwriteFile(fs: FileSystem, path: string, bytes: Uint8Array, old: Uint8Array): void {
  attempt('could not write', path, () => {
    const fd = fs.openSync(path, O_WRONLY | O_NOFOLLOW);
    try {
      try {
        overwrite(fs, fd, bytes);
      } catch (error) {
        restore(fs, fd, old, path, error);
        throw error;
      }
    } finally {
      ignoreFailure(() => fs.closeSync(fd)); // the content is on the disk by now, or the failure is known
    }
  });
}

function overwrite(fs: FileSystem, fd: number, bytes: Uint8Array): void {
  writeAll(fs, fd, bytes);
  fs.ftruncateSync(fd, bytes.length);
  fs.fsyncSync(fd);
}

function restore(fs: FileSystem, fd: number, old: Uint8Array, path: string, cause: unknown): void {
  try {
    overwrite(fs, fd, old);
  } catch {
    throw new ServiceTokensError(
      'IO',
      `could not write [${path}], nor put back what was in it: the file is damaged`,
      {
        hint: 'Restore it from a backup, or correct it by hand.',
        cause,
      },
    );
  }
}

function busy(fs: FileSystem, path: string, cause: unknown): ServiceTokensError {
  const source = mountedAt(path, fs);
  const reason =
    source === undefined ? 'it is in use by the system' : `it is a mount of its own, of [${source}]`;
  return new ServiceTokensError(
    'CANNOT_REPLACE',
    `could not write [${path}]: ${reason}, so it can't be replaced`,
    {
      hint: 'Mount the directory instead of the file, or use --in-place: it overwrites the file where it is, and a reader may see half of it.',
      cause,
    },
  );
}

/**
 * Removes a file.
 *
 * @throws PERMISSION or IO
 */
export function removeFile(fs: FileSystem, path: string): void {
  attempt('could not remove', path, () => fs.unlinkSync(path));
}

function setAttributes(fs: FileSystem, fd: number, wanted: Attributes | AttributeChoice): Attributes {
  const born = attributesOf(fs.fstatSync(fd));
  const isNew = typeof wanted === 'function';
  const { uid, gid, mode } = isNew ? wanted(born) : wanted;
  // Apart, as the original does: who may not give the owner away may still give the group.
  if (uid !== born.uid) ignoreRefusal(() => fs.fchownSync(fd, uid, -1));
  if (gid !== born.gid) ignoreRefusal(() => fs.fchownSync(fd, -1, gid));
  // A new file's group bits are meant for that group, and for no other where it could not be given.
  const groupBits = isNew && attributesOf(fs.fstatSync(fd)).gid !== gid ? 0 : mode & 0o070;
  ignoreRefusal(() => fs.fchmodSync(fd, (mode & 0o707) | groupBits)); // also where the umask has taken bits away
  return attributesOf(fs.fstatSync(fd));
}

function writeAll(fs: FileSystem, fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) {
    offset += fs.writeSync(fd, bytes, offset, bytes.length - offset, offset);
  }
}

function attributesOf({ uid, gid, mode }: Attributes): Attributes {
  return { uid, gid, mode: mode & 0o777 };
}

function attempt<T>(doing: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, doing, path);
  }
}
