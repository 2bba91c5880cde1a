import {
  chooseIdentity,
  findOtherServer,
  type Identity,
  type OtherServer,
  type Purpose,
} from '../../access/identity.js';
import { impersonate, inDirectory, type OpenedDirectory } from '../../access/opened-directory.js';
import type { Naming } from '../../access/printed-command.js';
import { isPrivate, type ResolvedPath, resolvePath } from '../../access/resolved-path.js';
import type { Server } from '../../access/server-access.js';
import { isInKubernetesVolume, kubernetesVolume, requireTrustedLinks } from '../../access/symlinks.js';
import type { Reader } from '../../access/trusted-read.js';
import type { OpenedTokensFile } from '../../check/checked-file.js';
import { findServerPaths, type PathOptions, type ServerPaths } from '../../config/config-dir.js';
import { readSettingsFile, type SettingsFile } from '../../config/settings-file.js';
import { callerDescriptor, requireName } from '../../disk/caller-descriptor.js';
import type { FileSystem } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import type { Options } from '../options.js';
import type { Io } from '../terminal.js';
import type { Invocation } from './command.js';

/** The paths of a command's files, and access to them. */
export interface OpenPlace extends ServerPaths {
  readonly naming: Naming;
  readonly resolved: ResolvedPath;
  /** Set if root acts as another user than the one who runs the server. */
  readonly otherServer: OtherServer | undefined;
  /** Calls `work` for the tokens file. */
  inTokensDir<T>(work: (opened: OpenedTokensFile) => Promise<T>): Promise<T>;
  /** Reads elasticsearch.yml. @throws as readSettingsFile does */
  readSettings(): SettingsFile | undefined;
  /** Reads a file as this command does. */
  readonly reader: Reader;
}

/**
 * Finds the files of a command and chooses the identity under which it works on them.
 *
 * @param purpose a change or a copy by root is refused if another user can change the path; reading is not, because it
 *   reveals only names and line numbers
 * @throws USAGE for a change of a descriptor that the caller passed; CONFIG if there is no configuration directory;
 *   PERMISSION if the change is refused
 */
export async function openPlace(
  { options, io, fs, terminal }: Invocation,
  purpose: Purpose,
): Promise<OpenPlace> {
  const place = findServerPaths(options, io, fs);
  const { configDir, tokensFile, ignored } = place;
  if (ignored !== undefined) {
    await terminal.warn([
      `ES_PATH_CONF [${ignored.path}] of [${ignored.source}] is not used, because not only root can change that file`,
      'Use --config-dir or set ES_PATH_CONF, or let only root write the file.',
    ]);
  }
  const identityFor = identityChooser(options, configDir, purpose, fs);
  const isPassed = callerDescriptor(tokensFile) !== undefined; // the descriptor is open already
  const resolved = resolvePath(fs, tokensFile, !isPassed);
  if (purpose === 'change' || purpose === 'repair') resolved.linkChain.forEach(requireName);
  const isManaged = isInKubernetesVolume(resolved);
  if (isManaged && purpose === 'change') throw kubernetesVolume(resolved); // no identity could help
  const identity = isPassed ? undefined : identityFor(resolved, purpose === 'read' || isManaged);
  const { serverUser, trustDirectory } = options;
  const naming = { ...namingOptions(options, configDir, io), serverUser, isPrivate: isPrivate(resolved, fs) };
  const command = { configDir, naming };
  const otherServer =
    identity && serverUser === undefined ? findOtherServer(resolved, identity, configDir, fs) : undefined;
  const reader = { identityFor: (file: ResolvedPath) => identityFor(file, true), command };

  return {
    ...place,
    naming,
    resolved,
    otherServer,
    reader,
    async inTokensDir(work) {
      const file = { resolved, naming, otherServer, server: identity && serverOf(identity) };
      if (isPassed || resolved.directory === undefined) return work({ ...file, fs, asCaller: fs });
      const inOpened = async (opened: OpenedDirectory) => {
        if (!(trustDirectory && fs.geteuid() === 0)) requireTrustedLinks(resolved, opened.fs);
        return work({ ...file, ...opened });
      };
      return inDirectory(resolved, identity, fs, inOpened, command);
    },
    readSettings: () => readSettingsFile(configDir, fs, reader),
  };
}

/**
 * Makes a function that chooses the identity for a file.
 *
 * @returns the function; for reading, it returns undefined if no identity can be chosen
 */
export function identityChooser(
  options: Options,
  configDir: string,
  purpose: Purpose,
  fs: FileSystem,
): (resolved: ResolvedPath, isRead: boolean) => Identity | undefined {
  return (resolved, isRead) => {
    try {
      const identity = chooseIdentity(resolved, { ...options, configDir, purpose }, fs);
      if (identity !== undefined) impersonate(identity, fs, () => undefined); // can it be taken on?
      return identity;
    } catch (error) {
      if (isRead && error instanceof ServiceTokensError && error.code === 'PERMISSION') return undefined;
      throw error;
    }
  };
}

/** The options that name the file also for another user, who has another environment. */
function namingOptions({ file, configDir: given }: Options, configDir: string, { env }: Io): PathOptions {
  const isByEnvironment = file === undefined && Boolean(env['ES_PATH_CONF'] || env['ES_HOME']);
  return { file, configDir: given ?? (isByEnvironment ? configDir : undefined) };
}

function serverOf({ uid, gid, groups }: Identity): Server {
  return { uid, groups, model: { uid, gid, mode: 0o600 } };
}
