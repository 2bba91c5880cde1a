import { dirname } from 'node:path';
import type { Attributes } from './atomic-file.js';
import { type FileSystem, ifExists } from './file-system.js';
import { type Finding, finding } from './findings.js';
import { isInKubernetesVolume, type Steps } from './place-checks.js';
import {
  canRead,
  ENTER,
  may,
  onlyRootCanRead,
  quote,
  READ,
  repairCommand,
  type Server,
  serverName,
  shiftOf,
  unknownServerWarning,
} from './server-access.js';
import { groupName } from './system-accounts.js';

const OTHERS = 0o007;
const OTHERS_READ = 0o004;

/**
 * Finds what keeps the server from reading a tokens file, and who else can use it.
 *
 * @param steps the file and what it links to
 * @param server undefined when nobody can tell who it is: then only what root alone can read is known to be closed to it
 */
export function checkFileAccess(
  steps: Steps,
  attributes: Attributes,
  server: Server | undefined,
  fs: FileSystem,
): Finding[] {
  const [path] = steps;
  const found: Finding[] = [];
  const hint = fileHint(steps, attributes, server, fs);
  if (server !== undefined && !canRead(server, attributes)) {
    const message = `Elasticsearch runs as [${serverName(server, fs)}] and can't read [${path}]`;
    found.push(finding('FILE_UNREADABLE', message, hint));
  }
  if (server === undefined && onlyRootCanRead(attributes)) {
    found.push(finding('SERVER_UNKNOWN', ...unknownServerWarning(path)));
  }
  if (attributes.mode & OTHERS) {
    const what = attributes.mode & OTHERS_READ ? 'read' : 'write or execute';
    found.push(finding('OPEN_TO_OTHERS', `Every user of this system may ${what} [${path}]`, hint));
  }
  return found;
}

function fileHint(steps: Steps, attributes: Attributes, server: Server | undefined, fs: FileSystem): string {
  const [path] = steps;
  if (isInKubernetesVolume(steps)) {
    return "Set fsGroup in the pod's security context, and defaultMode: 0440 in the volume.";
  }
  const repaired = repairedAttributes(server, attributes);
  return repaired
    ? `Use --fix, or: ${repairCommand(path, repaired, fs, attributes)}`
    : `Use --fix with --server-user, as nobody can tell which user runs Elasticsearch; or, if it does not need these rights: chmod o= ${quote(path)}`;
}

/**
 * Decides what a tokens file's owner, group and mode should be: what they are, without a bit for others, if the server
 * can read it so; else what a new file would get.
 *
 * @returns undefined when nothing is wrong, or nobody can tell whom a repair would lock out
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

/**
 * Finds the directories on the way to a tokens file that the server can't pass; the file's own it lists, too.
 *
 * @param steps the file and what it links to
 */
export function checkDirectoryAccess(
  [path, ...targets]: Steps,
  server: Server | undefined,
  fs: FileSystem,
): Finding[] {
  if (server === undefined) return [];
  const own = realPath(dirname(path), fs);
  const passed = new Set([path, ...targets].flatMap((step) => directoriesTo(step, fs)));
  return [...passed].flatMap((directory) => {
    const attributes = statOf(directory, fs);
    const bits = directory === own ? READ | ENTER : ENTER;
    if (attributes === undefined || may(server, attributes, bits)) return [];
    const verb = directory === own ? 'list' : 'enter';
    const message = `Elasticsearch runs as [${serverName(server, fs)}] and can't ${verb} [${directory}]`;
    return [finding('DIRECTORY_UNREADABLE', message, directoryHint(directory, attributes, bits, server, fs))];
  });
}

/** Every directory on the way to a file, from the root down, by the names that they have without links. */
function directoriesTo(path: string, fs: FileSystem): string[] {
  const directory = dirname(path);
  return [
    ...selfAndAbove(directory).map((above) => realPath(above, fs)),
    ...selfAndAbove(realPath(directory, fs)),
  ];
}

function selfAndAbove(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [...selfAndAbove(parent), directory];
}

function directoryHint(
  directory: string,
  { uid, gid }: Attributes,
  bits: number,
  server: Server,
  fs: FileSystem,
): string {
  const rights = bits & READ ? 'rx' : 'x';
  const place = quote(directory);
  const shift = shiftOf(server, { uid, gid, mode: 0 });
  if (shift === 6) return `Repair it: chmod u+${rights} ${place}`;
  if (shift === 3) return `Repair it: chmod g+${rights} ${place}`;
  if (rights === 'x') return `Move the configuration to another place, or: chmod o+x ${place}`;
  return `Repair it: chgrp ${groupName(server.model.gid, fs)} ${place} && chmod g+${rights} ${place}`;
}

function realPath(path: string, fs: FileSystem): string {
  try {
    return fs.realpathSync(path);
  } catch {
    return path; // a link that leads nowhere, or what the caller may not see
  }
}

function statOf(path: string, fs: FileSystem): Attributes | undefined {
  try {
    return ifExists(() => fs.statSync(path));
  } catch {
    return undefined; // what can't be looked at is no evidence
  }
}
