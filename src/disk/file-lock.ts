/**
 * The lock that is held while a file is read, edited and replaced.
 *
 * The lock on `service_tokens` is a directory beside it, `.service_tokens.lock`, that contains one file, the mark. The
 * mark's name identifies the lock holder and is never used again. An empty or missing directory is a free lock.
 *
 * - To acquire the lock, a process makes a directory of its own that contains its mark, and renames it to the lock.
 *   rename(2) replaces a directory only if it is empty: only one process succeeds, and a lock that is held always
 *   contains its mark.
 * - To release the lock, the holder unlinks its mark, and then removes the directory if it is still empty.
 * - To clear a stale lock, any process unlinks the mark of the dead process. Two waiters that see the same stale lock
 *   unlink the same unique name, so neither can clear a lock that the other has acquired since. Both then try to
 *   acquire the lock, and one succeeds.
 *
 * A mark contains the process number, start time, pid namespace and boot of its holder (processes.ts). Within one pid
 * namespace this is exact: a reused number has another start time, and a stopped process keeps its lock. Between
 * containers that share a volume, process numbers mean nothing. There a live process changes its mark twice a second,
 * and a mark that does not change while it is watched for 1.5 seconds is stale (lock-marks.ts). A holder in another
 * container that is frozen for that long loses its lock; assertHeld, called just before the rename, makes it fail.
 *
 * Other users who may write in the directory can exchange anything in it at any moment. So what this process makes is
 * opened once and used through its descriptor (lock-claim.ts), what others made is opened without following symlinks
 * (open-directory.ts), and only files with the name of a mark are removed.
 *
 * If the directory is not writable, the lock cannot be acquired, but the file could not be replaced either. Readers
 * need no lock: they see the old file or the new one.
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
  /** How long to wait for one live lock holder, in milliseconds; 10,000 by default. */
  readonly patience?: number | undefined;
  /** Aborts the wait. */
  readonly signal?: AbortSignal | undefined;
  /** The timing of the lock, which must be the same for all its users. For tests. @internal */
  readonly pace?: LockPace | undefined;
}

/** A lock that this process holds. */
export interface HeldLock {
  /** @throws LOCKED if another process has cleared the lock as stale */
  assertHeld(): void;
}

const PATIENCE = 10_000;
const PATIENCE_WITH_TURNS = 120_000; // milliseconds; bounds the wait even if the lock keeps changing hands

/**
 * Does some work while it holds the lock on a file.
 *
 * @param path the file to change, without a symlink in its last part; the lock is in its directory
 * @throws LOCKED if a live process does not release the lock; CANNOT_REPLACE, PERMISSION or IO if no lock can be made;
 *   what the work throws; the signal's reason
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

/** A random name for a temporary file of the holder of the lock on `path`. */
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
      // The wait starts over whenever the lock has changed hands. Only marks count: other files have no holder.
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

/** The longer a waiter has waited, the less often it polls, so that many waiters do not slow down the holder. */
function pauseAfter(waited: number, { poll: { least, most } }: LockPace): number {
  const longest = Math.min(Math.max(5 * least, waited / 10), most);
  return least + Math.random() * (longest - least);
}

/** Removes the marks of dead processes from a lock. @returns the names of the others. */
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
