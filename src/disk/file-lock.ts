/**
 * The lock that is held while a file is read, edited and replaced.
 *
 * The lock on `service_tokens` is a directory beside it, `.service_tokens.lock`, that contains one file, the owner file.
 * Its name identifies the lock owner and is never used again. An empty or missing directory is a free lock.
 *
 * - To acquire a lock that looks free, a process makes a candidate, a directory that contains its owner file, and renames
 *   it to the lock. rename(2) replaces a directory only if it is empty: only one process succeeds, and a lock that is
 *   held always contains its owner file. A process that does not succeed removes its candidate before it waits.
 * - To release the lock, the owner unlinks its owner file, and then removes the directory if it is still empty.
 * - To clear a stale lock, any process unlinks the owner file of the dead process. Two waiters that see the same stale
 *   lock unlink the same unique name, so neither can clear a lock that the other has acquired since.
 *
 * The name of an owner file has the process number, start time, pid and time namespace and boot of its process
 * (processes.ts). Within one pid namespace this is exact: a reused number has another start time, and a stopped process
 * keeps its lock. Between containers that share a volume, process numbers mean nothing. There a live owner changes its
 * owner file twice a second, and one that does not change while it is watched for 1.5 seconds is stale (lock-owner.ts).
 * An owner in another container that is frozen for that long loses its lock; assertHeld, called just before the rename,
 * makes it fail.
 *
 * Other users who may write in the directory can exchange anything in it at any moment. So what this process makes is
 * opened once and used through its descriptor (lock-candidate.ts), what others made is opened without following symlinks
 * (open-directory.ts), and only files with the name of an owner file are removed.
 *
 * If the directory is not writable, the lock cannot be acquired, but the file could not be replaced either. Readers
 * need no lock: they see the old file or the new one.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceTokensError } from '../errors.js';
import { attempt } from './file-errors.js';
import { type FileSystem, hasErrno, ignoreFailure } from './file-system.js';
import { type AcquiredLock, lockPath, notALock, tryToAcquire } from './lock-candidate.js';
import { removeLeftovers } from './lock-leftovers.js';
import {
  isThisThread,
  type LockTiming,
  newOwner,
  notOfALock,
  OwnerWatch,
  ownersInUse,
  processOf,
  removeOwner,
  TIMING,
} from './lock-owner.js';
import { inDirectoryAt, type OpenDirectory } from './open-directory.js';
import { isElsewhere, ownProcess } from './processes.js';

export interface LockOptions {
  /** How long to wait for one live lock holder, in milliseconds; 10,000 by default. */
  readonly patience?: number | undefined;
  /** Aborts the wait. */
  readonly signal?: AbortSignal | undefined;
  /** For tests. @internal */
  readonly timing?: LockTiming | undefined;
}

export interface HeldLock {
  /** @throws LOCKED if another process has cleared the lock as stale */
  assertHeld(): void;
}

const PATIENCE = 10_000;
const PATIENCE_WITH_TURNS = 120_000; // milliseconds; bounds the wait even if the lock keeps changing hands

/**
 * Does some work while it holds the lock on a file, which is in the directory of the file.
 *
 * @param path without a symlink in its last part
 * @throws LOCKED if a live process does not release the lock; CANNOT_REPLACE, PERMISSION or IO if no lock can be made;
 *   what the work throws; the signal's reason
 */
export async function withLock<T>(
  fs: FileSystem,
  path: string,
  options: LockOptions,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  const { timing = TIMING } = options;
  const owner = fs.together(() => newOwner(fs));
  ownersInUse.add(owner);
  try {
    const lock = await acquire(fs, path, owner, timing, options);
    const heartbeat = setInterval(() => ignoreFailure(() => lock.heartbeat()), timing.heartbeat).unref();
    try {
      ignoreFailure(() => fs.together(() => removeLeftovers(fs, path, lock.changedAt())));
      return await work({ assertHeld: () => requireHeld(fs, lock, path) });
    } finally {
      clearInterval(heartbeat);
      fs.together(() => lock.release());
    }
  } finally {
    ownersInUse.delete(owner);
  }
}

