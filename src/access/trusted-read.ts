import { readSnapshot } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import { type Identity, ownIdentity } from './identity.js';
import { openDirectory } from './opened-directory.js';
import { type Asker, explainDenied } from './permission-denied.js';
import { type ResolvedPath, resolvePath } from './resolved-path.js';
import { requireTrustedLinks } from './symlinks.js';

export interface Reader {
  /** Chooses the user that root acts as; undefined to act as the caller. */
  readonly identityFor?: ((resolved: ResolvedPath) => Identity | undefined) | undefined;
  /** The command that reads it, for the hints of errors. */
  readonly command?: Asker['command'];
}

/**
 * Calls `read` as the identity for a file, which need not exist, while its directory is held open.
 *
 * @returns undefined if the directory does not exist
 * @throws PERMISSION, also for a symlink of a third user; IO; what `read` throws
 */
export function readThrough<T>(
  fs: FileSystem,
  path: string,
  read: (fs: FileSystem, target: string) => T,
  { identityFor, command }: Reader = {},
): T | undefined {
  const resolved = resolvePath(fs, path);
  if (resolved.directory === undefined) return undefined;
  const identity = identityFor?.(resolved);
  const opened = openDirectory(resolved, identity, fs);
  try {
    requireTrustedLinks(resolved, opened.fs);
    return read(opened.fs, resolved.target);
  } catch (error) {
    const asker = { as: identity ?? ownIdentity(fs), command };
    throw explainDenied(error, resolved, asker, opened.asCaller);
  } finally {
    opened.close();
  }
}

/** Reads a file whole, like `readThrough`; undefined if it does not exist. @param limit in bytes */
export function readTrusted(fs: FileSystem, path: string, limit: number, reader?: Reader) {
  return readThrough(fs, path, (as, target) => readSnapshot(as, target, { limit }), reader);
}
