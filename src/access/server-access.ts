import { join } from 'node:path';
import type { Attributes } from '../disk/atomic-file.js';
import { type FileSystem, ifExists } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { findUser, groupName, groupsOf, userName, userOfGroup } from './system-accounts.js';

/** The account that the server runs as, as far as anybody can tell. */
export interface Server {
  /** Undefined when only its group is known. */
  readonly uid: number | undefined;
  readonly groups: readonly number[];
  /** What a new file gets so that the server can read it. */
  readonly model: Attributes;
}

/** What may be asked of a file or a directory: bits of one class of a mode. */
export const READ = 0o4;
export const ENTER = 0o1;

/** Files in the configuration directory that the server reads, or writes itself. */
const SIBLINGS = ['elasticsearch.keystore', 'users', 'elasticsearch.yml'];

/**
 * Finds out who the server is. It never runs as root, so root's files say nothing.
 *
 * @param directory the server's configuration directory
 * @param named a user that settles the question, as namedUser reads it
 * @param isShared whether others can change names in the directory: then a sibling counts only if it is a regular file
 *   with one name, and names a user
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
  if (named !== undefined) return serverOfName(named, fs);
  for (const sibling of SIBLINGS) {
    const server = ownerOf(join(directory, sibling), fs, isShared);
    if (server !== undefined && !(isShared && server.uid === undefined)) return server;
  }
  const account = findUser('elasticsearch', fs);
  if (account) return serverOf(account.uid, { uid: account.uid, gid: account.gid, mode: 0o640 }, fs);
  const stat = statOf(directory, fs);
  return stat && stat.uid !== 0
    ? serverOf(stat.uid, { uid: stat.uid, gid: stat.gid, mode: 0o640 }, fs)
    : undefined;
}

/** Whether the server can open a file for reading. */
export function canRead(server: Server, attributes: Attributes): boolean {
  return may(server, attributes, READ);
}

/** Whether the server may do all of `bits`: only the first class of permission bits that fits it counts. */
export function may(server: Server, attributes: Attributes, bits: number): boolean {
  return ((attributes.mode >> shiftOf(server, attributes)) & bits) === bits;
}

/** How far left the server's class of bits stands in a mode: the owner's, the group's or that of others. */
export function shiftOf(server: Server, { uid, gid }: Attributes): 6 | 3 | 0 {
  if (server.uid === uid) return 6;
  return server.groups.includes(gid) ? 3 : 0;
}

/**
 * Decides the owner, group and mode of a new file: 0600 and the caller's, as the original's, unless the server could
 * not read that; then what its siblings have, with never a bit for others.
 *
 * @param born the attributes of a file that the caller creates
 */
export function newFileAttributes(server: Server | undefined, born: Attributes): Attributes {
  const own = { ...born, mode: 0o600 };
  return server === undefined || canRead(server, own) ? own : server.model;
}

/**
 * Says what keeps the server from reading the file, and the command that repairs it. The command touches the file too:
 * a node notices a change of time or size only (docs/server-behaviour.md, "File store").
 *
 * @param isOwnWay whether nobody else can change what the path leads to: else no command is given that uses it
 * @returns the lines of a warning, or undefined when the server can read the file
 */
export function accessWarning(
  path: string,
  server: Server | undefined,
  {
    before,
    after,
    isOwnWay,
  }: { readonly before: Attributes | undefined; readonly after: Attributes; readonly isOwnWay: boolean },
  fs: FileSystem,
): string[] | undefined {
  if (server === undefined) {
    return before === undefined && onlyRootCanRead(after) ? unknownServerWarning(path, isOwnWay) : undefined;
  }
  if (canRead(server, after)) return undefined;
  return [
    `Elasticsearch runs as [${serverName(server, fs)}] and cannot read [${path}]`,
    isOwnWay
      ? `Repair it: ${repairCommand(path, server.model, fs)}`
      : 'Repair it as root: elasticsearch-service-tokens check --fix',
  ];
}

/** Whether a file is closed to the server, whoever that is: it never runs as root. */
export function onlyRootCanRead({ uid, mode }: Attributes): boolean {
  return uid === 0 && (mode & 0o044) === 0;
}