/** A random name for a temporary file of the owner of the lock on a file. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(9).toString('hex')}.tmp`);
}

async function acquire(
  fs: FileSystem,
  path: string,
  owner: string,
  timing: LockTiming,
  { patience = PATIENCE, signal }: LockOptions,
): Promise<AcquiredLock> {
  const lock = lockPath(path);
  const watch = new OwnerWatch(timing);
  const start = performance.now();
  let turn = { owners: '', since: start };
  for (;;) {
    const { entries, held } = attempt(fs, 'could not write', path, () => {
      const found = clearDead(fs, lock, watch);
      return { entries: found, held: found.length > 0 ? undefined : tryToAcquire(fs, lock, owner) };
    });
    if (held !== undefined) return held;
    signal?.throwIfAborted();
    const now = performance.now();
    // The wait starts over whenever the lock has changed hands. Only owner files count: other files have no owner.
    const owners = entries.filter((entry) => processOf(entry) !== undefined);
    if (turn.owners !== owners.join() || entries.length === 0) turn = { owners: owners.join(), since: now };
    const [first = entries[0]] = owners;
    // Nobody removes another file, unless it is an unlinked owner file that NFS keeps under another name while it is open.
    const limit = owners.length > 0 ? patience : Math.min(patience, timing.deadline);
    if (first !== undefined && now - turn.since >= limit) throw stillLocked(fs, path, patience, first);
    if (now - start >= Math.max(patience, PATIENCE_WITH_TURNS)) throw tooManyTurns(path, now - start);
    await sleep(pauseAfter(now - start, timing));
  }
}

/** The longer a waiter has waited, the less often it polls, so that many waiters do not slow down the owner. */
function pauseAfter(waited: number, { poll: { least, most } }: LockTiming): number {
  const longest = Math.min(Math.max(5 * least, waited / 10), most);
  return least + Math.random() * (longest - least);
}

/** Removes the owner files of dead processes from a lock. @returns the names of what else is in it */
function clearDead(fs: FileSystem, lock: string, watch: OwnerWatch): string[] {
  try {
    return inDirectoryAt(fs, lock, (directory) =>
      directory.names().filter((entry) => {
        const state = watch.stateOf(fs, directory, entry);
        if (state === 'dead') clear(fs, directory, lock, entry);
        return state !== 'dead' && state !== 'gone';
      }),
    );
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw hasErrno(error, 'ENOTDIR', 'ELOOP') ? notALock(lock) : error;
  }
}

function clear(fs: FileSystem, directory: OpenDirectory, lock: string, owner: string): void {
  try {
    removeOwner(fs, directory, owner, join(lock, owner));
  } catch (cause) {
    if (!hasErrno(cause, 'EACCES', 'EPERM')) throw cause;
    const user = fs.fstatSync(directory.fd).uid;
    const fact = `could not clear the lock [${lock}] of process ${processOf(owner)?.pid}, which has ended`;
    const hint = 'Root or that user can clear it, with the command check --fix.';
    throw new ServiceTokensError('LOCKED', `${fact}: it belongs to user ${user}`, { hint, cause });
  }
}

function requireHeld(fs: FileSystem, lock: AcquiredLock, path: string): void {
  if (attempt(fs, 'could not lock', path, () => lock.isHeld())) return;
  throw new ServiceTokensError('LOCKED', `lost the lock on [${path}]: another process removed it`, {
    hint: 'A process in another container removes the lock if this process is paused for 1.5 seconds. Run the command again.',
  });
}

function stillLocked(fs: FileSystem, path: string, patience: number, entry: string): ServiceTokensError {
  const holder = processOf(entry);
  if (holder === undefined) return notOfALock(join(lockPath(path), entry));
  const { pid } = holder;
  const [who, waitFor = 'it'] = isElsewhere(holder, fs)
    ? [`a process of another container or machine (number ${pid} there)`]
    : pid !== ownProcess(fs).pid
      ? [`process ${pid}`, `process ${pid}`]
      : [`another ${isThisThread(holder, fs) ? 'task' : 'thread'} of this process`];
  const fact = `could not lock [${path}]: ${who} has held the lock for ${patience / 1000} seconds`;
  const hint = `Wait for ${waitFor} to finish, or stop it.`;
  return new ServiceTokensError('LOCKED', fact, { hint });
}

function tooManyTurns(path: string, waited: number): ServiceTokensError {
  const seconds = Math.floor(waited / 1000);
  const fact = `could not lock [${path}]: other processes have held the lock in turn for ${seconds} seconds`;
  const hint = 'Run the command again when fewer processes change the file.';
  return new ServiceTokensError('LOCKED', fact, { hint });
}
