/**
 * The lock around read, edit and replace.
 *
 * The lock on `service_tokens` is a directory beside it, `.service_tokens.lock`, that holds one file, the mark. The
 * mark's name says which process holds the lock, and is used once only. An empty directory, or none, is a free lock.
 *
 * - To take it, a process makes a directory of its own with its mark in it, and renames it to the lock's name.
 *   rename(2) replaces a directory only if it is empty: the kernel lets exactly one in, and a lock is never held
 *   without its mark, not for a moment.
 * - To give it back, it unlinks its mark: the lock is free. The empty directory is then removed, if still empty.
 * - To clear the lock of a dead process, anybody unlinks the dead one's mark. Two waiters that both see a stale lock
 *   unlink the same name, which nobody else ever has, so neither can clear a lock that the other has taken since;
 *   both then try to take the lock, and the kernel lets one in.
 *
 * Who is dead? A mark names process number, start time, pid namespace and boot (processes.ts). In one namespace that is
 * exact: a number in use again has another start time, and a stopped process is alive and is never robbed. Between
 * containers that share a volume numbers mean nothing. There a live process changes its mark twice a second, and a mark
 * that stands still while it is watched for 1.5 seconds is a dead one's (lock-marks.ts). A foreign holder that was frozen for that long is robbed; assertHeld, asked just before the
 * rename, makes it fail instead of overwriting.
 *
 * Others who may write in the same directory can exchange whatever is made there, at any moment. So what is made is
 * opened once and used through its descriptor (lock-claim.ts), what others made is opened without following a link
 * (open-directory.ts), and only what has the name of a mark is ever removed.
 *
 * Where the directory can't be written, no lock can be taken, but neither can the file be replaced: the error says so.
 * Readers need no lock, as they see the old file or the new one.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceTokensError } from '../errors.js';
import { fileError } from './file-errors.js';
import { errnoOf, type FileSystem, ignoreFailure } from './file-system.js';
import { LockClaim, lockPath, notALock } from './lock-claim.js';
import {
  forgetMark,
  holderOf,
  isOwn,
  judge,
  type LockPace,
  MarkWatch,
  newMark,
  PACE,
  removeMark,
  stateOf,
} from './lock-marks.js';
import { removeForeignStrays, removeStrays, type Trace } from './lock-remains.js';
import { OpenDirectory } from './open-directory.js';
import { isElsewhere, ownProcess } from './processes.js';

export interface LockOptions {
  /** How long one and the same live holder is waited for, in milliseconds; 10,000 by default. */
  readonly patience?: number | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** The lock's rhythm, on which all must agree who use it. For tests. */
  readonly pace?: LockPace | undefined;
}

/** A lock that is held. */
export interface HeldLock {
  /** @throws LOCKED when another process took this one for dead */
  assertHeld(): void;
}

const PATIENCE = 10_000;
const PATIENCE_WITH_TURNS = 120_000; // milliseconds: so that it ends, whatever others do

/**
 * Does some work while no other process does any on the same file.
 *
 * @param path the file that is changed, with no link in its last part; the lock is in its directory
 * @throws LOCKED when a live process does not let go; CANNOT_REPLACE, PERMISSION or IO when no lock can be made; and
 *   what the work or the signal throws
 */
export async function withLock<T>(
  fs: FileSystem,
  path: string,
  options: LockOptions,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  const { pace = PACE } = options;
  const mark = newMark(fs);
  let claim: LockClaim | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  let foreign: readonly Trace[] = [];
  let result: T;
  try {
    const own = makeClaim(fs, path, mark);
    claim = own;
    heartbeat = setInterval(() => ignoreFailure(() => own.beat()), pace.heartbeat).unref();
    await acquire(fs, path, own, pace, options);
    ignoreFailure(() => {
      foreign = removeStrays(fs, path, own.changedAt());
    });
    result = await work({ assertHeld: () => requireHeld(own, path) });
  } finally {
    clearInterval(heartbeat);
    claim?.release();
    forgetMark(mark);
  }
  await removeForeignStrays(fs, foreign, pace);
  return result;
}

