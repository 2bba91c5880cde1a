import type { Attributes } from '../disk/atomic-file.js';
import { type FileSystem, ignoreFailure } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { below } from '../paths.js';
import { findUser, groupName, groupsOf, userName, userOfGroup } from './system-accounts.js';

/** The account that the server runs as, as far as it can be determined. */
export interface Server {
  /** Undefined when only a group is known. */
  readonly uid: number | undefined;
  readonly groups: readonly number[];
  /** The attributes of a new file that the server can read. */
  readonly model: Attributes;
}

type Account = Pick<Server, 'uid' | 'groups'>;

/** Permissions: the bits of one class (owner, group or others) of a mode. */
export const READ = 0o4;
export const ENTER = 0o1;

/** Files in the configuration directory that the server reads, or writes itself. */
const SIBLINGS = ['elasticsearch.keystore', 'users', 'elasticsearch.yml'];

/** Whether a directory is the configuration directory of a server: it has one of the server's other files. */
export function isConfigDir(directory: string, fs: FileSystem): boolean {
  return [...SIBLINGS, 'jvm.options'].some((name) => statOf(below(directory, name), fs) !== undefined);
}

/**
 * Determines the account of the server. It never runs as root, so the files of root are no evidence.
 *
 * @param directory the server's configuration directory
 * @param named the value of `--server-user`, as namedUser reads it
 * @param isShared whether other users can change names in the directory: then a sibling counts only if it is a regular
 *   file with one hard link, and identifies a user
 * @returns the first that applies: the named user; the non-root owner, else the non-root group, of a sibling; the
 *   account `elasticsearch`; the directory's non-root owner; undefined when it cannot be determined
 * @throws USAGE when there is no such user
 */
export function findServer(
  directory: string,
  named: string | undefined,
  fs: FileSystem,
  isShared = false,
): Server | undefined {
  if (named !== undefined) {
    const { uid, gid = findUser(String(uid), fs)?.gid ?? uid } = namedUser(named, fs);
    return serverOf(uid, { uid, gid, mode: 0o640 }, fs);
  }
  for (const sibling of SIBLINGS) {
    const { uid = 0, gid = 0, mode = 0 } = statOf(below(directory, sibling), fs, isShared) ?? {};
    if (uid === 0 && gid === 0) continue;
    // A package's files are root:elasticsearch: the server is the account with that primary group.
    const user = uid === 0 ? userOfGroup(gid, fs) : uid;
    if (isShared && user === undefined) continue;
    return serverOf(user, { uid, gid, mode: mode & 0o020 ? 0o660 : 0o640 }, fs);
  }
  const { uid = 0, gid = 0 } = statOf(directory, fs) ?? {};
  return packageServer(fs) ?? (uid === 0 ? undefined : serverOf(uid, { uid, gid, mode: 0o640 }, fs));
}

/** The account that the packages of Elasticsearch create, if there is one. */
export function packageServer(fs: FileSystem): Server | undefined {
  const { uid, gid } = findUser('elasticsearch', fs) ?? {};
  return uid === undefined || gid === undefined ? undefined : serverOf(uid, { uid, gid, mode: 0o640 }, fs);
}

export function canRead(server: Server, attributes: Attributes): boolean {
  return may(server, attributes, READ);
}

/** Whether an account has all of `bits`. As in the kernel, only the first class that applies counts. */
export function may(server: Account, attributes: Attributes, bits: number): boolean {
  return ((attributes.mode >> shiftOf(server, attributes)) & bits) === bits;
}

/** The position of an account's class of bits in a mode: 6 for the owner, 3 for the group, 0 for others. */
export function shiftOf(server: Account, { uid, gid }: Attributes): 6 | 3 | 0 {
  if (server.uid === uid) return 6;
  return server.groups.includes(gid) ? 3 : 0;
}

/**
 * The owner, group and mode of a new file: the caller's and 0600, as the original does, unless the server could not read
 * that; then those of its siblings, without bits for others.
 */
export function newFileAttributes(server: Server | undefined, born: Attributes): Attributes {
  const own = { ...born, mode: 0o600 };
  return server === undefined || canRead(server, own) ? own : server.model;
}

/** The name of the user that the server runs as, or of its group if only that is known. */
export function serverName(server: Server, fs: FileSystem): string {
  return server.uid === undefined ? `group ${groupName(server.model.gid, fs)}` : userName(server.uid, fs);
}

/** (uid_t) -1 is not a user, and the numbers of users are lower. */
const NO_USER = 2 ** 32 - 1;

/** Reads the value of `--server-user`: `NAME`, `UID`, `NAME:GID` or `UID:GID`. @throws USAGE if there is no such user */
export function namedUser(word: string, fs: FileSystem): { uid: number; gid: number | undefined } {
  const [, name = '', group] = /^(.*?)(?::(\d{1,10}))?$/s.exec(word) ?? [];
  const uid = findUser(name, fs)?.uid ?? (/^\d{1,10}$/.test(name) ? Number(name) : NO_USER);
  const gid = group === undefined ? undefined : Number(group);
  if (uid >= NO_USER || (gid ?? 0) >= NO_USER) {
    throw new ServiceTokensError('USAGE', `User [${word}] does not exist`, {
      hint: '--server-user takes a name from /etc/passwd or a number, optionally with a group, as in 1000:0.',
    });
  }
  return { uid, gid };
}

function serverOf(uid: number | undefined, model: Attributes, fs: FileSystem): Server {
  const groups = uid === undefined ? [] : groupsOf(uid, fs);
  return { uid, groups: [...new Set([...groups, model.gid])], model };
}

/** A file that cannot be examined is no evidence; neither is the target of a symlink that others may have made. */
function statOf(path: string, fs: FileSystem, isShared = false): Attributes | undefined {
  const stat = ignoreFailure(() => (isShared ? fs.lstatSync(path) : fs.statSync(path)));
  return isShared && !(stat?.isFile() && stat.nlink === 1) ? undefined : stat;
}
