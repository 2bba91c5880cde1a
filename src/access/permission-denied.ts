/** What "permission denied" means: whose the file or directory is, its mode, who asked, and the way out. */
import { basename } from 'node:path';
import type { Attributes } from '../disk/atomic-file.js';
import { errnoOf, type FileSystem, ifExists, type Stats } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { type Identity, warningOfIdentity } from './identity.js';
import { isPrivateTo, type ResolvedPath } from './resolved-path.js';
import { ENTER, findServer, may, quote, READ } from './server-access.js';
import { groupName, userName } from './system-accounts.js';

/** Who asked for a file. */
export interface Asker {
  /** The user and groups whose permissions counted. */
  readonly as: Identity;
  /** The user that started the command. */
  readonly caller: number;
  readonly configDir: string;
  readonly serverUser: string | undefined;
  /** The options with which the caller named the file. */
  readonly named: readonly string[];
}

/** What was refused. */
interface Refused extends Attributes {
  readonly kind: 'path' | 'file' | 'directory';
  /** The subject of a sentence. */
  readonly what: string;
}

const WRITE = 0o2;

/**
 * Replaces the error of a system call that failed with EACCES by one that says what was found.
 *
 * @param error any error; one that is not of EACCES, or that has a hint, is returned as it is
 * @param fs the file system as the caller
 */
export function explainDenied(error: unknown, resolved: ResolvedPath, asker: Asker, fs: FileSystem): unknown {
  if (!(error instanceof ServiceTokensError) || error.hint !== undefined || errnoOf(error.cause) !== 'EACCES')
    return error;
  const refused = findRefused(resolved, asker, fs);
  if (refused === undefined) return error;
  const { uid, gid, mode, what } = refused;
  const owners = `[${userName(uid, fs)}:${groupName(gid, fs)}], mode ${mode.toString(8).padStart(4, '0')}`;
  const message = `${error.message.replace(/: permission denied$/, '')} as [${userName(asker.as.uid, fs)}]: ${what} belongs to ${owners}`;
  return new ServiceTokensError('PERMISSION', message, {
    hint: hintFor(refused, resolved, asker, fs),
    cause: error.cause,
  });
}

/** The first thing on the path that refuses what the asker needs. Root opens the directory before it acts as a user. */
function findRefused(
  { directories, directory, target }: ResolvedPath,
  { as, caller }: Asker,
  fs: FileSystem,
) {
  const passed = as.uid === caller ? directories : directories.filter(({ path }) => path === directory?.path);
  const closed = passed.find((each) => !may(as, each, ENTER));
  if (closed !== undefined) return { ...closed, kind: 'path', what: `[${closed.path}]` } satisfies Refused;
  const stat = statIfPossible(target, fs);
  const file = stat && { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 };
  const itself = file && ({ ...file, kind: 'file', what: 'it' } satisfies Refused);
  if (itself && !may(as, itself, READ)) return itself;
  if (directory !== undefined && !may(as, directory, WRITE))
    return { ...directory, kind: 'directory', what: 'its directory' } satisfies Refused;
  return itself && !may(as, itself, WRITE) ? itself : undefined;
}

function statIfPossible(path: string, fs: FileSystem): Stats | undefined {
  try {
    return ifExists(() => fs.lstatSync(path));
  } catch {
    return undefined; // there is an error to report already
  }
}

function hintFor(refused: Refused, resolved: ResolvedPath, asker: Asker, fs: FileSystem): string {
  const { as, caller, configDir, serverUser, named } = asker;
  const { kind, uid: owner, mode } = refused;
  const isTokensFile = basename(resolved.target) !== 'elasticsearch.yml';
  const isActing = caller !== as.uid;
  if (isActing && serverUser === undefined) {
    const warning = warningOfIdentity(resolved, as, configDir, fs);
    if (warning !== undefined) return warning.join('. ');
  }
  const server = isActing ? as.uid : findServer(configDir, serverUser, fs, true)?.uid;
  if (kind === 'file' && isTokensFile && as.uid === server && !may(as, refused, READ)) {
    if (![0, as.uid].includes(owner) && resolved.modifiers.length > 0)
      return `Inspect the file; if it is the right one, give it to [${userName(as.uid, fs)}] as root, with chown.`;
    const { directory } = resolved;
    const isWritable = directory === undefined || may(as, directory, WRITE);
    const first = isWritable ? 'Repair it' : 'To change the file, run the command as root; to repair it';
    return `${first}: ${checkFixCommand(named, caller, resolved)}`;
  }
  if (as.uid === owner) return `Its owner lacks a permission in mode ${mode.toString(8)}: use chmod.`;
  const ownerName = userName(owner, fs);
  if (isActing) return `Use --server-user ${ownerName}, or leave the option out.`;
  if (caller === 0) return `Run the command as [${ownerName}].`;
  return owner === 0 ? 'Run the command as root.' : `Run the command as root, or as [${ownerName}].`;
}

/**
 * The command that repairs a file, for a message. A path that another user can change is not repeated.
 *
 * @param named the options with which the caller named the file, such as `--file PATH`
 */
export function checkFixCommand(named: readonly string[], caller: number, resolved: ResolvedPath): string {
  const command = `${caller === 0 ? '' : 'sudo '}elasticsearch-service-tokens check --fix`;
  if (named.length === 0) return command;
  return isPrivateTo(caller, resolved)
    ? [command, ...named.map(quote)].join(' ')
    : `${command}, with the same ${named[0]}`;
}