/** The name of a temporary file that is private to the holder of the lock on `path`. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(9).toString('hex')}.tmp`);
}

function makeClaim(fs: FileSystem, path: string, mark: string): LockClaim {
  try {
    return new LockClaim(fs, lockPath(path), mark);
  } catch (error) {
    throw fileError(error, 'could not write', path);
  }
}

async function acquire(
  fs: FileSystem,
  path: string,
  claim: LockClaim,
  pace: LockPace,
  { patience = PATIENCE, signal }: LockOptions,
): Promise<void> {
  const watch = new MarkWatch(pace);
  const start = performance.now();
  let holder = { marks: '', since: start };
  try {
    for (;;) {
      if (claim.take()) return;
      signal?.throwIfAborted();
      const marks = clearDead(fs, lockPath(path), watch);
      if (marks.length === 0 && claim.take()) return;
      const now = performance.now();
      // Patience begins anew whenever the lock has changed hands; what is not a mark is in nobody's hands.
      const held = marks.filter((mark) => holderOf(mark) !== undefined).join();
      if (holder.marks !== held || marks.length === 0) holder = { marks: held, since: now };
      const first = marks.find((mark) => holderOf(mark) !== undefined) ?? marks[0];
      if (first !== undefined && now - holder.since >= patience) throw stillLocked(fs, path, patience, first);
      if (now - start >= Math.max(patience, PATIENCE_WITH_TURNS)) throw tooManyTurns(path, now - start);
      await sleep(pauseAfter(now - start, pace));
    }
  } catch (error) {
    throw fileError(error, 'could not write', path);
  }
}

/** Who has waited for long looks less often, so that many waiters leave the processor to those that work. */
function pauseAfter(waited: number, { poll: { least, most } }: LockPace): number {
  const longest = Math.min(Math.max(5 * least, waited / 10), most);
  return least + Math.random() * (longest - least);
}

/** Removes the marks of dead processes from a lock. @returns the names of the others */
function clearDead(fs: FileSystem, lock: string, watch: MarkWatch): string[] {
  const directory = openLock(fs, lock);
  if (directory === undefined) return [];
  try {
    return directory.names().filter((mark) => {
      const verdict = judge(fs, mark, () => watch.judge(mark, stateOf(fs, directory, mark)?.text));
      if (verdict !== 'dead') return true;
      removeMark(fs, directory, mark, join(lock, mark));
      return false;
    });
  } finally {
    directory.close();
  }
}

function openLock(fs: FileSystem, lock: string): OpenDirectory | undefined {
  try {
    return new OpenDirectory(fs, lock);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOENT') return undefined;
    throw ['ENOTDIR', 'ELOOP'].includes(errno) ? notALock(lock) : error;
  }
}

function requireHeld(claim: LockClaim, path: string): void {
  let isHeld: boolean;
  try {
    isHeld = claim.isHeld();
  } catch (error) {
    throw fileError(error, 'could not lock', path);
  }
  if (isHeld) return;
  throw new ServiceTokensError('LOCKED', `lost the lock on [${path}]: another process removed it`, {
    hint: 'A process in another container removes the lock if this process is paused for 1.5 seconds. Run the command again.',
  });
}

function stillLocked(fs: FileSystem, path: string, patience: number, mark: string): ServiceTokensError {
  const holder = holderOf(mark);
  if (holder === undefined) {
    const entry = join(lockPath(path), mark);
    return new ServiceTokensError('LOCKED', `[${entry}] does not belong in a lock directory`, {
      hint: `Remove [${entry}].`,
    });
  }
  const { pid } = holder;
  const [who, waitFor] = isElsewhere(holder, fs)
    ? [`a process of another container or machine (number ${pid} there)`, 'it']
    : pid !== ownProcess(fs).pid
      ? [`process ${pid}`, `process ${pid}`]
      : isOwn(holder, fs)
        ? ['another task of this process', 'it']
        : ['another thread of this process', 'it'];
  return new ServiceTokensError(
    'LOCKED',
    `could not lock [${path}]: ${who} has held the lock for ${patience / 1000} seconds`,
    { hint: `Wait for ${waitFor} to finish, or stop it.` },
  );
}

function tooManyTurns(path: string, waited: number): ServiceTokensError {
  const seconds = Math.floor(waited / 1000);
  return new ServiceTokensError(
    'LOCKED',
    `could not lock [${path}]: other processes have held the lock in turn for ${seconds} seconds`,
    { hint: 'Run the command again when fewer processes change the file.' },
  );
}
