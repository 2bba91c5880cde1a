import { checkFixCommand } from '../access/permission-denied.js';
import { quote } from '../access/printed-command.js';
import { isPrivateTo, type UntrustedModifier } from '../access/resolved-path.js';
import {
  canRead,
  ENTER,
  isConfigDir,
  may,
  onlyRootCanRead,
  READ,
  repairCommand,
  type Server,
  serverName,
  shiftOf,
  unknownServerWarning,
} from '../access/server-access.js';
import { isInKubernetesVolume } from '../access/symlinks.js';
import { groupName } from '../access/system-accounts.js';
import type { Attributes } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import { below } from '../paths.js';
import type { CheckedFile } from './checked-file.js';
import { type Finding, finding } from './findings.js';

const OTHERS = 0o007;
const OTHERS_READ = 0o004;

/**
 * Finds what keeps the server from reading a tokens file, and who else can use it. If the server is unknown, only
 * a file that root alone can read is known to be unreadable.
 *
 * @param refused the repair that was tried and failed, which is not advised again
 */
export function checkFileAccess(file: CheckedFile, attributes: Attributes, refused?: Finding): Finding[] {
  const { resolved, server, configDir, naming, fs } = file;
  const [path] = resolved.linkChain;
  const found: Finding[] = [];
  const canCopy = naming.isPrivate && !refused; // another user could redirect a command that uses the path
  const hint = fileHint(file, attributes, canCopy, refused);
  if (server !== undefined && !canRead(server, attributes)) {
    const message = `Elasticsearch runs as [${serverName(server, fs)}] and cannot read [${path}]`;
    found.push(finding('FILE_UNREADABLE', message, hint));
  }
  if (server === undefined && onlyRootCanRead(attributes) && isConfigDir(configDir, fs)) {
    found.push(finding('SERVER_UNKNOWN', ...unknownServerWarning(path, canCopy)));
  }
  if (attributes.mode & OTHERS) {
    const what = attributes.mode & OTHERS_READ ? 'read' : 'write or execute';
    found.push(finding('OPEN_TO_OTHERS', `Every user of this system can ${what} [${path}]`, hint));
  }
  return found;
}

function fileHint(file: CheckedFile, attributes: Attributes, canCopy: boolean, refused?: Finding): string {
  const { resolved, server, caller, naming, fs } = file;
  const [path] = resolved.linkChain;
  if (isInKubernetesVolume(resolved)) {
    return "Set fsGroup in the pod's security context, and defaultMode: 0440 in the volume.";
  }
  const repaired = repairedAttributes(server, attributes);
  if (caller > 0 && (caller !== attributes.uid || (repaired && repaired.uid !== caller)))
    return `Repair it: ${checkFixCommand(naming, caller)}`; // only root can
  if (refused) return refused.hint;
  if (!canCopy) return server ? 'Use --fix.' : 'Use --fix with --server-user.';
  return repaired
    ? `Use --fix, or: ${repairCommand(path, repaired, fs, attributes)}`
    : `Use --fix with --server-user, because the user that runs Elasticsearch cannot be determined; or, if it does not need this access: chmod o= ${quote(path)}`;
}

/**
 * Decides which owner, group and mode a tokens file should have: the present ones without the bits for others, if the
 * server can still read the file; else those of a new file.
 *
 * @returns undefined if nothing is wrong, or if the server is unknown and a repair might lock it out
 */
export function repairedAttributes(
  server: Server | undefined,
  attributes: Attributes,
): Attributes | undefined {
  if (server === undefined) return undefined;
  const closed = { ...attributes, mode: attributes.mode & ~OTHERS };
  if (!canRead(server, closed)) return server.model;
  return closed.mode === attributes.mode ? undefined : closed;
}

/** Finds the directories on the path that the server cannot enter or, for the file's own directory, cannot list. */
export function checkDirectoryAccess({ resolved, server, caller, fs }: CheckedFile): Finding[] {
  if (server === undefined) return [];
  const { directories, directory: own } = resolved;
  const passed = new Map(directories.map((directory) => [directory.path, directory]));
  return [...passed.values()].flatMap((directory) => {
    const isOwn = directory.path === own?.path;
    const bits = isOwn ? READ | ENTER : ENTER;
    if (may(server, directory, bits)) return [];
    const message = `Elasticsearch runs as [${serverName(server, fs)}] and cannot ${isOwn ? 'list' : 'enter'} [${directory.path}]`;
    // Who can change names in the directory cannot change its own path.
    const isAbove = ({ at }: UntrustedModifier) => !below(at, '').startsWith(below(directory.path, ''));
    const modifiers = resolved.modifiers.filter(isAbove);
    const place = isPrivateTo(caller, { ...resolved, modifiers }) ? quote(directory.path) : 'DIRECTORY';
    return [finding('DIRECTORY_UNREADABLE', message, directoryHint(place, directory, bits, server, fs))];
  });
}

function directoryHint(
  place: string,
  { uid, gid }: Attributes,
  bits: number,
  server: Server,
  fs: FileSystem,
): string {
  const rights = bits & READ ? 'rx' : 'x';
  const shift = shiftOf(server, { uid, gid, mode: 0 });
  if (shift === 6) return `Repair it: chmod u+${rights} ${place}`;
  if (shift === 3) return `Repair it: chmod g+${rights} ${place}`;
  if (rights === 'x') return `Move the configuration to another directory, or: chmod o+x ${place}`;
  return `Repair it: chgrp ${groupName(server.model.gid, fs)} ${place} && chmod g+${rights} ${place}`;
}
