/**
 * The identity that root takes on: if another user can change the path to a file, root acts as that user.
 *
 * Root walks the part of the path that only root can change. The process then changes into the last directory of that
 * part, takes on the identity, and walks the rest, into the file's own directory. A directory cannot be exchanged after
 * the process has entered it. All names are relative there, so links and closed directories above do not matter. Users
 * other than root enter the directory too, as themselves.
 *
 * Under another identity only synchronous calls are made, except by watch, which only reads: Node before 20.11.1 may
 * hand asynchronous calls to io_uring, whose thread keeps root's credentials (CVE-2024-22017).
 */
import { basename, dirname, relative } from 'node:path';
import { fileError } from '../disk/file-errors.js';
import {
  errnoOf,
  type FileSystem,
  ifExists,
  ignoreFailure,
  namesIn,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
} from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { findServer, namedUser } from './server-access.js';
import { groupName, groupsOf, userName } from './system-accounts.js';
import { type Directory, examineWay, type Way, type Writer } from './way.js';

/** A user that root acts as. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface IdentityOptions {
  /** `NAME`, `UID`, `NAME:GID` or `UID:GID`: the user that root acts as if another user can change the path. */
  readonly serverUser?: string | undefined;
  /** Do not refuse a change: the caller trusts every user who can change the path. */
  readonly trustDirectory?: boolean | undefined;
  /** The server's configuration directory, whose files identify the server's user. */
  readonly configDir: string;
}

/** The kernel's number for a user or a group that a user namespace does not map: proc(5), overflowuid. */
const OVERFLOW = 65_534;

/** Examines the way to a file in the user namespace of this process: see examineWay. */
export function examine(fs: FileSystem, path: string, follows = true): Way {
  return examineWay(fs, path, (uid) => uid === OVERFLOW && !isMapped(uid, fs), follows);
}

/** Whether the user namespace of this process maps a user: user_namespaces(7), /proc/self/uid_map. */
function isMapped(uid: number, fs: FileSystem): boolean {
  try {
    const rows = fs.readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
    return rows
      .map((row) => row.trim().split(/\s+/).map(Number))
      .some(([first = 0, , length = 0]) => uid >= first && uid < first + length);
  } catch {
    return true; // no user namespaces
  }
}

/**
 * Chooses the identity for root, the first that applies: the named user; the non-root owner of the file's directory;
 * the server's user, if that directory belongs to root and grants its group write permission.
 *
 * @returns the identity; undefined if the process keeps its own: it is not root, only root can change the path, or the
 *   caller trusts all who can
 * @throws PERMISSION if a user other than the chosen one can change the path; USAGE if the named user does not exist
 */
export function chooseIdentity(
  way: Way,
  { serverUser, trustDirectory = false, configDir }: IdentityOptions,
  fs: FileSystem,
): Identity | undefined {
  const { writers, directory } = way;
  if (fs.geteuid() !== 0 || writers.length === 0 || directory === undefined) return undefined;
  const named = serverUser === undefined ? undefined : namedIdentity(serverUser, directory, fs);
  if (named !== undefined && named.uid !== 0) return named; // the server never runs as root
  const identity = ownerOf(directory, fs) ?? serverOf(directory, configDir, fs);
  if (trustDirectory) return identity;
  const stranger = identity ? writers.find((writer) => !isCovered(writer, identity)) : writers[0];
  if (identity === undefined || stranger !== undefined) throw refusal(way, stranger, fs);
  return identity;
}

/** Naming a user is equivalent to `sudo -u`: it does not matter who else can change the path. */
function namedIdentity(word: string, directory: Directory, fs: FileSystem): Identity {
  const { uid, gid } = namedUser(word, fs);
  if (gid === undefined) return identityOf(uid, groupThatMayWrite(directory, uid), fs);
  return { ...identityOf(uid, gid, fs), gid };
}

function ownerOf({ uid }: Directory, fs: FileSystem): Identity | undefined {
  return uid === 0 ? undefined : identityOf(uid, undefined, fs);
}

/** The server's user, if root's directory grants its group write permission. */
function serverOf(directory: Directory, configDir: string, fs: FileSystem): Identity | undefined {
  const through = groupThatMayWrite(directory, -1);
  if (through === undefined) return undefined;
  const server = findServer(configDir, undefined, fs, true);
  if (server?.uid === undefined || server.uid === 0 || !server.groups.includes(through)) return undefined;
  return identityOf(server.uid, through, fs);
}

function groupThatMayWrite({ uid: owner, gid, mode }: Directory, uid: number): number | undefined {
  return mode & 0o020 && owner !== uid ? gid : undefined;
}

/**
 * A user with its groups of /etc/passwd and /etc/group, and the group through which it may write. Group 0 has access to
 * much of a system, so it is included only if it is that group.
 */
