/**
 * The directory of a file, held open while a command works in it.
 *
 * Each directory of the path is opened by its name in the one before (disk/open-directory.ts), without following a
 * symlink, and must be the one that was examined: whoever exchanges a directory of the path afterwards changes nothing
 * for us, and closed directories above do not matter.
 *
 * If root acts as another user there, every system call is made as that user, and only the call: between two calls the
 * process is root's again, so code that is loaded meanwhile, or a signal handler, never runs as somebody else.
 */
import { basename, dirname } from 'node:path';
import { attempt, missingDirectory } from '../disk/file-errors.js';
import { type FileSystem, hasErrno, O, sameFile, viewOf } from '../disk/file-system.js';
import { OpenDirectory } from '../disk/open-directory.js';
import { type Directory, pathChanged } from '../disk/path-walk.js';
import { ServiceTokensError } from '../errors.js';
import { isIn } from '../paths.js';
import { type Identity, ownIdentity } from './identity.js';
import { type Asker, explainDenied } from './permission-denied.js';
import { quote } from './printed-command.js';
import type { ResolvedPath } from './resolved-path.js';
import { userName } from './system-accounts.js';

export interface OpenedDirectory {
  /** The file system with the names of this directory looked up in it, and calls made as the identity. */
  readonly fs: FileSystem;
  /** The same, but with calls made as the caller. */
  readonly asCaller: FileSystem;
  close(): void;
}

/** @param identity the user that root acts as; undefined to act as the caller @throws CANNOT_REPLACE, PERMISSION or IO */
export function openDirectory(
  resolved: ResolvedPath,
  identity: Identity | undefined,
  fs: FileSystem,
): OpenedDirectory {
  const { directory, target, modifiers } = resolved;
  if (directory === undefined) throw missingDirectory(target);
  const opened = attempt(fs, 'could not open', target, () => openByName(directory, resolved, fs));
  if (!opened.isPinned && fs.geteuid() === 0 && modifiers.length > 0) {
    opened.close();
    const fact = 'other users can change its path, and without /proc root cannot keep its directory open';
    const hint = 'Run the command as the owner of the directory, or mount /proc.';
    throw new ServiceTokensError('PERMISSION', `could not open [${target}]: ${fact}`, { hint });
  }
  const path = pathIn([dirname(target), directory.path], opened);
  const asCaller = opened.isPinned ? viewOf(fs, { path }) : fs;
  const asIdentity = identity === undefined ? asCaller : actingAs(identity, asCaller);
  return { fs: asIdentity, asCaller, close: () => opened.close() };
}

/** Opens the directory of a file, works in it, and closes it. @param command for the hints of errors */
export async function inDirectory<T>(
  resolved: ResolvedPath,
  identity: Identity | undefined,
  fs: FileSystem,
  work: (opened: OpenedDirectory) => Promise<T>,
  command?: Asker['command'],
): Promise<T> {
  const opened = openDirectory(resolved, identity, fs);
  try {
    return await work(opened);
  } catch (error) {
    throw explainDenied(error, resolved, { as: identity ?? ownIdentity(fs), command }, opened.asCaller);
  } finally {
    opened.close();
  }
}

/** A file system whose calls are made as an identity, and which has its user number. */
function actingAs(identity: Identity, fs: FileSystem): FileSystem {
  let isActing = false; // calls within `together` are made as the identity already
  const call = <T>(calls: () => T): T => {
    if (isActing) return calls();
    isActing = true;
    try {
      return impersonate(identity, fs, calls as () => never);
    } finally {
      isActing = false;
    }
  };
  return Object.assign(viewOf(fs, { call }), { geteuid: () => identity.uid });
}

/** Makes calls as an identity, then restores the caller's. What a promise does later would be done as the caller. */
export function impersonate<T>(
  { uid, gid, groups }: Identity,
  fs: FileSystem,
  calls: () => T extends PromiseLike<unknown> ? never : T,
): T {
  const before = { uid: fs.geteuid(), gid: fs.getegid(), groups: fs.getgroups() };
  try {
    try {
      fs.setgroups(groups);
      fs.setegid(gid);
      fs.seteuid(uid);
    } catch (cause) {
      const user = userName(uid, fs);
      const fact = `this process cannot change its user and groups (${(cause as Error).message})`;
      const hint = `Run the command as that user, for example: sudo -u ${quote(user)}`;
      throw new ServiceTokensError('PERMISSION', `could not act as [${user}]: ${fact}`, { hint, cause });
    }
    return calls();
  } finally {
    // The user first: restoring the others needs its privileges. Synchronous, so that no other code runs in between.
    if (fs.geteuid() !== before.uid) fs.seteuid(before.uid);
    if (fs.getegid() !== before.gid) fs.setegid(before.gid);
    if (fs.getgroups().join() !== before.groups.join()) fs.setgroups(before.groups);
  }
}

/** @param paths absolute paths of the open directory */
function pathIn(paths: readonly string[], opened: OpenDirectory): (path: string) => string {
  return (path) => {
    const directory = paths.find((each) => isIn(each, path));
    if (directory === undefined) return path;
    return `${opened.within('')}/${path.slice(directory.length).replace(/^\//, '')}`;
  };
}

/** Opens a directory: each of its path by its name in the one before, so that no link is followed. */
function openByName({ path }: Directory, { directories, target }: ResolvedPath, fs: FileSystem) {
  const above = directories.filter((each) => isIn(each.path, path)).map((each) => [each.path, each] as const);
  const steps = [...new Map(above).values()].sort((a, b) => a.path.length - b.path.length);
  let opened: OpenDirectory | undefined;
  try {
    for (const step of steps) {
      if (opened?.isPinned === false) break; // without /proc, this would prove nothing
      const next = new OpenDirectory(fs, opened?.within(basename(step.path)) ?? step.path, O.PATH);
      opened?.close();
      opened = next;
      if (!sameFile(fs.fstatSync(opened.fd, { bigint: true }), step)) throw pathChanged(target);
    }
    return opened as OpenDirectory; // the path has at least the root directory
  } catch (error) {
    opened?.close();
    throw hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP') ? pathChanged(target) : error;
  }
}
