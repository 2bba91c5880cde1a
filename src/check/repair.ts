import { type Entered, refuseWriters } from '../access/identity.js';
import { repairCommand, type Server } from '../access/server-access.js';
import { groupName, userName } from '../access/system-accounts.js';
import { isOwnWay, requireTrustedLinks, type Way } from '../access/way.js';
import { type Attributes, MAX_FILE_BYTES } from '../disk/atomic-file.js';
import { openRegular, readBounded } from '../disk/bounded-read.js';
import { fileError } from '../disk/file-errors.js';
import { type LockOptions, withLock } from '../disk/file-lock.js';
import { errnoOf, type FileSystem, ifExists, O_NOFOLLOW, O_RDONLY, type Stats } from '../disk/file-system.js';
import { type Remains, removeWaiting } from '../disk/lock-remains.js';
import { ServiceTokensError } from '../errors.js';
import { isTokenName } from '../token/token-name.js';
import { type Line, readLines } from '../tokens-file/tokens-lines.js';
import { repairedAttributes } from './access-checks.js';
import { type Finding, finding } from './findings.js';
import { remainsOf } from './place-checks.js';

/** What became of an attempt to repair a file. */
export interface Repair {
  /** What was done, a sentence each. */
  readonly fixed: readonly string[];
  /** What was refused, with the command to do it by hand. */
  readonly refused: readonly Finding[];
}

/** A file that may be repaired, and as whom. */
export interface Repairable {
  readonly way: Way;
  /** For whom it is repaired; undefined leaves the attributes alone. */
  readonly server: Server | undefined;
  /** Makes calls as root, where the process acts as somebody else. */
  readonly asRoot: Entered['asRoot'];
  /** The user that started the command. */
  readonly caller: number;
  /** Whether the process has entered the file's directory, as somebody who may be there. */
  readonly isEntered: boolean;
}

/**
 * Repairs the owner, group and mode of a tokens file, touches it so that a running node notices (it compares time and
 * size only), and clears away what dead processes left. A file with nothing to repair is not touched.
 *
 * @throws what the signal throws
 */
export async function repair(
  file: Repairable,
  { trustDirectory = false, ...options }: LockOptions & { readonly trustDirectory?: boolean | undefined },
  fs: FileSystem,
): Promise<Repair> {
  const { way, server, caller } = file;
  const { target } = way;
  const found = attributesAt(target, fs);
  const wanted = found && repairedAttributes(server, found);
  const remains = await remainsOf(target, fs, options.pace);
  const before = pathsOf(remains);
  if (wanted === undefined && before.length === 0) return { fixed: [], refused: [] };

  const fixed: string[] = [];
  const refused: Finding[] = [];
  try {
    if (!file.isEntered && !trustDirectory) refuseWriters(way, fs);
    if (!(caller === 0 && trustDirectory)) requireTrustedLinks(way, fs, fs.geteuid());
    await withLock(fs, target, options, async (lock) => {
      lock.assertHeld();
      removeWaiting(fs, target, remains);
      if (wanted !== undefined) file.asRoot(() => setAttributes(file, fixed, fs));
    });
  } catch (error) {
    if (!(error instanceof ServiceTokensError) || options.signal?.aborted) throw error;
    const canCopy = wanted !== undefined && error.code === 'PERMISSION' && isOwnWay(way, caller);
    // A refusal has a hint of its own: it must not be followed by the command that does what was refused.
    const hint =
      error.hint ?? (canCopy ? `Repair it: ${repairCommand(target, wanted, fs, found)}` : undefined);
    refused.push(finding('NOT_FIXED', `--fix failed: ${error.message}`, hint ?? 'Repair it by hand.'));
  }
  const after = pathsOf(await remainsOf(target, fs, options.pace)); // whoever takes the lock clears the rest away
  fixed.push(...before.filter((file) => !after.includes(file)).map((file) => `removed [${file}]`));
  return { fixed, refused };
}

function pathsOf({ temporaryFiles, locks }: Remains): string[] {
  return [...locks, ...temporaryFiles];
}

/**
 * Works on the open file, so that what is changed is what was looked at; what is right already stays.
 *
 * Where somebody else can change the way, a file of root's may have been put there for root to give it away. So it must
 * be root's or that somebody's, have one name, and hold what only a tokens file holds.
 */
function setAttributes(file: Repairable, fixed: string[], fs: FileSystem): void {
  const {
    way: { target },
    server,
  } = file;
  try {
    const opened = openRegular(fs, target, O_RDONLY | O_NOFOLLOW);
    if (opened.fd === undefined) throw trap(target, `it is ${opened.kind}`);
    const { fd, stat } = opened;
    try {
      const { uid, gid } = stat;
      const before = { uid, gid, mode: stat.mode & 0o777 };
      const wanted = repairedAttributes(server, before);
      if (wanted === undefined) return; // somebody else was faster
      requireNoTrap(file, fd, stat, fs);
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
    if (errnoOf(error) === 'ELOOP') throw trap(target, 'it is a symlink');
    throw fileError(error, 'could not change', target);
  }
}

/** @throws PERMISSION where the open file may not be what its owner believes */
function requireNoTrap({ way, server, caller }: Repairable, fd: number, stat: Stats, fs: FileSystem): void {
  const { target } = way;
  if (stat.nlink > 1) throw trap(target, 'it has more than one hard link');
  if (isOwnWay(way, caller)) return;
  if (![0, server?.uid].includes(stat.uid)) throw trap(target, `it belongs to [${userName(stat.uid, fs)}]`);
  const bytes = readBounded(fs, fd, MAX_FILE_BYTES, stat.size);
  if (bytes.length > MAX_FILE_BYTES || !holdsTokensOnly(bytes)) {
    throw trap(target, 'it is not recognizable as a tokens file');
  }
  const named = ifExists(() => fs.lstatSync(target));
  if (named?.ino !== stat.ino || named.dev !== stat.dev)
    throw trap(target, 'it was replaced while this command ran');
}

function isOrdinary({ verdict, key = '' }: Line): boolean {
  const [namespace = '', service = '', name = '', ...more] = key.split('/');
  const isName = [namespace, service, name].every(isTokenName) && more.length === 0;
  return verdict === 'skipped' || (verdict === 'entry' && isName);
}

/** Whether there is at least one line, and all are comments, blank, or entries of a valid name. */
function holdsTokensOnly(bytes: Uint8Array): boolean {
  for (const line of readLines(bytes)) if (!isOrdinary(line)) return false;
  return bytes.length > 0;
}

function trap(path: string, reason: string): ServiceTokensError {
  return new ServiceTokensError('PERMISSION', `unsafe to change [${path}]: ${reason}`, {
    hint: 'Inspect the file before you change it.',
  });
}

function attributesAt(path: string, fs: FileSystem): Attributes | undefined {
  try {
    const stat = ifExists(() => fs.lstatSync(path));
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
