/** The error of a system call that was denied: it names the owner and mode of what refused it, and who asked. */
import { dirname } from 'node:path';
import type { Attributes } from '../disk/atomic-file.js';
import { attempt } from '../disk/file-errors.js';
import { errnoOf, type FileSystem, ignoreFailure } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { groupName, userName } from './system-accounts.js';

/** Whether an error is that of a system call that failed with EACCES, without a hint. */
export function isUnexplained(error: unknown): error is ServiceTokensError {
  return error instanceof ServiceTokensError && error.hint === undefined && errnoOf(error.cause) === 'EACCES';
}

/** Explains such an error. `what` is the subject of a sentence, and `asker` the user whose permissions counted. */
export function deniedError(
  error: ServiceTokensError,
  { uid, gid, mode, what }: Attributes & { readonly what: string },
  asker: number,
  hint: string,
  fs: FileSystem,
): ServiceTokensError {
  const owners = `[${userName(uid, fs)}:${groupName(gid, fs)}], mode ${mode.toString(8).padStart(4, '0')}`;
  const message = `${error.message.replace(/: permission denied$/, '')} as [${userName(asker, fs)}]: ${what} belongs to ${owners}`;
  return new ServiceTokensError('PERMISSION', message, { hint, cause: error.cause });
}

/** Who may do what was refused to the caller. */
export function whoMay({ uid: owner, mode }: Attributes, caller: number, fs: FileSystem): string {
  if (caller === owner) return `Its owner lacks a permission in mode ${mode.toString(8)}: use chmod.`;
  const name = userName(owner, fs);
  if (caller === 0) return `Run the command as [${name}].`;
  return owner === 0 ? 'Run the command as root.' : `Run the command as root, or as [${name}].`;
}

/** Makes calls that look up a path. @throws PERMISSION, which names the closed directory; and as `attempt` does */
export function lookUp<T>(fs: FileSystem, path: string, calls: () => T): T {
  try {
    return attempt(fs, 'could not read', path, calls);
  } catch (error) {
    throw isUnexplained(error) ? explainClosed(error, fs) : error;
  }
}

function explainClosed(error: ServiceTokensError, fs: FileSystem): ServiceTokensError {
  const { path } = error.cause as { path?: unknown };
  if (typeof path !== 'string') return error;
  const statOf = (at: string) => ignoreFailure(() => fs.statSync(at));
  let at = dirname(path);
  while (at !== '/' && statOf(at) === undefined) at = dirname(at);
  const stat = statOf(at);
  if (stat === undefined) return error;
  const closed = { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777, what: `[${at}]` };
  const caller = fs.geteuid();
  return deniedError(error, closed, caller, whoMay(closed, caller, fs), fs);
}
