import { chooseIdentity, findOtherServer, type Purpose } from '../../access/identity.js';
import { impersonate, inDirectory, type OpenedDirectory } from '../../access/opened-directory.js';
import { isPrivate, type ResolvedPath, resolvePath } from '../../access/resolved-path.js';
import { isInKubernetesVolume, kubernetesVolume, requireTrustedLinks } from '../../access/symlinks.js';
import type { OpenedTokensFile } from '../../check/file-checks.js';
import { findServerPaths } from '../../config/config-dir.js';
import { callerDescriptor, requireName } from '../../disk/caller-descriptor.js';
import type { FileSystem } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import type { Options } from '../options.js';
import type { Invocation } from './command.js';

/**
 * Finds the files of a command and chooses the identity under which it works on them. A change or a copy by root is
 * refused if another user can change the path; reading is not, because it reveals only names and line numbers.
 */
export async function openServerPaths({ options, io, fs, terminal }: Invocation, purpose: Purpose) {
  const { configDir, tokensFile, ignored } = findServerPaths(options, io, fs);
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
  const server = identity && { ...identity, model: { uid: identity.uid, gid: identity.gid, mode: 0o600 } };
  const { file, serverUser, trustDirectory } = options;
  // For another user, who has another environment, the file must be named.
  const isByEnvironment = file === undefined && Boolean(io.env['ES_PATH_CONF'] || io.env['ES_HOME']);
  const named = options.configDir ?? (isByEnvironment ? configDir : undefined);
  const naming = { file, configDir: named, serverUser, isPrivate: isPrivate(resolved, fs) };
  const command = { configDir, naming };
  /** Set if root acts as another user than the one who runs the server. */
  const otherServer =
    identity && serverUser === undefined ? findOtherServer(resolved, identity, configDir, fs) : undefined;

  return {
    configDir,
    tokensFile,
    naming,
    resolved,
    otherServer,
    /** Reads a file as this command does. */
    reader: { identityFor: (other: ResolvedPath) => identityFor(other, true), command },
    /** Calls `work` for the tokens file. */
    async inTokensDir<T>(work: (opened: OpenedTokensFile) => Promise<T>): Promise<T> {
      const found = { resolved, naming, otherServer, server };
      if (isPassed || resolved.directory === undefined) return work({ ...found, fs, asCaller: fs });
      const inOpened = async (opened: OpenedDirectory) => {
        if (!(trustDirectory && fs.geteuid() === 0)) requireTrustedLinks(resolved, opened.fs);
        return work({ ...found, ...opened });
      };
      return inDirectory(resolved, identity, fs, inOpened, command);
    },
  };
}

/** Makes a function that chooses the identity for a file; for reading, undefined if none can be chosen. */
export function identityChooser(options: Options, configDir: string, purpose: Purpose, fs: FileSystem) {
  return (resolved: ResolvedPath, isRead: boolean) => {
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