function identityOf(uid: number, through: number | undefined, fs: FileSystem): Identity {
  const known = groupsOf(uid, fs).filter((gid) => gid !== 0 || gid === through);
  const groups = [...new Set([...known, ...(through === undefined ? [] : [through])])];
  const [gid = OVERFLOW] = groups;
  return { uid, gid, groups: groups.length > 0 ? groups : [gid] };
}

/** A group that may write in the identity's own directory was granted that by the identity. */
function isCovered({ kind, id, owner }: Writer, { uid, groups }: Identity): boolean {
  if (kind === 'user') return id === uid;
  return kind === 'group' && (owner === uid || groups.includes(id));
}

function refusal({ target }: Way, writer: Writer | undefined, fs: FileSystem): ServiceTokensError {
  const { kind = 'everybody', id = -1, at = target } = writer ?? {};
  const who = {
    user: `user [${userName(id, fs)}]`,
    group: `group [${groupName(id, fs)}]`,
    everybody: 'every user',
  };
  return new ServiceTokensError(
    'PERMISSION',
    `could not write [${target}]: ${who[kind]} can change [${at}], which is unsafe for root`,
    {
      hint: 'Choose the user to act as with --server-user USER, sudo -u USER or docker exec -u USER; or, if you trust every user who can change it, use --trust-directory.',
    },
  );
}

/** A file's directory that the process has entered. */
export interface Entered {
  /** The file system, with the names of this directory relative to it. */
  readonly fs: FileSystem;
  /**
   * Makes synchronous calls in this directory, as root if the process acts as another user. The identity is restored
   * afterwards, even if a call fails.
   */
  asRoot<T>(calls: () => T): T;
}

/**
 * Enters the directory of a file as an identity, does some work, and goes back.
 *
 * @param identity undefined to enter it as the caller
 * @returns what the work returns
 * @throws PERMISSION if the identity cannot be taken on or may not enter; IO if the path has changed; and what the work
 *   throws
 */
export async function within<T>(
  way: Way,
  identity: Identity | undefined,
  fs: FileSystem,
  work: (entered: Entered) => Promise<T>,
): Promise<T> {
  const before = stateOf(fs);
  try {
    enter(way, identity, fs);
    const asRoot = <R>(calls: () => R) => (identity === undefined ? calls() : callAsRoot(fs, calls));
    return await work({ fs: namesIn(fs, [dirname(way.target), way.directory?.path ?? '/'], ''), asRoot });
  } finally {
    restore(before, fs);
  }
}

/**
 * Does some work as an identity without entering the directory, so that the work can follow changes of the path. Works
 * as the caller if there is no identity, or if the identity cannot reach the file's directory.
 */
export async function following<T>(
  { directory }: Way,
  identity: Identity | undefined,
  fs: FileSystem,
  work: () => Promise<T>,
): Promise<T> {
  const before = stateOf(fs);
  try {
    if (identity !== undefined && directory !== undefined) {
      takeOn(identity, fs);
      let isReached = false;
      ignoreFailure(() => {
        isReached = isSame(fs.statSync(directory.path), directory);
      });
      if (!isReached) restore(before, fs);
    }
    return await work();
  } finally {
    restore(before, fs);
  }
}

/** The current identity of this process. */
export function ownIdentity(fs: FileSystem): Identity {
  return { uid: fs.geteuid(), gid: fs.getegid(), groups: fs.getgroups() };
}

/**
 * Makes synchronous calls as an identity, and then restores the current one.
 *
 * @param caller the identity that started the process
 * @throws PERMISSION if the identity cannot be taken on; and what the calls throw
 */
export function callAs<T>(identity: Identity, caller: Identity, fs: FileSystem, calls: () => T): T {
  const before = ownIdentity(fs);
  if (isSameIdentity(identity, before)) return calls();
  if (before.uid !== caller.uid) fs.seteuid(caller.uid); // only root may take on another identity
  try {
    takeOn(identity, fs);
    return calls();
  } finally {
    if (fs.geteuid() !== caller.uid) fs.seteuid(caller.uid);
    restore({ ...before, uid: caller.uid, directory: undefined }, fs);
    if (before.uid !== caller.uid) fs.seteuid(before.uid);
  }
}

function isSameIdentity(a: Identity, b: Identity): boolean {
  return a.uid === b.uid && a.gid === b.gid && a.groups.join() === b.groups.join();
}

/** @throws PERMISSION if this process cannot take on an identity */
export function requireAble(identity: Identity, fs: FileSystem): void {
  const before = stateOf(fs);
  try {
    takeOn(identity, fs);
  } finally {
    restore(before, fs);
  }
}

function enter(
  { target, directory, directories, certain }: Way,
  identity: Identity | undefined,
  fs: FileSystem,
): void {
  if (directory === undefined) throw missingDirectory(target);
  const changeInto = (path: string, expected: Directory) => {
    try {
      fs.chdir(path);
      if (isSame(fs.statSync('.'), expected)) return;
    } catch (error) {
      throw fileError(error, 'could not read', target);
    }
    throw wayChanged(target);
  };
  if (identity === undefined) {
    // One name at a time, to notice a directory that was exchanged for a link since it was examined.
    for (const step of pathTo(directory, directories)) changeInto(basename(step.path) || '/', step);
    return;
  }
  changeInto(certain.path, certain);
  takeOn(identity, fs);
  // By a relative name: the identity may not be allowed to enter the directories above.
  const rest = relative(certain.path, directory.path) || '.';
  changeInto(rest.startsWith('../') || rest === '..' ? directory.path : rest, directory);
}

