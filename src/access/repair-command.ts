/** The commands that repair who can access a tokens file, as far as the caller can run them. */
import type { Attributes } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import { commandLine, type Naming, quote } from './printed-command.js';
import { canRead, isConfigDir, READ, type Server, serverName, shiftOf } from './server-access.js';
import { groupName, userName } from './system-accounts.js';

/** The bits of a mode for users other than the owner and the group. */
export const OTHERS = 0o007;

type Owners = Pick<Attributes, 'uid' | 'gid'>;

/**
 * Decides which owner, group and mode a tokens file should have: the present ones without the bits for others, if the
 * server can still read the file. Otherwise root gives it those of a new file, and its owner only what an owner can.
 *
 * @param fs as the user who repairs it
 * @returns undefined if nothing is wrong, or if the server is unknown and a repair might lock it out
 */
export function repairedAttributes(
  server: Server | undefined,
  attributes: Attributes,
  fs: FileSystem,
): Attributes | undefined {
  if (server === undefined) return undefined;
  const closed = { ...attributes, mode: attributes.mode & ~OTHERS };
  if (canRead(server, closed)) return closed.mode === attributes.mode ? undefined : closed;
  if (fs.geteuid() === 0) return server.model;
  const shared = shiftOf(server, closed) > 0 ? closed : { ...closed, gid: server.model.gid };
  return { ...shared, mode: shared.mode | (READ << shiftOf(server, shared)) };
}

/**
 * The command that repairs a tokens file: on its name, if only the caller and root can change that. It touches the file,
 * because a node notices a change of time or size only (docs/server-behaviour.md, "File store").
 */
export function repairCommand(
  path: string,
  present: Attributes,
  wanted: Attributes,
  naming: Naming,
  fs: FileSystem,
): string {
  if (!naming.isPrivate || !isOwner(present, fs)) return checkFixCommand(naming, fs);
  const mode = wanted.mode.toString(8).padStart(4, '0');
  return `${attributesCommand(path, present, { ...wanted, mode }, fs)} && touch ${quote(path)}`;
}

/** Sets owner and group, if they differ, and a mode of chmod(1), with `sudo` for what the caller may not do. */
export function attributesCommand(
  path: string,
  present: Owners,
  wanted: Owners & { readonly mode: string },
  fs: FileSystem,
): string {
  const [file, group] = [quote(path), quote(groupName(wanted.gid, fs))];
  const give = canGive(present, wanted, fs) ? '' : 'sudo ';
  const chmod = `${isOwner(present, fs) ? '' : 'sudo '}chmod ${wanted.mode} ${file}`;
  if (wanted.uid !== present.uid)
    return `${give}chown ${quote(userName(wanted.uid, fs))}:${group} ${file} && ${chmod}`;
  return wanted.gid === present.gid ? chmod : `${give}chgrp ${group} ${file} && ${chmod}`;
}

/** Whether the caller may give a file these owners: its owner may give it a group that they are in. */
export function canGive(present: Owners, { uid, gid }: Owners, fs: FileSystem): boolean {
  if (fs.geteuid() === 0) return true;
  const isMember = gid === present.gid || [fs.getegid(), ...fs.getgroups()].includes(gid);
  return isOwner(present, fs) && uid === present.uid && isMember;
}

function isOwner({ uid }: Owners, fs: FileSystem): boolean {
  return [0, uid].includes(fs.geteuid());
}

/** @param trusts whether it may also repair a file of a third user, where others can change the path */
export function checkFixCommand(naming: Naming, fs: FileSystem, trusts = false): string {
  const words = ['check', '--fix', ...(trusts ? ['--trust-directory'] : [])];
  return `${fs.geteuid() === 0 ? '' : 'sudo '}${commandLine(words, naming)}`;
}

/** What keeps the server from reading a file after a change, and how the caller repairs it; undefined if nothing does. */
export function accessWarning(
  path: string,
  configDir: string,
  server: Server | undefined,
  { before, after }: { readonly before: Attributes | undefined; readonly after: Attributes },
  naming: Naming,
  fs: FileSystem,
): string[] | undefined {
  if (server === undefined && before !== undefined) return undefined;
  if (server === undefined) return unknownServerWarning(path, configDir, after, naming.isPrivate, fs);
  if (canRead(server, after)) return undefined;
  const wanted = repairedAttributes(server, after, fs) ?? server.model;
  return [unreadableFact(path, server, fs), `Repair it: ${repairCommand(path, after, wanted, naming, fs)}`];
}

export function unreadableFact(path: string, server: Server, fs: FileSystem): string {
  return `Elasticsearch runs as [${serverName(server, fs)}] and cannot read [${path}]`;
}

/**
 * The warning for a file that the server cannot read, because it never runs as root, if its user cannot be determined.
 *
 * @param configDir without a server's other files, nothing is said: the file may be for elsewhere
 */
export function unknownServerWarning(
  path: string,
  configDir: string,
  { uid, mode }: Attributes,
  isPathPrivate: boolean,
  fs: FileSystem,
): [fact: string, hint: string] | undefined {
  const onlyRootCanRead = uid === 0 && (mode & 0o044) === 0;
  if (!onlyRootCanRead || !isConfigDir(configDir, fs)) return undefined;
  const file = quote(path);
  const repair = isPathPrivate ? `, or repair it: chown USER ${file} && touch ${file}` : '.';
  return [
    `Cannot determine which user runs Elasticsearch; only root can read [${path}]`,
    `Specify the user with --server-user${repair}`,
  ];
}
