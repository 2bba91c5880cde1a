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
 * containers that share a volume numbers mean nothing: there the holder writes into its mark twice a second, and a mark
 * that is older than 1.5 seconds, by the file system's own clock, is a dead one's. A foreign holder that was frozen for
 * that long is robbed; assertHeld, asked just before the rename, makes it fail instead of overwriting.
 *
 * Where the directory can't be written, no lock can be taken, but neither can the file be replaced: the error says so.
 * Readers need no lock, as they see the old file or the new one.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceTokensError } from './errors.js';
import { fileError } from './file-errors.js';
import {
  errnoOf,
  type FileSystem,
  ifExists,
  ignoreFailure,
  ignoreRefusal,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
} from './file-system.js';
import { livenessOf, ownProcess, type ProcessIdentity } from './processes.js';

export interface LockOptions {
  /** How long a live holder is waited for, in milliseconds. */
  readonly patience?: number | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** A lock that is held. */
export interface HeldLock {
  /** @throws LOCKED when another process took this one for dead */
  assertHeld(): void;
}

const PATIENCE = 10_000;
const POLL = { least: 5, most: 25 }; // milliseconds; at random, so that waiters do not march in step
const HEARTBEAT = 500;
const FOREIGN_DEADLINE = 1_500; // three heartbeats
const FOREIGN_STRAY = 60_000; // a waiter has no heartbeat, but its patience ends long before

/** The marks that this process waits or works with: another one with its name is left from a release that failed. */
const marksInUse = new Set<string>();

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
  { patience = PATIENCE, signal }: LockOptions,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  const lock = lockPath(path);
  const mark = `${nameOf(ownProcess(fs))}-${randomBytes(6).toString('hex')}`;
  const held = join(lock, mark);
  let heartbeat: NodeJS.Timeout | undefined;
  marksInUse.add(mark);
  try {
    await acquire(fs, path, mark, patience, signal);
    heartbeat = setInterval(() => ignoreFailure(() => beat(fs, held)), HEARTBEAT).unref();
    ignoreFailure(() => removeStrays(fs, path, held));
    return await work({
      assertHeld() {
        if (exists(fs, held, path)) return;
        throw new ServiceTokensError(
          'LOCKED',
          `the lock on [${path}] was lost: this process stood still for too long`,
        );
      },
    });
  } finally {
    clearInterval(heartbeat);
    marksInUse.delete(mark);
    if (heartbeat) release(fs, lock, held);
  }
}

/** The name of a temporary file that is private to the holder of the lock on `path`. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(9).toString('hex')}.tmp`);
}

/** What killed processes may have left beside a file, and what living ones use there. */
export function strays(
  fs: FileSystem,
  path: string,
): { temporaryFiles: string[]; lockDirectories: string[] } {
  const prefix = `.${basename(path)}.`;
  const names = fs.readdirSync(dirname(path)).filter((name) => name.startsWith(prefix));
  const pathsLike = (pattern: RegExp) =>
    names.filter((name) => pattern.test(name.slice(prefix.length))).map((name) => join(dirname(path), name));
  return { temporaryFiles: pathsLike(/^[0-9a-f]{18}\.tmp$/), lockDirectories: pathsLike(/^lock-\d+-/) };
}

/** What dead processes left beside a file. The next change of the file clears it away. */
export interface Remains {
  readonly temporaryFiles: readonly string[];
  readonly locks: readonly string[];
}

/**
 * Finds what dead processes left beside a file, and what no process can lock past. It only looks.
 *
 * @throws what a system call throws, where the directory can't be read
 */
export function remains(fs: FileSystem, path: string): Remains {
  // In this order: what was there before the lock was seen free, and is there afterwards, is in nobody's use.
  const { temporaryFiles, lockDirectories } = strays(fs, path);
  const lock = lockPath(path);
  const state = stateOf(fs, lock);
  return {
    temporaryFiles: state === 'held' ? [] : temporaryFiles.filter((file) => exists(fs, file, path)),
    locks: [
      ...(state === 'stale' ? [lock] : []),
      ...lockDirectories.filter((own) => isLeft(fs, own.slice(lock.length + 1), own)),
    ],
  };
}

function stateOf(fs: FileSystem, lock: string): 'free' | 'held' | 'stale' {
  try {
    const marks = ifExists(() => fs.readdirSync(lock));
    // An empty one is also what a release leaves for a moment: look twice.
    const still = marks?.length === 0 ? ifExists(() => fs.readdirSync(lock)) : marks;
    if (still === undefined) return 'free';
    const isStale = (mark: string) => holderOf(mark) === undefined || isLeft(fs, mark, join(lock, mark));
    return still.every(isStale) ? 'stale' : 'held';
  } catch (error) {
    return errnoOf(error) === 'ENOTDIR' ? 'stale' : 'held'; // who may not look can't tell
  }
}

/** Whether a mark's process is dead and did not take the mark away before it ended. */
function isLeft(fs: FileSystem, mark: string, trace: string): boolean {
  return isDead(fs, mark, trace, undefined, FOREIGN_STRAY) && exists(fs, trace, trace);
}

function lockPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.lock`);
}

async function acquire(
  fs: FileSystem,
  path: string,
  mark: string,
  patience: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const lock = lockPath(path);
  const own = `${lock}-${mark}`;
  try {
    makeLockDirectory(fs, own, mark);
    const giveUpAt = performance.now() + patience;
    while (!tryRename(fs, own, lock)) {
      signal?.throwIfAborted();
      const [holder] = clearDead(fs, lock, join(own, mark));
      if (holder === undefined) continue;
      if (performance.now() >= giveUpAt) throw stillLocked(path, patience, holder);
      await sleep(POLL.least + Math.random() * (POLL.most - POLL.least));
    }
  } catch (error) {
    ignoreFailure(() => fs.unlinkSync(join(own, mark)));
    ignoreFailure(() => fs.rmdirSync(own));
    throw fileError(error, 'could not write', path);
  }
}

function release(fs: FileSystem, lock: string, held: string): void {
  ignoreFailure(() => fs.unlinkSync(held));
  ignoreFailure(() => fs.rmdirSync(lock)); // not empty when the next one is in already
}

/** Who may write in the directory may also clear a dead lock: the lock gets the directory's own owner, group and mode. */
function makeLockDirectory(fs: FileSystem, own: string, mark: string): void {
  fs.mkdirSync(own, 0o700);
  ignoreRefusal(() => fs.chmodSync(own, 0o700)); // where the umask has taken the owner's bits away
  const fd = fs.openSync(join(own, mark), O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    ignoreRefusal(() => fs.fchmodSync(fd, 0o600));
  } finally {
    fs.closeSync(fd);
  }
  const { uid, gid, mode } = fs.statSync(dirname(own));
  const born = fs.statSync(own);
  if (uid !== born.uid) ignoreRefusal(() => fs.chownSync(own, uid, -1));
  if (gid !== born.gid) ignoreRefusal(() => fs.chownSync(own, -1, gid));
  ignoreRefusal(() => fs.chmodSync(own, (mode & 0o1777) | 0o700));
}

function tryRename(fs: FileSystem, own: string, lock: string): boolean {
  try {
    fs.renameSync(own, lock);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false;
    if (errnoOf(error) === 'ENOTDIR') throw noLock(lock);
    throw error;
  }
}

/** Unlinks the marks of dead processes. @returns the names of the others */
function clearDead(fs: FileSystem, lock: string, ownMark: string): string[] {
  const marks = ifExists(() => fs.readdirSync(lock)) ?? [];
  return marks.filter((mark) => {
    if (!isDead(fs, mark, join(lock, mark), ownMark, FOREIGN_DEADLINE)) return true;
    ifExists(() => fs.unlinkSync(join(lock, mark)));
    return false;
  });
}

/**
 * @param trace what shows the mark's age, where its process is foreign
 * @param ownMark undefined for who has none, and writes nothing: the machine's clock must do then
 * @param deadline the age, in milliseconds, at which a foreign process is taken for dead
 */
function isDead(
  fs: FileSystem,
  mark: string,
  trace: string,
  ownMark: string | undefined,
  deadline: number,
): boolean {
  const holder = holderOf(mark);
  if (holder === undefined) return false;
  if (nameOf(holder) === nameOf(ownProcess(fs))) return !marksInUse.has(mark);
  const liveness = livenessOf(holder, fs);
  if (liveness !== 'foreign') return liveness === 'dead';
  // The file system's clock may be another machine's: compare two times of its own.
  if (ownMark !== undefined) beat(fs, ownMark);
  const now = ownMark === undefined ? Date.now() : fs.statSync(ownMark).mtimeMs;
  const last = ifExists(() => fs.statSync(trace).mtimeMs);
  return last === undefined || now - last > deadline;
}

function beat(fs: FileSystem, mark: string): void {
  const fd = fs.openSync(mark, O_WRONLY);
  try {
    fs.writeSync(fd, '.', 0);
  } finally {
    fs.closeSync(fd);
  }
}

/** Under the lock no temporary file is in use but its holder's own, which has none yet. */
function removeStrays(fs: FileSystem, path: string, ownMark: string): void {
  const { temporaryFiles, lockDirectories } = strays(fs, path);
  for (const file of temporaryFiles) ignoreFailure(() => fs.unlinkSync(file));
  for (const directory of lockDirectories) {
    ignoreFailure(() => {
      const mark = directory.slice(lockPath(path).length + 1);
      if (!isDead(fs, mark, directory, ownMark, FOREIGN_STRAY)) return;
      for (const name of fs.readdirSync(directory)) fs.unlinkSync(join(directory, name));
      fs.rmdirSync(directory);
    });
  }
}

function exists(fs: FileSystem, mark: string, path: string): boolean {
  try {
    return ifExists(() => fs.lstatSync(mark)) !== undefined;
  } catch (error) {
    throw fileError(error, 'could not lock', path);
  }
}

function nameOf({ pid, started, scope }: ProcessIdentity): string {
  return `${pid}-${started}-${scope}`;
}

function holderOf(mark: string): ProcessIdentity | undefined {
  const [, pid, started, scope] = /^(\d+)-(\d*)-(\w+)-[0-9a-f]{12}$/.exec(mark) ?? [];
  if (pid === undefined || started === undefined || scope === undefined) return undefined;
  return { pid: Number(pid), started, scope };
}

function stillLocked(path: string, patience: number, mark: string): ServiceTokensError {
  const holder = holderOf(mark);
  if (holder === undefined) return noLock(join(lockPath(path), mark));
  const seconds = patience / 1000;
  return new ServiceTokensError(
    'LOCKED',
    `could not lock [${path}]: process ${holder.pid} has held the lock for ${seconds} seconds`,
    {
      hint: 'It is alive: wait for it to end, or end it. Nothing needs to be cleaned up.',
    },
  );
}

function noLock(path: string): ServiceTokensError {
  return new ServiceTokensError('LOCKED', `[${path}] is no lock, and stands where one should be`, {
    hint: `Remove [${path}].`,
  });
}
