/** Why a change through a symlink is refused. */
import { attempt } from '../disk/file-errors.js';
import { type FileSystem, ifExists } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import type { ResolvedPath } from './resolved-path.js';

/** Whether a path goes through a Kubernetes volume, whose `..data` symlink the kubelet switches at every update. */
export function isInKubernetesVolume({ linkChain, directory }: ResolvedPath): boolean {
  // Names that begin with two dots are the kubelet's: ..data, and the directory of an update that it leads to.
  return [...linkChain, directory?.path ?? ''].some((path) => /(^|\/)\.\.[^/.]/.test(path));
}

export function kubernetesVolume({ linkChain: [path] }: ResolvedPath): ServiceTokensError {
  const fact = 'it is in a Kubernetes volume (..data), which only Kubernetes may change';
  const hint = 'Change the Secret that is mounted there.';
  return new ServiceTokensError('CANNOT_REPLACE', `could not write [${path}]: ${fact}`, { hint });
}

/**
 * Refuses to change a file through an untrusted symlink, or in a Kubernetes volume: there the change would be lost, and
 * replacing the symlink would detach the pod from its operator. @param fs as the user that acts
 */
export function requireChangeable(resolved: ResolvedPath, fs: FileSystem): void {
  if (isInKubernetesVolume(resolved)) throw kubernetesVolume(resolved);
  requireTrustedLinks(resolved, fs);
}

/**
 * Refuses to open a file through an untrusted symlink, for reading too. The owner of a symlink decides where it leads. So
 * it must belong to root, to the user that acts, as whom `fs` makes calls, or to the owner of its target, who could change
 * the target anyway.
 */
export function requireTrustedLinks({ links, directory, target }: ResolvedPath, fs: FileSystem): void {
  if (links.length === 0 || directory === undefined) return;
  const ownerOf = () => ifExists(() => fs.lstatSync(target))?.uid;
  const owner = attempt(fs, 'could not read', target, ownerOf) ?? directory.uid;
  const untrusted = links.find(({ uid }) => ![0, fs.geteuid(), owner].includes(uid));
  if (untrusted === undefined) return;
  const fact = `it belongs neither to root nor to the owner of [${target}]`;
  const hint = 'Name the target instead, or create the symlink as root or as the owner of the target.';
  throw new ServiceTokensError('PERMISSION', `untrusted symlink [${untrusted.path}]: ${fact}`, { hint });
}
