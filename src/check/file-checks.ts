import { basename, dirname, join } from 'node:path';
import type { OtherServer } from '../access/identity.js';
import { type Naming, quote } from '../access/printed-command.js';
import {
  attributesCommand,
  canGive,
  OTHERS,
  repairCommand,
  repairedAttributes,
  unknownServerWarning,
  unreadableFact,
} from '../access/repair-command.js';
import { isPrivate, type ResolvedPath } from '../access/resolved-path.js';
import { canRead, ENTER, may, READ, type Server, serverName, shiftOf } from '../access/server-access.js';
import { isInKubernetesVolume } from '../access/symlinks.js';
import type { Attributes } from '../disk/atomic-file.js';
import { type FileSystem, ignoreFailure } from '../disk/file-system.js';
import { type Leftovers, leftovers } from '../disk/lock-leftovers.js';
import type { LockTiming } from '../disk/lock-owner.js';
import { fuseUserOf, mountedAt } from '../disk/mounts.js';
import type { Directory } from '../disk/path-walk.js';
import { below, isIn } from '../paths.js';
import { type Finding, finding } from './findings.js';

/** A tokens file whose directory the command has opened. */
export interface OpenedTokensFile {
  readonly resolved: ResolvedPath;
  /** The user who runs the server, if the command acts as that user. */
  readonly server: Server | undefined;
  /** Set if root acts as another user than the one who runs the server. */
  readonly otherServer: OtherServer | undefined;
  readonly naming: Naming;
  /** The file system with calls made as the user that the command acts as. */
  readonly fs: FileSystem;
  /** The same, but with calls made as the caller. */
  readonly asCaller: FileSystem;
}

/** A tokens file to check. Its `server` must be able to read it; undefined if it cannot be determined. */
export interface CheckedFile extends OpenedTokensFile {
  readonly configDir: string;
  /** Whether the command has opened the file's directory, under an identity that fits it. */
  readonly isOpened: boolean;
  readonly timing?: LockTiming | undefined;
}

const OTHERS_READ = 0o004;

/**
 * Finds what keeps the server from reading a tokens file, and who else can use it. If the server is unknown, only
 * a file that root alone can read is known to be unreadable. A repair that was refused is not advised again.
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
export function* checkDirectoryAccess(file: CheckedFile): Generator<Finding> {
  const { server, asCaller } = file;
  if (server === undefined) return;
  const { directories, directory: own } = file.resolved;
  const passed = new Map(directories.map((directory) => [directory.path, directory]));
  for (const directory of passed.values()) {
    const isOwn = directory.path === own?.path;
    if (may(server, directory, isOwn ? READ | ENTER : ENTER)) continue;
    const message = `Elasticsearch runs as [${serverName(server, asCaller)}] and cannot ${isOwn ? 'list' : 'enter'} [${directory.path}]`;
    yield finding('DIRECTORY_UNREADABLE', message, directoryHint(file, server, directory, isOwn));
  }
}

function directoryHint(
  { resolved, otherServer, asCaller }: CheckedFile,
  server: Server,
  directory: Directory,
  isOwn: boolean,
): string {
  if (isOwn && otherServer !== undefined) return otherServer.repair;
  // Who can change names in the directory cannot change its own path.
  const modifiers = resolved.modifiers.filter(({ at }) => !isIn(directory.path, at));
  const path = isPrivate({ modifiers }, asCaller) ? directory.path : 'DIRECTORY';
  const shift = shiftOf(server, directory);
  const who = shift === 6 ? 'u' : shift === 3 || isOwn ? 'g' : 'o';
  const gid = who === 'g' && shift === 0 ? server.model.gid : directory.gid;
  const wanted = { uid: directory.uid, gid, mode: `${who}+${isOwn ? 'rx' : 'x'}` };
  const command = attributesCommand(path, directory, wanted, asCaller);
  return `${who === 'o' ? 'Move the configuration to another directory, or' : 'Repair it'}: ${command}`;
}

/** Finds what a rename over a tokens file would break. The original and many editors replace a file by a rename. */
export function* checkLinks({ resolved, fs }: CheckedFile): Generator<Finding> {
  const { linkChain, target, directory } = resolved;
  const [path] = linkChain;
  if (isInKubernetesVolume(resolved)) {
    const message = `[${path}] leads into a Kubernetes volume: replacing it would detach the pod from its Secret`;
    yield finding('KUBERNETES_VOLUME', message, 'Change the Secret, not the file.');
  } else if (target !== path) {
    const message = `[${path}] is a symlink to [${target}]: replacing the symlink would leave its target unchanged`;
    const hint =
      "This tool changes the target; Elasticsearch's own tool and many editors replace the symlink.";
    yield finding('SYMBOLIC_LINK', message, hint);
  }
  const mount = directory && mountedAt(join(directory.path, basename(target)), fs);
  if (mount !== undefined) {
    const kind = mount.isReadOnly ? 'read-only bind mount' : 'bind mount';
    const message = `[${target}] is a ${kind} of [${mount.source}], which cannot be replaced`;
    const hint = mount.isReadOnly
      ? 'Mount the directory instead of the file, and writable; or change the file at its source.'
      : 'Mount the directory instead of the file, or use --in-place.';
    yield finding('SINGLE_FILE_MOUNT', message, hint);
  }
  if (directory !== undefined && fuseUserOf(directory, fs) !== undefined) {
    const message = `[${directory.path}] is on a FUSE mount: what other programs change in its storage may be seen late`;
    yield finding('FUSE_MOUNT', message, 'Change the file on one machine only, or mount with direct_io.');
  }
}

export async function checkLeftovers(file: CheckedFile, refused?: Finding): Promise<Finding[]> {
  const { temporaryFiles, locks } = await leftoversOf(file);
  const byFix = refused?.hint ?? 'Use --fix, or remove it by hand.';
  return [
    ...locks.map(({ path }) =>
      finding('STALE_LOCK', `[${path}] is a stale lock: no running process holds it`, byFix),
    ),
    ...temporaryFiles.map((path) => {
      const message = `[${path}] is an orphaned temporary file, which may contain hashes`;
      return finding('STALE_TEMPORARY_FILE', message, byFix);
    }),
    ...temporaryFilesOfOriginal(file).map((path) => {
      const message = `[${path}] is a temporary file of Elasticsearch's own tool, which may contain hashes`;
      const remove = file.naming.isPrivate ? `remove it: rm ${quote(path)}` : 'remove it.';
      const hint = `If no elasticsearch-service-tokens process is running, ${remove}`;
      return finding('STALE_TEMPORARY_FILE', message, hint);
    }),
  ];
}

/** Finds stale locks and orphaned temporary files beside a file; none if the caller may not list the directory. */
export async function leftoversOf({ resolved, fs, timing }: CheckedFile): Promise<Leftovers> {
  try {
    return await leftovers(fs, resolved.target, timing);
  } catch {
    return { temporaryFiles: [], locks: [] };
  }
}

/** The original takes no lock, so it cannot be determined whether these are in use: the user has to remove them. */
function temporaryFilesOfOriginal({ resolved, fs }: CheckedFile): string[] {
  const [path] = resolved.linkChain;
  const [directory, name] = [dirname(path), basename(path)];
  const files = ignoreFailure(() => fs.readdirSync(directory)) ?? [];
  return files
    .filter((file) => file.startsWith(name) && /^\d+tmp$/.test(file.slice(name.length)))
    .map((file) => below(directory, file));
}