function takeOn({ uid, gid, groups }: Identity, fs: FileSystem): void {
  try {
    fs.setgroups(groups);
    fs.setegid(gid);
    fs.seteuid(uid);
  } catch (cause) {
    const user = userName(uid, fs);
    throw new ServiceTokensError(
      'PERMISSION',
      `could not act as [${user}]: this process cannot change its user and groups (${(cause as Error).message})`,
      { hint: `Run the command as that user, for example: sudo -u ${user}`, cause },
    );
  }
}

function callAsRoot<T>(fs: FileSystem, calls: () => T): T {
  const uid = fs.geteuid();
  fs.seteuid(0);
  try {
    return calls();
  } finally {
    fs.seteuid(uid);
  }
}

/** The state of the process that taking on an identity changes. */
interface State {
  /** Undefined if the working directory does not exist. */
  readonly directory: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

function stateOf(fs: FileSystem): State {
  let directory: string | undefined;
  ignoreFailure(() => {
    directory = fs.cwd();
  });
  return { directory, uid: fs.geteuid(), gid: fs.getegid(), groups: fs.getgroups() };
}

/** Restores the state. Synchronous, so that no other code runs between its steps. */
function restore({ directory, uid, gid, groups }: State, fs: FileSystem): void {
  if (fs.geteuid() !== uid) fs.seteuid(uid); // first: restoring the others needs its privileges
  if (fs.getegid() !== gid) fs.setegid(gid);
  if (fs.getgroups().join() !== groups.join()) fs.setgroups(groups);
  if (directory !== undefined) ignoreFailure(() => fs.chdir(directory));
}

/**
 * Refuses a change by root if another user can change the path. Only the command can act as that user.
 *
 * @throws PERMISSION
 */
export function refuseWriters(way: Way, fs: FileSystem): void {
  if (fs.geteuid() === 0 && way.writers.length > 0) throw refusal(way, way.writers[0], fs);
}

/**
 * Holds the directory of a file open, for callers that must not change the working directory. Its names are then looked
 * up in the open directory; on a system without /proc, they are looked up by their path.
 *
 * @throws IO if the path has changed; PERMISSION
 */
export function pin(
  directory: Directory,
  { target, directories }: Way,
  fs: FileSystem,
): { readonly fs: FileSystem; close(): void } {
  try {
    if (ifExists(() => fs.statSync('/proc/self/fd')) === undefined) return { fs, close: () => {} };
    const fd = openByName(pathTo(directory, directories), target, fs);
    const close = () => ignoreFailure(() => fs.closeSync(fd));
    return { fs: namesIn(fs, [dirname(target), directory.path], `/proc/self/fd/${fd}/`), close };
  } catch (error) {
    throw fileError(error, 'could not write', target);
  }
}

/** Opens the last of some directories, each by its name in the one before, so that no link is followed. */
function openByName(path: readonly Directory[], target: string, fs: FileSystem): number {
  let fd: number | undefined;
  try {
    for (const step of path) {
      const name = fd === undefined ? step.path : `/proc/self/fd/${fd}/${basename(step.path)}`;
      const next = fs.openSync(name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      const before = fd;
      fd = next;
      if (before !== undefined) ignoreFailure(() => fs.closeSync(before));
      if (!isSame(fs.fstatSync(fd), step)) throw wayChanged(target);
    }
    return fd as number; // the path has at least the root directory
  } catch (error) {
    const open = fd;
    if (open !== undefined) ignoreFailure(() => fs.closeSync(open));
    throw ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '') ? wayChanged(target) : error;
  }
}

/** The directories from the root to one, as they were examined. */
function pathTo(directory: Directory, examined: readonly Directory[]): Directory[] {
  const isAbove = ({ path }: Directory) =>
    path === '/' || directory.path === path || directory.path.startsWith(`${path}/`);
  const above = new Map(examined.filter(isAbove).map((each) => [each.path, each]));
  return [...above.values()].sort((a, b) => a.path.length - b.path.length);
}

function isSame(a: { readonly dev: number; readonly ino: number }, b: Directory): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** The error of a change in a directory that does not exist. */
export function missingDirectory(target: string): ServiceTokensError {
  return new ServiceTokensError(
    'CANNOT_REPLACE',
    `could not write [${target}]: its directory does not exist`,
  );
}

function wayChanged(target: string): ServiceTokensError {
  return new ServiceTokensError('IO', `the path to [${target}] changed while this command ran`, {
    hint: 'Run the command again.',
  });
}
