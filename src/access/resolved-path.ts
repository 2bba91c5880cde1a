import { dirname, resolve } from 'node:path';
import { type FileIdentity, type FileSystem, ignoreFailure } from '../disk/file-system.js';
import { fuseUserOf } from '../disk/mounts.js';
import { type Directory, type Lookup, walkPath } from '../disk/path-walk.js';
import { below } from '../paths.js';
import { lookUp } from './denied-error.js';

/** A user or group other than root that can change a name of a path, and so exchange the file at any moment. */
export interface UntrustedModifier {
  readonly kind: 'user' | 'group' | 'everybody';
  /** The number of the user or of the group; -1 for all users. */
  readonly id: number;
  /** The directory or symlink that grants the permission. */
  readonly at: string;
  /** The owner of that directory or link. */
  readonly owner: number;
}

/** A path with every directory and symlink from `/` to the file's own directory and, if it is a symlink, to its target. */
export interface ResolvedPath {
  /** The file, then its targets, symlink by symlink; the directories in these paths may be symlinks. */
  readonly linkChain: readonly [path: string, ...targets: string[]];
  /** The last of the link chain. It need not exist. */
  readonly target: string;
  readonly directories: readonly Directory[];
  readonly links: readonly { readonly path: string; readonly uid: number }[];
  readonly modifiers: readonly UntrustedModifier[];
  /** The target's own directory; undefined if it does not exist. */
  readonly directory: Directory | undefined;
}

/**
 * Resolves the path of a file, and notes who can change it.
 *
 * @param path absolute; the file need not exist
 * @param follows whether the file itself is followed if it is a symlink
 * @throws IO for too many levels of symlinks; CONFIG if a part of the path is not a directory; PERMISSION
 */
export function resolvePath(fs: FileSystem, path: string, follows = true): ResolvedPath {
  return lookUp(fs, path, () => {
    const linkChain: [string, ...string[]] = [path];
    const directories: Directory[] = [];
    const links: { path: string; uid: number }[] = [];
    const modifiers: UntrustedModifier[] = [];
    const fuseUser = fuseUsers(fs);
    const walk = walkPath(fs, path, follows);
    let target = path;
    let last: Lookup | undefined;
    let step = walk.next();
    for (; !step.done; step = walk.next()) {
      last = step.value;
      const { directory, stat, link, isLast } = last;
      directories.push(directory);
      modifiers.push(...modifiersOf(last, fs));
      for (const [at, file] of Object.entries({ [directory.path]: directory, [last.path]: stat })) {
        const id = file && fuseUser(file);
        if (id) modifiers.push({ kind: 'user', id, at, owner: id });
      }
      if (link === undefined || stat === undefined) continue;
      links.push({ path: last.path, uid: fuseUser(stat) ?? Number(stat.uid) });
      if (!isLast) continue;
      target = link.startsWith('/') ? link : below(dirname(target), link);
      linkChain.push(target);
    }
    const end = last?.isLast && last.link === undefined ? last : undefined;
    if (step.value !== undefined) directories.push(step.value);
    // Names in the directory are found by the text of the target, so it contains neither `..` nor `.`.
    if (end !== undefined && target !== resolve(target)) {
      target = end.path;
      linkChain.splice(-1, 1, target);
    }
    return { linkChain, target, directories, links, modifiers, directory: end?.directory ?? step.value };
  });
}

/** Finds the user of the FUSE mount that a file is on, once for each device. */
function fuseUsers(fs: FileSystem): (file: Pick<FileIdentity, 'dev'>) => number | undefined {
  const users = new Map<bigint, number | undefined>();
  return (file) => {
    if (!users.has(file.dev)) users.set(file.dev, fuseUserOf(file, fs));
    return users.get(file.dev);
  };
}

const STICKY = 0o1000;

/** Finds who, besides root, can change one name in a directory. */
function modifiersOf({ directory, path, stat, link, isLast }: Lookup, fs: FileSystem): UntrustedModifier[] {
  const { path: at, uid, gid, mode } = directory;
  const isTarget = isLast && link === undefined;
  const owner = stat && Number(stat.uid);
  // Owners that the user namespace does not map count as root above the target's own directory.
  const isOther = (user: number) => user !== 0 && (isTarget || !isUnmapped(user, fs));
  const found: UntrustedModifier[] = [];
  const add = (kind: UntrustedModifier['kind'], id: number) => found.push({ kind, id, at, owner: uid });
  if (isOther(uid)) add('user', uid);
  const bits = mode & 0o022;
  if (bits !== 0 && (mode & STICKY) === 0) {
    if (bits & 0o020) add('group', gid);
    if (bits & 0o002) add('everybody', -1);
  } else if (bits !== 0 && isTarget) {
    // Only the owner of a file can remove it there, but others can create one under a free name.
    if (owner !== 0) add(bits & 0o002 ? 'everybody' : 'group', bits & 0o002 ? -1 : gid);
  } else if (bits !== 0 && owner !== undefined && isOther(owner)) {
    add('user', owner);
  }
  if (stat?.isSymbolicLink() && owner) found.push({ kind: 'user', id: owner, at: path, owner });
  return found;
}

/** The kernel's number for a user or a group that a user namespace does not map: proc(5), overflowuid. */
export const OVERFLOW = 65_534;

/** Whether a number is that of users which are not mapped: user_namespaces(7), /proc/self/uid_map. */
function isUnmapped(uid: number, fs: FileSystem): boolean {
  if (uid !== OVERFLOW) return false;
  const map = ignoreFailure(() => fs.readFileSync('/proc/self/uid_map', 'utf8'));
  if (map === undefined) return false; // no user namespaces
  const rows = [...map.matchAll(/^\s*(\d+)\s+\d+\s+(\d+)/gm)];
  return !rows.some(([, first, count]) => uid >= Number(first) && uid < Number(first) + Number(count));
}

/** Whether only the caller and root can change the path. Then a command with the path is safe to copy and run. */
export function isPrivate({ modifiers }: Pick<ResolvedPath, 'modifiers'>, fs: FileSystem): boolean {
  return modifiers.every(({ kind, id }) => kind === 'user' && id === fs.geteuid());
}
