/** What "permission denied" means: whose the file or directory is, its mode, who asked, and the way out. */
import { basename, dirname } from 'node:path';
import type { Attributes } from '../disk/atomic-file.js';
import { errnoOf, type FileSystem, ignoreFailure } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { type Identity, warningOfIdentity } from './identity.js';
import { commandLine, type Naming } from './printed-command.js';
import type { ResolvedPath } from './resolved-path.js';
import { ENTER, findServer, may, READ } from './server-access.js';
import { groupName, userName } from './system-accounts.js';

/** Who asked for a file. */
export interface Asker {
  /** The user and groups whose permissions counted. */
  readonly as: Identity;
  /** The user that started the command. */
  readonly caller: number;
  readonly configDir: string;
  readonly serverUser: string | undefined;
  readonly naming: Naming;
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
  if (!isUnexplained(error)) return error;
  const refused = findRefused(resolved, asker, fs);
  return refused === undefined
    ? error
    : explained(error, refused, asker.as.uid, hintFor(refused, resolved, asker, fs), fs);
}

/**
 * Replaces the error of a path that could not be resolved, because the caller may not enter a directory of it.
 *
 * @param error any error; one that is not of EACCES, or that has a hint, is returned as it is
 */
export function explainClosed(error: unknown, fs: FileSystem): unknown {
  const { path } = Object(error instanceof ServiceTokensError ? error.cause : undefined) as {
    path?: unknown;
  };
  if (!isUnexplained(error) || typeof path !== 'string') return error;
  const statOf = (at: string) => ignoreFailure(() => fs.statSync(at));
  let at = dirname(path);
  while (at !== '/' && statOf(at) === undefined) at = dirname(at);
  const stat = statOf(at);
  if (stat === undefined) return error;
  const { uid, gid } = stat;
  const closed = { uid, gid, mode: stat.mode & 0o7777, what: `[${at}]` };
  const caller = fs.geteuid();
  return explained(error, closed, caller, whoMay(closed, caller, fs), fs);
}

function isUnexplained(error: unknown): error is ServiceTokensError {
  return error instanceof ServiceTokensError && error.hint === undefined && errnoOf(error.cause) === 'EACCES';
}

function explained(
  error: ServiceTokensError,
  { uid, gid, mode, what }: Omit<Refused, 'kind'>,
  asker: number,
  hint: string,
  fs: FileSystem,
): ServiceTokensError {
  const owners = `[${userName(uid, fs)}:${groupName(gid, fs)}], mode ${mode.toString(8).padStart(4, '0')}`;
  const message = `${error.message.replace(/: permission denied$/, '')} as [${userName(asker, fs)}]: ${what} belongs to ${owners}`;
  return new ServiceTokensError('PERMISSION', message, { hint, cause: error.cause });
}

/** Who may do what was refused to the caller. */
function whoMay({ uid: owner, mode }: Attributes, caller: number, fs: FileSystem): string {
  if (caller === owner) return `Its owner lacks a permission in mode ${mode.toString(8)}: use chmod.`;
  const name = userName(owner, fs);
  if (caller === 0) return `Run the command as [${name}].`;
  return owner === 0 ? 'Run the command as root.' : `Run the command as root, or as [${name}].`;
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
  const stat = ignoreFailure(() => fs.lstatSync(target));
  const file = stat && { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 };
  const itself = file && ({ ...file, kind: 'file', what: 'it' } satisfies Refused);
  if (itself && !may(as, itself, READ)) return itself;
  if (directory !== undefined && !may(as, directory, WRITE))
    return { ...directory, kind: 'directory', what: 'its directory' } satisfies Refused;
  return itself && !may(as, itself, WRITE) ? itself : undefined;
}

function hintFor(refused: Refused, resolved: ResolvedPath, asker: Asker, fs: FileSystem): string {
  const { as, caller, configDir, serverUser, naming } = asker;
  const { kind, uid: owner } = refused;
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
    return `${first}: ${checkFixCommand(naming, caller)}`;
  }
  if (isActing && as.uid !== owner)
    return `Use --server-user ${userName(owner, fs)}, or leave the option out.`;
  return whoMay(refused, as.uid, fs);
}

/** The command that repairs the tokens file, for a message. */
export function checkFixCommand(naming: Naming, caller: number): string {
  return `${caller === 0 ? '' : 'sudo '}${commandLine(['check', '--fix'], naming)}`;
}
