import { refuseModifiers } from '../access/identity.js';
import { repairCommand, repairedAttributes } from '../access/repair-command.js';
import { requireChangeable } from '../access/symlinks.js';
import { groupName, userName } from '../access/system-accounts.js';
import { type Attributes, attributesOf, MAX_FILE_BYTES } from '../disk/atomic-file.js';
import { openRegular, readBounded } from '../disk/bounded-read.js';
import { attempt } from '../disk/file-errors.js';
import { type LockOptions, withLock } from '../disk/file-lock.js';
import { type BigIntStats, type FileSystem, ifExists, sameFile } from '../disk/file-system.js';
import { type Leftovers, removeStaleLocks } from '../disk/lock-leftovers.js';
import { ServiceTokensError } from '../errors.js';
import { LineCursor } from '../tokens-file/file-lines.js';
import { isQualifiedName } from './entry-checks.js';
import { type CheckedFile, leftoversOf } from './file-checks.js';
import { type Finding, finding } from './findings.js';

/**
 * Repairs the owner, group and mode of a tokens file, touches it so that a running node notices (it compares time and
 * size only), and removes stale locks and orphaned temporary files. A file with nothing to repair is not touched. If the
 * server is unknown, owner, group and mode are left alone.
 */
export async function repair(
  file: CheckedFile,
  found: Attributes | undefined,
  { trustDirectory = false, ...options }: LockOptions & { readonly trustDirectory?: boolean | undefined },
): Promise<{ readonly fixed: readonly string[]; readonly refused: readonly Finding[] }> {
  const { resolved, server, naming, fs, asCaller } = file;
  const { target } = resolved;
  const wanted = found && repairedAttributes(server, found, asCaller);
  const left = await leftoversOf(file);
  const before = pathsOf(left);
  if (wanted === undefined && before.length === 0) return { fixed: [], refused: [] };

  const fixed: string[] = [];
  const refused: Finding[] = [];
  try {
    if (!file.isOpened && !trustDirectory) refuseModifiers(resolved, fs);
    if (!(asCaller.geteuid() === 0 && trustDirectory)) requireChangeable(resolved, fs);
    removeStaleLocks(asCaller, left.locks); // root clears those of every user
    await withLock(fs, target, options, async (lock) => {
      lock.assertHeld();
      if (wanted !== undefined) setAttributes(file, trustDirectory, fixed);
    });
  } catch (error) {
    if (!(error instanceof ServiceTokensError) || options.signal?.aborted) throw error;
    // A refusal has its own hint. Do not add the command that does what was refused.
    const canAdvise = error.code === 'PERMISSION' && (asCaller.geteuid() > 0 || naming.isPrivate);
    const byHand =
      found && wanted && canAdvise
        ? `Repair it: ${repairCommand(target, found, wanted, naming, asCaller)}`
        : 'Repair it by hand.';
    refused.push(finding('NOT_FIXED', `--fix failed: ${error.message}`, error.hint ?? byHand));
  }
  const after = pathsOf(await leftoversOf(file)); // taking the lock has removed the rest
  fixed.push(...before.filter((file) => !after.includes(file)).map((file) => `removed [${file}]`));
  return { fixed, refused };
}

function pathsOf({ temporaryFiles, locks }: Leftovers): string[] {
  return [...locks.map(({ path }) => path), ...temporaryFiles];
}

/**
 * Works on the open file, so that the file that is changed is the one that was examined. Correct attributes stay.
 *
 * If another user can change the path, they may have put another file there, for root to give it away. So the file must
 * have one hard link, contain nothing but tokens and, unless the caller trusts these users, belong to root or the server.
 */
function setAttributes(file: CheckedFile, trusts: boolean, fixed: string[]): void {
  const { resolved, server, asCaller: fs } = file;
  const { target } = resolved;
  attempt(fs, 'could not change', target, () => {
    const opened = openRegular(fs, target);
    if (opened.fd === undefined) throw unsafe(target, `it is ${opened.kind}`);
    const { fd, stat } = opened;
    try {
      const before = attributesOf(stat);
      const { uid, gid } = before;
      const wanted = repairedAttributes(server, before, fs);
      if (wanted === undefined) return; // another process has repaired it
      requireSafe(file, trusts, fd, stat);
      // Owner and group first: until they are right, the server may depend on the old mode to read the file.
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
  });
}

/** @throws PERMISSION if the open file may be another one than the tokens file */
function requireSafe(
  { resolved, server, naming, asCaller: fs }: CheckedFile,
  trusts: boolean,
  fd: number,
  stat: BigIntStats,
): void {
  const { target } = resolved;
  if (stat.nlink > 1n) throw unsafe(target, 'it has more than one hard link');
  if (naming.isPrivate) return;
  const { uid } = attributesOf(stat);
  if (!trusts && ![0, server?.uid].includes(uid)) {
    const hint = 'Inspect the file; if it is the right one, use --trust-directory.';
    throw unsafe(target, `it belongs to [${userName(uid, fs)}]`, hint);
  }
  const bytes = readBounded(fs, fd, MAX_FILE_BYTES, Number(stat.size));
  if (bytes.length > MAX_FILE_BYTES || !holdsTokensOnly(bytes)) {
    throw unsafe(target, 'it is not recognizable as a tokens file');
  }
  const named = ifExists(() => fs.lstatSync(target, { bigint: true }));
  if (named === undefined || !sameFile(named, stat))
    throw unsafe(target, 'it was replaced while this command ran');
}

/** Whether all lines are comments, blank, or entries of a valid name. An empty file has nothing to give away. */
function holdsTokensOnly(bytes: Uint8Array): boolean {
  for (const line = new LineCursor(bytes); line.next(); )
    if (line.kind !== 'skipped' && !(line.kind === 'entry' && isQualifiedName(line.key))) return false;
  return true;
}

function unsafe(path: string, reason: string, hint = 'Inspect the file before you change it.') {
  return new ServiceTokensError('PERMISSION', `unsafe to change [${path}]: ${reason}`, { hint });
}

function names({ uid, gid }: Attributes, fs: FileSystem): string {
  return `${userName(uid, fs)}:${groupName(gid, fs)}`;
}

function octal({ mode }: Attributes): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}
