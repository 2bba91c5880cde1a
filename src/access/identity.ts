/** Who root acts as: if another user can change the path to a file, root acts as that user (opened-directory.ts). */
import type { FileSystem } from '../disk/file-system.js';
import type { Directory } from '../disk/path-walk.js';
import { ServiceTokensError } from '../errors.js';
import { quote } from './printed-command.js';
import { OVERFLOW, type ResolvedPath, type UntrustedModifier } from './resolved-path.js';
import { findServer, isConfigDir, namedUser, packageServer, type Server } from './server-access.js';
import { findUser, groupName, groupsOf, userName } from './system-accounts.js';

/** What is done with a file: only names and findings leave it, its content does, it is changed, or repaired. */
export type Purpose = 'read' | 'copy' | 'change' | 'repair';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

interface IdentityOptions {
  /** `NAME`, `UID`, `NAME:GID` or `UID:GID`: the user that root acts as if another user can change the path. */
  readonly serverUser?: string | undefined;
  /** The caller trusts every user who can change the path. */
  readonly trustDirectory?: boolean | undefined;
  /** A change by default. */
  readonly purpose?: Purpose;
  /** The way out of a refusal, if the caller takes no `--server-user`. */
  readonly hint?: string;
  /** The server's configuration directory, whose files identify the server's user. */
  readonly configDir: string;
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
  resolved: ResolvedPath,
  { serverUser, trustDirectory = false, configDir, purpose, hint }: IdentityOptions,
  fs: FileSystem,
): Identity | undefined {
  const { modifiers, directory } = resolved;
  if (fs.geteuid() !== 0 || modifiers.length === 0 || directory === undefined) return undefined;
  const named = serverUser === undefined ? undefined : namedIdentity(serverUser, directory, fs);
  if (named !== undefined && named.uid !== 0) return named; // the server never runs as root
  const { uid } = directory;
  const identity = uid === 0 ? serverOf(directory, configDir, fs) : identityOf(uid, undefined, fs);
  if (trustDirectory) return identity;
  const other = identity ? modifiers.find((modifier) => !isCovered(modifier, identity)) : modifiers[0];
  if (identity === undefined || other !== undefined) throw refusal(resolved, other, fs, purpose, hint);
  return identity;
}

/** Naming a user is equivalent to `sudo -u`: it does not matter who else can change the path. */
function namedIdentity(word: string, directory: Directory, fs: FileSystem): Identity {
  const { uid, gid } = namedUser(word, fs);
  const identity = identityOf(uid, gid ?? groupThatMayWrite(directory, uid), fs);
  return gid === undefined ? identity : { ...identity, gid };
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
function isCovered({ kind, id, owner }: UntrustedModifier, { uid, groups }: Identity): boolean {
  if (kind === 'user') return id === uid;
  return kind === 'group' && (owner === uid || groups.includes(id));
}

function refusal(
  { target }: ResolvedPath,
  modifier: UntrustedModifier | undefined,
  fs: FileSystem,
  purpose: Purpose = 'change',
  hint = 'Choose the user to act as with --server-user USER, sudo -u USER or docker exec -u USER; or, if you trust every user who can change it, use --trust-directory.',
): ServiceTokensError {
  const { kind = 'everybody', id = -1, at = target } = modifier ?? {};
  const name = kind === 'user' ? userName(id, fs) : groupName(id, fs);
  const who = kind === 'everybody' ? 'every user' : `${kind} [${name}]`;
  const doing = purpose === 'copy' ? 'could not read' : 'could not write';
  const fact = `${doing} [${target}]: ${who} can change [${at}], which is unsafe for root`;
  return new ServiceTokensError('PERMISSION', fact, { hint });
}

/** The user who runs the server, and who is not the one that root acts as. */
export interface OtherServer {
  readonly server: Server;
  readonly fact: string;
  /** What root does about it. */
  readonly repair: string;
  /** The same, or what to do if the user was not determined correctly. */
  readonly hint: string;
}

/** Finds out if root acts as the owner of the directory, and another user runs the server: the owner may be gone. */
export function findOtherServer(
  { directory, modifiers }: ResolvedPath,
  { uid }: Identity,
  configDir: string,
  fs: FileSystem,
): OtherServer | undefined {
  if (directory?.uid !== uid || !isConfigDir(configDir, fs)) return undefined;
  const found = findServer(configDir, undefined, fs, true);
  const isKnown = found?.uid !== undefined && findUser(String(found.uid), fs) !== undefined;
  const server = isKnown ? found : (packageServer(fs) ?? found);
  if (server?.uid === undefined || server.uid === uid) return undefined;
  const [owner, name] = [userName(uid, fs), userName(server.uid, fs)];
  const fact = `Root acts as [${owner}], because [${directory.path}] belongs to that user, but Elasticsearch runs as [${name}]`;
  // The owner can change the names in the directory, so only a command for the directory itself is safe to copy.
  const isSafe = modifiers.every(({ at }) => at === directory.path) && isConfigDir(directory.path, fs);
  const repair = isSafe
    ? `Repair it as root: chown ${quote(name)} ${quote(directory.path)}`
    : `Repair it as root: give the directory to [${name}] with chown.`;
  const hint = `If it runs as [${owner}], use --server-user ${quote(owner)}. ${repair}`;
  return { server, fact, repair, hint };
}

export function ownIdentity(fs: FileSystem): Identity {
  const gid = fs.getegid();
  return { uid: fs.geteuid(), gid, groups: [gid, ...fs.getgroups()] };
}

/** Refuses a change by root if another user can change the path. Only the command can act as that user. */
export function refuseModifiers(resolved: ResolvedPath, fs: FileSystem): void {
  if (fs.geteuid() === 0 && resolved.modifiers.length > 0) throw refusal(resolved, resolved.modifiers[0], fs);
}
