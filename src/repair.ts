import { repairedAttributes } from './access-checks.js';
import { type Attributes, findTarget, followLinks } from './atomic-file.js';
import { ServiceTokensError } from './errors.js';
import { fileError } from './file-errors.js';
import { type LockOptions, withLock } from './file-lock.js';
import { type FileSystem, ifExists, O_NOFOLLOW, O_RDONLY } from './file-system.js';
import { type Finding, finding } from './findings.js';
import { type Remains, removeWaiting } from './lock-remains.js';
import { remainsOf } from './place-checks.js';
import { repairCommand, type Server } from './server-access.js';
import { groupName, userName } from './system-accounts.js';

/** What became of an attempt to repair a file. */
export interface Repair {
  /** What was done, a sentence each. */
  readonly fixed: readonly string[];
  /** What was refused, with the command to do it by hand. */
  readonly refused: readonly Finding[];
}

/**
 * Repairs the owner, group and mode of a tokens file, touches it so that a running node notices (it compares time and
 * size only), and clears away what dead processes left. A file with nothing to repair is not touched.
 *
 * @param path the file, which need not exist
 * @param server whom it is for; undefined leaves the attributes alone
 * @throws what the signal throws
 */
export async function repair(
  path: string,
  server: Server | undefined,
  options: LockOptions,
  fs: FileSystem,
): Promise<Repair> {
  const target = followLinks(fs, path).at(-1) ?? path;
  const found = attributesAt(target, fs);
  const wanted = found && repairedAttributes(server, found);
  const remains = await remainsOf(target, fs, options.pace);
  const before = pathsOf(remains);
  if (wanted === undefined && before.length === 0) return { fixed: [], refused: [] };

  const fixed: string[] = [];
  const refused: Finding[] = [];
  try {
    findTarget(fs, path); // refuses what Kubernetes alone may change, and a link that may be a trap
    await withLock(fs, target, options, async (lock) => {
      lock.assertHeld();
      removeWaiting(fs, target, remains);
      if (wanted !== undefined) setAttributes(target, server, fixed, fs);
    });
  } catch (error) {
    if (!(error instanceof ServiceTokensError) || options.signal?.aborted) throw error;
    const isForbidden = wanted !== undefined && error.code === 'PERMISSION';
    const hint = isForbidden ? `By hand: ${repairCommand(target, wanted, fs, found)}` : error.hint;
    refused.push(
      finding('NOT_FIXED', `--fix did not repair it: ${error.message}`, hint ?? 'Repair it by hand.'),
    );
  }
  const after = pathsOf(await remainsOf(target, fs, options.pace)); // whoever takes the lock clears the rest away
  fixed.push(...before.filter((file) => !after.includes(file)).map((file) => `removed [${file}]`));
  return { fixed, refused };
}

function pathsOf({ temporaryFiles, locks }: Remains): string[] {
  return [...locks, ...temporaryFiles];
}

/** Works on the open file, so that what is changed is what was looked at; what is right already stays. */
function setAttributes(target: string, server: Server | undefined, fixed: string[], fs: FileSystem): void {
  try {
    const fd = fs.openSync(target, O_RDONLY | O_NOFOLLOW);
    try {
      const { uid, gid, mode, nlink } = fs.fstatSync(fd);
      const before = { uid, gid, mode: mode & 0o777 };
      const wanted = repairedAttributes(server, before);
      if (wanted === undefined) return; // somebody else was faster
      if (nlink > 1) {
        throw new ServiceTokensError(
          'PERMISSION',
          `[${target}] has another name (a hard link), so it may be a trap`,
        );
      }
      // In this order: without its owner and group the file must not lose the bits by which the server reads it.
      if (wanted.uid !== uid || wanted.gid !== gid) {
        fs.fchownSync(fd, wanted.uid === uid ? -1 : wanted.uid, wanted.gid === gid ? -1 : wanted.gid);
        fixed.push(`owner and group of [${target}]: ${names(before, fs)} is now ${names(wanted, fs)}`);
      }
      if (wanted.mode !== before.mode) {
        fs.fchmodSync(fd, wanted.mode);
        fixed.push(`mode of [${target}]: ${octal(before)} is now ${octal(wanted)}`);
      }
      const now = new Date();
      fs.futimesSync(fd, now, now);
      fixed.push(`touched [${target}], so that a running node reads it again`);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw fileError(error, 'could not change', target);
  }
}

function attributesAt(path: string, fs: FileSystem): Attributes | undefined {
  try {
    const stat = ifExists(() => fs.statSync(path));
    return stat && { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o777 };
  } catch (error) {
    throw fileError(error, 'could not read', path);
  }
}

function names({ uid, gid }: Attributes, fs: FileSystem): string {
  return `${userName(uid, fs)}:${groupName(gid, fs)}`;
}

function octal({ mode }: Attributes): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}
