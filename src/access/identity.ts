/**
 * As whom root acts: where somebody else can change the way to a file, root acts as that somebody.
 *
 * The part of the way that only root can change is walked as root. Then the process changes into the last directory of
 * that part, takes on the identity, and walks the rest as it, into the file's own directory: a directory that is
 * entered can't be exchanged any more. There every name is relative, so neither a link above nor a closed directory
 * matters. Anybody else enters the directory too, as themselves.
 *
 * As an identity only synchronous calls are made, save by watch, which only reads: Node before 20.11.1 may hand others to
 * io_uring, whose thread keeps root's credentials (CVE-2024-22017).
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

/** A user as whom root acts. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface IdentityOptions {
  /** `NAME`, `UID`, `NAME:GID` or `UID:GID`: as whom root acts where somebody else can change the way. */
  readonly serverUser?: string | undefined;
  /** Root acts as root: the caller vouches for everybody who can change the way. */
  readonly trustDirectory?: boolean | undefined;
  /** The server's configuration directory, whose files tell who the server is. */
  readonly configDir: string;
}

/** The kernel's number for a user or a group that a user namespace does not map: proc(5), overflowuid. */
const OVERFLOW = 65_534;

/** Walks to a file with the eyes of this process: see examineWay. */
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
    return true; // no namespaces here
  }
}

/**
 * Decides as whom root has to act: the first that applies of the named user, the owner of the file's own directory, and
 * the server's user where that directory is root's and lets it write by its group.
 *
 * @returns the identity; undefined for whoever acts as himself: not root, nobody else can change the way, or the caller
 *   trusts everybody who can
 * @throws PERMISSION where a writer on the way is none of these; USAGE for a --server-user that does not exist
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

/** The caller's word is as good as `sudo -u`: who else can change the way is a matter of that user's. */
function namedIdentity(word: string, directory: Directory, fs: FileSystem): Identity {
  const { uid, gid } = namedUser(word, fs);
  if (gid === undefined) return identityOf(uid, groupThatMayWrite(directory, uid), fs);
  return { ...identityOf(uid, gid, fs), gid };
}

function ownerOf({ uid }: Directory, fs: FileSystem): Identity | undefined {
  return uid === 0 ? undefined : identityOf(uid, undefined, fs);
}

/** The server's user, where root's directory lets it write by its group. */
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
 * A user with the groups that passwd and group know; where they know none, with the one through which it may write.
 * Group 0 opens much of a system, so it comes along only if it is that one.
 */
function identityOf(uid: number, through: number | undefined, fs: FileSystem): Identity {
  const known = groupsOf(uid, fs).filter((gid) => gid !== 0 || gid === through);
  const groups = [...new Set([...known, ...(through === undefined ? [] : [through])])];
  const [gid = OVERFLOW] = groups;
  return { uid, gid, groups: groups.length > 0 ? groups : [gid] };
}

/** A group in a directory of the identity's own was let in by the identity itself. */
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

/** A file's directory that was entered. */
export interface Entered {
  /** The file system, with the names of this directory relative to it. */
  readonly fs: FileSystem;
  /**
   * Makes synchronous calls as root, in this directory, where the process acts as somebody else; else as it is.
   * Whatever the calls do, the identity is back when it returns.
   */
  asRoot<T>(calls: () => T): T;
}

/**
 * Enters the directory of a file as an identity, does some work, and goes back.
 *
 * @param identity undefined to enter it as the caller
 * @returns what the work returns
 * @throws PERMISSION when the identity can't be taken on or may not enter; IO when the way was changed meanwhile; and
 *   what the work throws
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
 * Does some work as an identity that follows the path itself, whatever becomes of it; as the caller where the identity
 * can't reach the file's directory, or there is no identity.
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

/** @throws PERMISSION when this process can't act as an identity */
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
    // Name by name, so that no directory on the way can have been exchanged for a link since it was examined.
    for (const step of pathTo(directory, directories)) changeInto(basename(step.path) || '/', step);
    return;
  }
  changeInto(certain.path, certain);
  takeOn(identity, fs);
  // Below it by a relative name: what is above may be closed to the identity.
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

/** What an identity changes of a process. */
interface State {
  /** Undefined where the working directory is gone. */
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

/** Sets back what was changed. Synchronous, so that nothing of ours runs between two of its steps. */
function restore({ directory, uid, gid, groups }: State, fs: FileSystem): void {
  if (fs.geteuid() !== uid) fs.seteuid(uid); // first: it brings the right to set the others back
  if (fs.getegid() !== gid) fs.setegid(gid);
  if (fs.getgroups().join() !== groups.join()) fs.setgroups(groups);
  if (directory !== undefined) ignoreFailure(() => fs.chdir(directory));
}

/**
 * Refuses what only a command can do, which may act as somebody else.
 *
 * @throws PERMISSION for root, where somebody else can change the way
 */
export function refuseWriters(way: Way, fs: FileSystem): void {
  if (fs.geteuid() === 0 && way.writers.length > 0) throw refusal(way, way.writers[0], fs);
}

/**
 * Holds the directory of a file open, for who must not change the directory of the process: its names are looked up in
 * that very directory from then on. Where the system has no /proc they are looked up by the way, as before.
 *
 * @throws IO when the way was changed meanwhile; PERMISSION
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

/** Opens the last of some directories, each by its name in the one before: no link is followed on the way. */
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
    return fd as number; // there is the root at least
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

/** The error of a change where the file's directory does not exist. */
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
