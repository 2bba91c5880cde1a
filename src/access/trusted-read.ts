import { readSnapshot, type Snapshot } from '../disk/atomic-file.js';
import type { FileSystem } from '../disk/file-system.js';
import type { Identity } from './identity.js';
import { openDirectory } from './opened-directory.js';
import { type ResolvedPath, resolvePath } from './resolved-path.js';
import { requireTrustedLinks } from './symlinks.js';

/** Chooses the user that root acts as; undefined to act as the caller. */
export type IdentityFor = (resolved: ResolvedPath) => Identity | undefined;

/**
 * Reads a file whole. Its directory is held open, and no symlink of a third user is followed.
 *
 * @param path absolute
 * @param limit the maximum size, in bytes
 * @returns undefined if the file does not exist
 * @throws PERMISSION, also for an untrusted symlink; IO, also if it is not a regular file or exceeds the limit
 */
export function readTrusted(
  fs: FileSystem,
  path: string,
  limit: number,
  identityFor: IdentityFor = () => undefined,
): Snapshot | undefined {
  const resolved = resolvePath(fs, path);
  if (resolved.directory === undefined) return undefined;
  const opened = openDirectory(resolved, identityFor(resolved), fs);
  try {
    requireTrustedLinks(resolved, opened.fs, opened.fs.geteuid());
    return readSnapshot(opened.fs, resolved.target, { limit });
  } finally {
    opened.close();
  }
}
