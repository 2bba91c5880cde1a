import { dirname, join } from 'node:path';
import { ServiceTokensError } from '../errors.js';
import { type BigIntStats, type FileSystem, ifExists, sameFile, systemError } from './file-system.js';

/** A directory, as it was when the path was walked. A later one with the same identity has another time of birth. */
export interface Directory extends Readonly<Pick<BigIntStats, 'dev' | 'ino' | 'birthtimeNs'>> {
  /** Absolute, without symlinks. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** The permission bits, with set-group-id and the sticky bit. */
  readonly mode: number;
}

/** A name that is looked up in a directory. */
export interface Lookup {
  readonly directory: Directory;
  readonly name: string;
  readonly path: string;
  /** Undefined if nothing has the name. */
  readonly stat: BigIntStats | undefined;
  /** The text of a symlink that is followed. */
  readonly link: string | undefined;
  /** Whether no other name follows; those of the symlink do not count. */
  readonly isLast: boolean;
}

const MAX_LINKS = 40; // as Linux: path_resolution(7)

/**
 * Walks a path as the kernel does, from `/`, through every symlink and `..`, and yields every name that it looks up.
 *
 * @param path absolute; it need not exist
 * @param follows whether the file itself is followed if it is a symlink
 * @returns the last directory, if the path ends in no name: it is `/`, or ends in `..`
 * @throws IO for too many levels of symlinks, or if a symlink changed meanwhile; and what lstat(2) throws: ENOTDIR if a
 *   part of the path is not a directory
 */
export function* walkPath(
  fs: FileSystem,
  path: string,
  follows = true,
): Generator<Lookup, Directory | undefined> {
  const root = directoryAt(fs, '/');
  const ahead = namesOf(path);
  let directory = root;
  let links = 0;
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === '..') {
      directory = directoryAt(fs, dirname(directory.path));
      continue;
    }
    const next = join(directory.path, name);
    const stat = ifExists(() => fs.lstatSync(next, { bigint: true }));
    const isLast = ahead.length === 0;
    const isFollowed = stat?.isSymbolicLink() === true && (follows || !isLast);
    if (isFollowed && ++links > MAX_LINKS) throw systemError('ELOOP', `too many symlinks: ${path}`);
    const link = isFollowed ? readLink(fs, next, stat, path) : undefined;
    yield { directory, name, path: next, stat, link, isLast };
    if (stat === undefined || (isLast && link === undefined)) return undefined;
    if (link === undefined) directory = directoryAt(fs, next, stat);
    else {
      ahead.unshift(...namesOf(link));
      if (link.startsWith('/')) directory = root;
    }
  }
  return directory;
}

/** Reads a symlink. One that was exchanged since it was examined has another ctime. */
function readLink(fs: FileSystem, link: string, before: BigIntStats, path: string): string {
  const text = fs.readlinkSync(link);
  const after = fs.lstatSync(link, { bigint: true });
  if (sameFile(after, before) && after.ctimeNs === before.ctimeNs) return text;
  throw pathChanged(path);
}

export function pathChanged(path: string): ServiceTokensError {
  const fact = `the path to [${path}] changed while this command ran`;
  return new ServiceTokensError('IO', fact, { hint: 'Run the command again.' });
}

function directoryAt(fs: FileSystem, path: string, stat = fs.lstatSync(path, { bigint: true })): Directory {
  if (!stat.isDirectory()) throw systemError('ENOTDIR', `not a directory: ${path}`);
  const { uid, gid, mode, dev, ino, birthtimeNs } = stat;
  return { path, uid: Number(uid), gid: Number(gid), mode: Number(mode) & 0o7777, dev, ino, birthtimeNs };
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
