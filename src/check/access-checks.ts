import {
  attributesCommand,
  canGive,
  OTHERS,
  repairCommand,
  repairedAttributes,
  unknownServerWarning,
  unreadableFact,
} from '../access/repair-command.js';
import { isPrivate, type UntrustedModifier } from '../access/resolved-path.js';
import { canRead, ENTER, may, READ, type Server, serverName, shiftOf } from '../access/server-access.js';
import { isInKubernetesVolume } from '../access/symlinks.js';
import type { Attributes } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import type { Directory } from '../disk/path-walk.js';
import { isIn } from '../paths.js';
import type { CheckedFile } from './checked-file.js';
import { type Finding, finding } from './findings.js';

const OTHERS_READ = 0o004;

/**
 * Finds what keeps the server from reading a tokens file, and who else can use it. If the server is unknown, only
 * a file that root alone can read is known to be unreadable.
 *
 * @param refused the repair that was tried and failed, which is not advised again
 */
export function* checkFileAccess(
  file: CheckedFile,
  attributes: Attributes,
  refused?: Finding,
): Generator<Finding> {
  const { resolved, server, configDir, naming, asCaller } = file;
  const [path] = resolved.linkChain;
  const hint = fileHint(file, attributes, refused);
  if (server === undefined) {
    const canCopy = naming.isPrivate && !refused; // another user could redirect a command that uses the path
    const unknown = unknownServerWarning(path, configDir, attributes, canCopy, asCaller);
    if (unknown) yield finding('SERVER_UNKNOWN', ...unknown);
  } else if (!canRead(server, attributes))
    yield finding('FILE_UNREADABLE', unreadableFact(path, server, asCaller), hint);
  if (attributes.mode & OTHERS) {
    const what = attributes.mode & OTHERS_READ ? 'read' : 'write or execute';
    yield finding('OPEN_TO_OTHERS', `Every user of this system can ${what} [${path}]`, hint);
  }
}

function fileHint(file: CheckedFile, attributes: Attributes, refused?: Finding): string {
  const { resolved, server, naming, otherServer, asCaller } = file;
  if (isInKubernetesVolume(resolved)) {
    return "Set fsGroup in the pod's security context, and defaultMode: 0440 in the volume.";
  }
  if (otherServer !== undefined) return otherServer.repair;
  if (refused) return refused.hint;
  const [path] = resolved.linkChain;
  const wanted = repairedAttributes(server, attributes, asCaller) ?? attributes;
  const command = repairCommand(path, attributes, wanted, naming, asCaller);
  if (!canGive(attributes, wanted, asCaller)) return `Repair it: ${command}`;
  if (server !== undefined) {
    if (naming.isPrivate) return `Use --fix, or: ${command}`;
    const isOfThirdUser = ![0, server.uid].includes(attributes.uid);
    return isOfThirdUser
      ? 'Inspect the file; if it is the right one, use --fix --trust-directory.'
      : 'Use --fix.';
  }
  if (!naming.isPrivate) return 'Use --fix with --server-user.';
  const close = attributesCommand(path, attributes, { ...wanted, mode: 'o=' }, asCaller);
  return `Use --fix with --server-user, because the user that runs Elasticsearch cannot be determined; or, if it does not need this access: ${close}`;
}

/** Finds the directories on the path that the server cannot enter or, for the file's own directory, cannot list. */
export function* checkDirectoryAccess({
  resolved,
  server,
  otherServer,
  asCaller,
}: CheckedFile): Generator<Finding> {
  if (server === undefined) return;
  const { directories, directory: own } = resolved;
  const passed = new Map(directories.map((directory) => [directory.path, directory]));
  for (const directory of passed.values()) {
    const isOwn = directory.path === own?.path;
    const bits = isOwn ? READ | ENTER : ENTER;
    if (may(server, directory, bits)) continue;
    const message = `Elasticsearch runs as [${serverName(server, asCaller)}] and cannot ${isOwn ? 'list' : 'enter'} [${directory.path}]`;
    // Who can change names in the directory cannot change its own path.
    const isAbove = ({ at }: UntrustedModifier) => !isIn(directory.path, at);
    const modifiers = resolved.modifiers.filter(isAbove);
    const path = isPrivate({ modifiers }, asCaller) ? directory.path : 'DIRECTORY';
    const isRepaired = isOwn && otherServer !== undefined;
    const hint = isRepaired ? otherServer.repair : directoryHint(path, directory, bits, server, asCaller);
    yield finding('DIRECTORY_UNREADABLE', message, hint);
  }
}

function directoryHint(
  path: string,
  directory: Directory,
  bits: number,
  server: Server,
  fs: FileSystem,
): string {
  const rights = bits & READ ? 'rx' : 'x';
  const shift = shiftOf(server, directory);
  const who = shift === 6 ? 'u' : shift === 3 || rights === 'rx' ? 'g' : 'o';
  const gid = who === 'g' && shift === 0 ? server.model.gid : directory.gid;
  const wanted = { uid: directory.uid, gid, mode: `${who}+${rights}` };
  const command = attributesCommand(path, directory, wanted, fs);
  return `${who === 'o' ? 'Move the configuration to another directory, or' : 'Repair it'}: ${command}`;
}
