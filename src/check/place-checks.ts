import { basename, dirname, join } from 'node:path';
import { quote } from '../access/printed-command.js';
import { isInKubernetesVolume } from '../access/symlinks.js';
import { ignoreFailure } from '../disk/file-system.js';
import { type Leftovers, leftovers } from '../disk/lock-leftovers.js';
import { fuseUserOf, mountedAt } from '../disk/mounts.js';
import { below } from '../paths.js';
import type { CheckedFile } from './checked-file.js';
import { type Finding, finding } from './findings.js';

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

/**
 * Finds stale locks and orphaned temporary files beside a tokens file.
 *
 * @param refused the repair that was tried and failed, which is not advised again
 */
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
