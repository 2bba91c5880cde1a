/** Why a change through a symlink is refused. */
import { fileError } from '../disk/file-errors.js';
import { type FileSystem, ifExists } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import type { Way } from './way.js';

/** Whether a way goes through a Kubernetes volume, whose `..data` symlink the kubelet switches at every update. */
export function isInKubernetesVolume({ steps, directory }: Way): boolean {
  // Names that begin with two dots are the kubelet's: ..data, and the directory of an update that it leads to.
  return [...steps, directory?.path ?? ''].some((path) => /(^|\/)\.\.[^/.]/.test(path));
}

/**
 * Refuses to change a file through an untrusted symlink, or in a Kubernetes volume: there the change would be lost, and
 * replacing the symlink would detach the pod from its operator.
 *
 * The owner of a symlink decides where it leads. So a symlink must belong to root, to the caller, or to the owner of
 * its target, who could change the target anyway.
 *
 * @param caller the number of the user that acts
 * @throws CANNOT_REPLACE or PERMISSION
 */
export function requireTrustedLinks(way: Way, fs: FileSystem, caller: number): void {
  const [path] = way.steps;
  if (isInKubernetesVolume(way)) {
    throw new ServiceTokensError(
      'CANNOT_REPLACE',
      `could not write [${path}]: it is in a Kubernetes volume (..data), which only Kubernetes may change`,
      { hint: 'Change the Secret that is mounted there.' },
    );
  }
  if (way.links.length === 0 || way.directory === undefined) return;
  const owner = ownerOf(way.target, fs) ?? way.directory.uid;
  const stranger = way.links.find(({ uid }) => ![0, caller, owner].includes(uid));
  if (stranger === undefined) return;
  throw new ServiceTokensError(
    'PERMISSION',
    `untrusted symlink [${stranger.path}]: it belongs neither to root nor to the owner of [${way.target}]`,
    {
      hint: 'Use --file with the path of the target, or create the symlink as root or as the owner of the target.',
    },
  );
}

function ownerOf(path: string, fs: FileSystem): number | undefined {
  try {
    return ifExists(() => fs.lstatSync(path))?.uid;
  } catch (error) {
    throw fileError(error, 'could not read', path);
  }
}
