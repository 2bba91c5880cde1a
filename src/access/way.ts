import { dirname, join, resolve } from 'node:path';
import { fileError } from '../disk/file-errors.js';
import { type FileSystem, ifExists, type Stats } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { below } from '../paths.js';

/** A directory on the way to a file, as it was when examined. */
export interface Directory {
  /** Absolute, without symlinks. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** The permission bits, with set-group-id and the sticky bit. */
  readonly mode: number;
  readonly dev: number;
  readonly ino: number;
}

/** A symlink on the way. */
export interface Link {
  readonly path: string;
  readonly uid: number;
}

/** A user or group other than root that can change a name on the way. */
export interface Writer {
  readonly kind: 'user' | 'group' | 'everybody';
  /** The number of the user or of the group; -1 for all users. */
  readonly id: number;
  /** The directory or symlink that grants the permission. */
  readonly at: string;
  /** The owner of that directory or link. */
  readonly owner: number;
}

/**
 * The way to a file: every directory and symlink from `/` to the file's own directory and, if the file is a symlink, to
 * its target. A user who can change a name on it can exchange the file at any moment.
 */
export interface Way {
  /** The file, then its targets, symlink by symlink; the directories in these paths may be symlinks. */
  readonly steps: readonly [path: string, ...targets: string[]];
  /** The last of the steps. It need not exist. */
  readonly target: string;
  readonly directories: readonly Directory[];
  readonly links: readonly Link[];
  readonly writers: readonly Writer[];
  /** The target's own directory; undefined if it does not exist. */
  readonly directory: Directory | undefined;
  /** The last directory on the way that only root can exchange. */
  readonly certain: Directory;
}

const MAX_LINKS = 40; // as Linux: path_resolution(7)
const STICKY = 0o1000;

type Stat = { readonly uid: number; readonly gid: number; readonly mode: number };

/**
 * Walks the way to a file and notes who can change it. The part after `certain` may change at any moment: it is walked
 * again under the identity that works there.
 *
 * @param path the file, absolute; it need not exist
 * @param isUnmapped says which owners the user namespace does not map; above the target's own directory they count as
 *   root
 * @param follows whether the file itself is followed if it is a symlink
 * @throws IO for too many levels of symlinks; CONFIG if a part of the path is not a directory; PERMISSION
 */
export function examineWay(
  fs: FileSystem,
  path: string,
  isUnmapped: (uid: number) => boolean = () => false,
  follows = true,
): Way {
  try {
    return walk(fs, path, isUnmapped, follows);
  } catch (error) {
    throw fileError(error, 'could not read', path);
  }
}

function walk(fs: FileSystem, path: string, isUnmapped: (uid: number) => boolean, follows: boolean): Way {
  const root = directoryAt('/', fs.lstatSync('/'));
  const steps: [string, ...string[]] = [path];
  const directories = [root];
  const links: Link[] = [];
  const writers: Writer[] = [];
  const ahead = namesOf(path);
  let at = root;
  let certain: Directory | undefined;
  const arrive = (directory?: Directory): Way => {
    const target = steps.at(-1) ?? path;
    return { steps, target, directories, links, writers, directory, certain: certain ?? at };
  };
  const enter = (directory: Directory) => {
    at = directory;
    directories.push(at);
  };

  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === '..') {
      const above = dirname(at.path);
      enter(directoryAt(above, fs.lstatSync(above)));
      continue;
    }
    const next = join(at.path, name);
    const stat = ifExists(() => fs.lstatSync(next));
    const isLink = stat?.isSymbolicLink() === true;
    const isTarget = ahead.length === 0 && !(isLink && follows);
    const here = writersOf(at, stat, isTarget, isUnmapped);
    if (isLink && stat.uid !== 0) here.push({ kind: 'user', id: stat.uid, at: next, owner: stat.uid });
    if (here.length > 0) certain ??= at;
    writers.push(...here);

    if (isTarget) {
      // Names in the directory are found by the text of the target, so it contains neither `..` nor `.`.
      const target = steps.at(-1) ?? path;
      if (target !== resolve(target)) steps[steps.length - 1] = next;
      return arrive(at);
    }
    if (stat === undefined) return arrive();
    if (isLink) {
      links.push({ path: next, uid: stat.uid });
      if (links.length > MAX_LINKS) throw tooManyLinks(path);
      const text = readLink(fs, next, stat, path);
      if (ahead.length === 0)
        steps.push(text.startsWith('/') ? text : below(dirname(steps.at(-1) ?? path), text));
      ahead.unshift(...namesOf(text));
      if (text.startsWith('/')) at = root;
    } else {
      enter(directoryAt(next, stat));
    }
  }
  return arrive(at); // the file is a symlink to `/`, or to a path that ends in `..`
}

/** Reads a symlink that was examined. A symlink that was exchanged since then has another ctime. */
function readLink(fs: FileSystem, link: string, { dev, ino, ctimeMs }: Stats, path: string): string {
  const text = fs.readlinkSync(link);
  const after = fs.lstatSync(link);
  if (after.dev === dev && after.ino === ino && after.ctimeMs === ctimeMs) return text;
  throw new ServiceTokensError('IO', `the path to [${path}] changed while this command ran`, {
    hint: 'Run the command again.',
  });
}

/** Finds who, besides root, can change one name in a directory. */
function writersOf(
  { path: at, uid, gid, mode }: Directory,
  next: Stat | undefined,
  isTarget: boolean,
  isUnmapped: (uid: number) => boolean,
): Writer[] {
  const isOther = (owner: number) => owner !== 0 && (isTarget || !isUnmapped(owner));
  const found: Writer[] = [];
  const add = (kind: Writer['kind'], id: number) => found.push({ kind, id, at, owner: uid });
  if (isOther(uid)) add('user', uid);
  const bits = mode & 0o022;
  if (bits === 0) return found;
  if ((mode & STICKY) === 0) {
    if (bits & 0o020) add('group', gid);
    if (bits & 0o002) add('everybody', -1);
  } else if (isTarget) {
    // Only the owner of a file can remove it there, but others can create one under a free name.
    const isRoots = next?.uid === 0;
    if (!isRoots) add(bits & 0o002 ? 'everybody' : 'group', bits & 0o002 ? -1 : gid);
  } else if (next !== undefined && isOther(next.uid)) {
    add('user', next.uid);
  }
  return found;
}

function directoryAt(
  path: string,
  stat: Stat & { readonly dev: number; readonly ino: number; isDirectory(): boolean },
): Directory {
  if (!stat.isDirectory()) {
    throw Object.assign(new Error(`not a directory: ${path}`), { code: 'ENOTDIR', syscall: 'lstat' });
  }
  const { uid, gid, mode, dev, ino } = stat;
  return { path, uid, gid, mode: mode & 0o7777, dev, ino };
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function tooManyLinks(path: string): ServiceTokensError {
  return new ServiceTokensError('IO', `could not read [${path}]: too many levels of symlinks`);
}

/** Whether only a user and root can change the way. Then a command with the path is safe to copy and run. */
export function isOwnWay({ writers }: Way, user: number): boolean {
  return writers.every(({ kind, id }) => kind === 'user' && id === user);
}
