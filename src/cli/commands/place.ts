import { basename } from 'node:path';
import { chooseIdentity, type Identity } from '../../access/identity.js';
import { actingAs, impersonate, inDirectory, type OpenedDirectory } from '../../access/opened-directory.js';
import { type ResolvedPath, resolvePath } from '../../access/resolved-path.js';
import type { Server } from '../../access/server-access.js';
import { userName } from '../../access/system-accounts.js';
import { findServerPaths, type ServerPaths } from '../../config/config-dir.js';
import { callerDescriptor, requireName } from '../../disk/caller-descriptor.js';
import { errnoOf, type FileSystem, ifExists, ignoreFailure, sameFile } from '../../disk/file-system.js';
import { ServiceTokensError } from '../../errors.js';
import { below } from '../../paths.js';
import type { EnteredFile } from '../../tokens-file/tokens-file-transaction.js';
import type { CommonOptions } from '../options.js';
import type { Invocation } from './command.js';

/** The options of commands that change the tokens file. */
export interface ChangeOptions {
  readonly serverUser?: string;
  readonly trustDirectory?: boolean;
}

/** The tokens file's directory, held open. */
export interface EnteredPlace extends Omit<OpenedDirectory, 'close'>, EnteredFile {}

/** The paths of a command's files, and access to them. */
export interface OpenPlace extends ServerPaths {
  readonly resolved: ResolvedPath;
  /** Calls `work` for the tokens file. */
  inTokensDir<T>(work: (entered: EnteredPlace) => Promise<T>): Promise<T>;
  /** Calls `work` for elasticsearch.yml. */
  inConfigDir<T>(work: (fs: FileSystem) => Promise<T>): Promise<T>;
  /** The file system for following the path of the tokens file: as the identity, if it can reach the directory. */
  following(): FileSystem;
}

/** What a command does with the tokens file: only names and findings leave it, its hashes do, or it is changed. */
export type Purpose = 'read' | 'copy' | 'change';

/**
 * Finds the files of a command and chooses the identity under which it works on them.
 *
 * @param purpose a change or a copy by root is refused if another user can change the path; reading is not, because it
 *   reveals only names and line numbers
 * @throws USAGE for a change of a descriptor that the caller passed; CONFIG if there is no configuration directory;
 *   PERMISSION if the change is refused
 */
export async function openPlace(
  { options: given, io, fs, terminal }: Invocation,
  purpose: Purpose,
): Promise<OpenPlace> {
  const options: CommonOptions & ChangeOptions = given; // a command that only reads has only the common ones
  const place = findServerPaths(options, io, fs);
  const { configDir, tokensFile, ignored } = place;
  if (ignored !== undefined) {
    await terminal.warn([
      `ES_PATH_CONF [${ignored.path}] of [${ignored.source}] is not used, because not only root can change that file`,
      'Use --config-dir or set ES_PATH_CONF, or let only root write the file.',
    ]);
  }
  const identityFor = (resolved: ResolvedPath, isRead: boolean): Identity | undefined => {
    try {
      const identity = chooseIdentity(resolved, { ...options, configDir }, fs);
      if (identity !== undefined) impersonate(identity, fs, () => undefined); // can it be taken on?
      return identity;
    } catch (error) {
      if (isRead && error instanceof ServiceTokensError && error.code === 'PERMISSION') return undefined;
      throw error;
    }
  };
  const caller = fs.geteuid();
  if (purpose === 'change') requireName(tokensFile);
  const isPassed = callerDescriptor(tokensFile) !== undefined; // the descriptor is open already
  const resolved = resolvePath(fs, tokensFile, !isPassed);
  const identity = isPassed ? undefined : identityFor(resolved, purpose === 'read');

  return {
    ...place,
    resolved,
    async inTokensDir(work) {
      if (isPassed || resolved.directory === undefined) {
        return work({ fs, asCaller: fs, resolved, caller, server: undefined });
      }
      return inDirectory(resolved, identity, fs, async (opened) => {
        try {
          return await work({ ...opened, resolved, caller, server: identity && serverOf(identity) });
        } catch (error) {
          throw identity === undefined ? error : explain(error, resolved, identity, opened.fs);
        }
      });
    },
    async inConfigDir(work) {
      const resolvedConfig = resolvePath(fs, below(configDir, 'elasticsearch.yml'), false);
      const other = identityFor(resolvedConfig, true);
      if (other?.uid !== identity?.uid) {
        throw new ServiceTokensError(
          'PERMISSION',
          `[${configDir}] and [${tokensFile}] belong to different users, but a command can act as only one user`,
          { hint: 'Use --server-user, or sudo -u USER.' },
        );
      }
      return inDirectory(resolvedConfig, identity, fs, (opened) => work(opened.fs));
    },
    following: () =>
      identity === undefined || !canReach(resolved, identity, fs) ? fs : actingAs(identity, fs),
  };
}

function canReach({ directory }: ResolvedPath, identity: Identity, fs: FileSystem): boolean {
  if (directory === undefined) return false;
  let isReached = false;
  ignoreFailure(() => {
    isReached = sameFile(actingAs(identity, fs).statSync(directory.path, { bigint: true }), directory);
  });
  return isReached;
}

function serverOf({ uid, gid, groups }: Identity): Server {
  return { uid, groups, model: { uid, gid, mode: 0o600 } };
}

/** A file that root created for itself, as the original does, cannot be read under the server's identity. */
function explain(error: unknown, { target }: ResolvedPath, { uid }: Identity, fs: FileSystem): unknown {
  if (!(error instanceof ServiceTokensError) || errnoOf(error.cause) !== 'EACCES') return error;
  const isOfFile = basename((error.cause as NodeJS.ErrnoException).path ?? '') === basename(target);
  const owner = isOfFile ? ifExists(() => fs.lstatSync(target))?.uid : undefined;
  if (owner === undefined || owner === uid) return error;
  const [its, ours] = [userName(owner, fs), userName(uid, fs)];
  return new ServiceTokensError(
    'PERMISSION',
    `could not open [${basename(target)}] as [${ours}]: [${target}] belongs to [${its}]`,
    { hint: 'Repair it: elasticsearch-service-tokens check --fix', cause: error },
  );
}