/** The fact and the way out, where nobody can tell who the server is and only root can read the file. */
export function unknownServerWarning(path: string, isOwnWay: boolean): [fact: string, hint: string] {
  const file = quote(path);
  return [
    `Cannot determine which user runs Elasticsearch; only root can read [${path}]`,
    isOwnWay
      ? `Specify the user with --server-user, or repair it: chown USER ${file} && touch ${file}`
      : 'Specify the user with --server-user.',
  ];
}

/** The name of the user that the server runs as, or of its group where that is all that is known. */
export function serverName(server: Server, fs: FileSystem): string {
  return server.uid === undefined ? `group ${groupName(server.model.gid, fs)}` : userName(server.uid, fs);
}

/**
 * The command that gives a file its owner, group and mode, so that a running node notices.
 *
 * @param before what the file has: its owner and group are not named again
 */
export function repairCommand(
  path: string,
  { uid, gid, mode }: Attributes,
  fs: FileSystem,
  before?: Attributes,
): string {
  const file = quote(path);
  const isOwned = before?.uid === uid && before.gid === gid;
  const chown = isOwned ? '' : `chown ${userName(uid, fs)}:${groupName(gid, fs)} ${file} && `;
  return `${chown}chmod 0${mode.toString(8)} ${file} && touch ${file}`;
}

/** (uid_t) -1 stands for no user; larger numbers there are none. */
const NOBODY_AT_ALL = 2 ** 32 - 1;

/**
 * Reads the value of `--server-user`.
 *
 * @param word `NAME`, `UID`, `NAME:GID` or `UID:GID`
 * @returns the number of the user, and of the group where it is given
 * @throws USAGE when there is no such user
 */
export function namedUser(word: string, fs: FileSystem): { uid: number; gid: number | undefined } {
  const [, name = '', group] = /^(.*?)(?::(\d{1,10}))?$/s.exec(word) ?? [];
  const uid = findUser(name, fs)?.uid ?? (/^\d{1,10}$/.test(name) ? Number(name) : NOBODY_AT_ALL);
  const gid = group === undefined ? undefined : Number(group);
  if (uid >= NOBODY_AT_ALL || (gid ?? 0) >= NOBODY_AT_ALL) {
    throw new ServiceTokensError('USAGE', `User [${word}] does not exist`, {
      hint: '--server-user takes a name from /etc/passwd or a number, optionally with a group, as in 1000:0.',
    });
  }
  return { uid, gid };
}

function serverOfName(word: string, fs: FileSystem): Server {
  const { uid, gid = findUser(String(uid), fs)?.gid ?? uid } = namedUser(word, fs);
  return serverOf(uid, { uid, gid, mode: 0o640 }, fs);
}

function ownerOf(sibling: string, fs: FileSystem, isShared: boolean): Server | undefined {
  const stat = statOf(sibling, fs, isShared);
  if (stat === undefined || (stat.uid === 0 && stat.gid === 0)) return undefined;
  const model = { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o020 ? 0o660 : 0o640 };
  // A package's files are root:elasticsearch: the server is the account whose own group that is.
  return serverOf(stat.uid !== 0 ? stat.uid : userOfGroup(stat.gid, fs), model, fs);
}

function serverOf(uid: number | undefined, model: Attributes, fs: FileSystem): Server {
  const groups = uid === undefined ? [] : groupsOf(uid, fs);
  return { uid, groups: [...new Set([...groups, model.gid])], model };
}

function statOf(path: string, fs: FileSystem, isShared = false): Attributes | undefined {
  try {
    if (!isShared) return ifExists(() => fs.statSync(path));
    const stat = ifExists(() => fs.lstatSync(path)); // where a link leads, and whose that is, says nothing of the server
    return stat?.isFile() && stat.nlink === 1 ? stat : undefined;
  } catch {
    return undefined; // what can't be looked at is no evidence
  }
}

/** As a shell wants it. */
export function quote(path: string): string {
  return /^[\w./@%+:-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
