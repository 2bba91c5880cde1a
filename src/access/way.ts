import { dirname, join, resolve } from 'node:path';
import { fileError } from '../disk/file-errors.js';
import { type FileSystem, ifExists, type Stats } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';

/** A directory on the way to a file, as it was found. */
export interface Directory {
  /** Absolute, without a link in it. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** The permission bits, with set-group-id and the sticky bit. */
  readonly mode: number;
  readonly dev: number;
  readonly ino: number;
}

/** A symbolic link on the way. */
export interface Link {
  readonly path: string;
  readonly uid: number;
}

/** Somebody other than root who can change a name on the way. */
export interface Writer {
  readonly kind: 'user' | 'group' | 'everybody';
  /** The number of the user or of the group; -1 for everybody. */
  readonly id: number;
  /** The directory or the link that gives the right. */
  readonly at: string;
  /** The owner of that directory or link. */
  readonly owner: number;
}

/**
 * The way to a file: every directory and symbolic link from `/` to the file's own directory, and to the target where
 * the file is a link. Who can change a name on it decides what the file is, at every moment.
 */
export interface Way {
  /** The file, then what it links to, link by link; the directories in these paths may be links. */
  readonly steps: readonly [path: string, ...targets: string[]];
  /** The last of the steps. It need not exist. */
  readonly target: string;
  readonly directories: readonly Directory[];
  readonly links: readonly Link[];
  readonly writers: readonly Writer[];
  /** The target's own directory; undefined where it does not exist. */
  readonly directory: Directory | undefined;
  /** The last directory on the way that nobody but root can lead elsewhere. */
  readonly certain: Directory;
}

const MAX_LINKS = 40; // as Linux: path_resolution(7)
const STICKY = 0o1000;

type Stat = { readonly uid: number; readonly gid: number; readonly mode: number };

/**
 * Walks to a file and notes who can change the way. Behind `certain` the answer may be another one a moment later:
 * that part is walked again by whoever acts there.
 *
 * @param path the file, absolute; it need not exist
 * @param isUnmapped says which owners the user namespace does not map; above the target's own directory they count as
 *   root
 * @param follows whether the file itself may be a link, which is followed
 * @throws IO when the links lead in a circle; CONFIG when a part of the path is no directory; PERMISSION
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

    if (isTarget) return arrive(at);
    if (stat === undefined) return arrive();
    if (isLink) {
      links.push({ path: next, uid: stat.uid });
      if (links.length > MAX_LINKS) throw circle(path);
      const text = readLink(fs, next, stat, path);
      if (ahead.length === 0) steps.push(resolve(dirname(steps.at(-1) ?? path), text));
      ahead.unshift(...namesOf(text));
      if (text.startsWith('/')) at = root;
    } else {
      enter(directoryAt(next, stat));
    }
  }
  return arrive(at); // a link in the file's place that leads to `/` or ends in `..`
}

/** Reads a link that was looked at: whoever exchanges one link for another changes the time of both. */
function readLink(fs: FileSystem, link: string, { dev, ino, ctimeMs }: Stats, path: string): string {
  const text = fs.readlinkSync(link);
  const after = fs.lstatSync(link);
  if (after.dev === dev && after.ino === ino && after.ctimeMs === ctimeMs) return text;
  throw new ServiceTokensError('IO', `the path to [${path}] changed while this command ran`, {
    hint: 'Run the command again.',
  });
}

/** Who, besides root, can change what one name in a directory means. */
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
    // Only its owner can take a name away there, but anybody can be the first to use one.
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

function circle(path: string): ServiceTokensError {
  return new ServiceTokensError('IO', `could not read [${path}]: too many levels of symlinks`);
}

function ownerOf(path: string, fs: FileSystem): number | undefined {
  try {
    return ifExists(() => fs.lstatSync(path))?.uid;
  } catch (error) {
    throw fileError(error, 'could not read', path);
  }
}

/** Whether nobody but a user, and root, can change the way: then a command that names the file can be copied and run. */
export function isOwnWay({ writers }: Way, user: number): boolean {
  return writers.every(({ kind, id }) => kind === 'user' && id === user);
}

/** Whether a way goes through a Kubernetes volume, whose `..data` link the kubelet switches at every update. */
export function isInKubernetesVolume({ steps, directory }: Way): boolean {
  // Names that begin with two dots are the kubelet's: ..data, and the directory of an update that it leads to.
  return [...steps, directory?.path ?? ''].some((path) => /(^|\/)\.\.[^/.]/.test(path));
}

/**
 * Refuses to change a file behind a link that its owner may have made as a trap, and a file that Kubernetes alone
 * changes: a change there would vanish, and a file in the link's place would cut the pod off from its operator.
 *
 * Who owns a link decides where it leads. So it must be root's, the caller's own, or belong to the owner of what it
 * leads to, who could change that anyway.
 *
 * @param caller the number of the user that acts
 * @throws CANNOT_REPLACE or PERMISSION
 */
export function requireTrustedLinks(way: Way, fs: FileSystem, caller: number): void {
  const [path] = way.steps;
  if (isInKubernetesVolume(way)) {
    throw new ServiceTokensError(
      'CANNOT_REPLACE',
      `could not write [${path}]: it is in a Kubernetes volume (..data), which only Kubernetes may change`,
      { hint: 'Change the Secret that is mounted there.' },
    );
  }
  if (way.links.length === 0 || way.directory === undefined) return;
  const owner = ownerOf(way.target, fs) ?? way.directory.uid;
  const stranger = way.links.find(({ uid }) => ![0, caller, owner].includes(uid));
  if (stranger === undefined) return;
  throw new ServiceTokensError(
    'PERMISSION',
    `untrusted symlink [${stranger.path}]: it belongs neither to root nor to the owner of [${way.target}]`,
    {
      hint: 'Use --file with the path of the target, or create the symlink as root or as the owner of the target.',
    },
  );
}
