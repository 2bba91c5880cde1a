/** What killed processes leave beside a file: orphaned temporary files, candidates for the lock, a stale lock. */
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, type FileSystem, ifExists, ignoreFailure } from './file-system.js';
import { lockPath } from './lock-candidate.js';
import {
  classifyOwner,
  type LockTiming,
  type OwnerState,
  OwnerWatch,
  processOf,
  removeOwner,
  TIMING,
  versionOf,
} from './lock-owner.js';
import { OpenDirectory } from './open-directory.js';

/** What dead processes left beside a file. The next change of the file removes it. */
export interface Leftovers {
  readonly temporaryFiles: readonly string[];
  /** The lock itself, and candidates for it. */
  readonly locks: readonly string[];
}

/**
 * How long a foreign candidate may be in use, in milliseconds. A live process needs it for a few system calls only; one
 * that is stopped for longer finds its candidate gone, and changes nothing.
 */
const CANDIDATE_LIFETIME = 2_000;

/**
 * Finds what dead processes left beside a file, and files that prevent the lock from being acquired. Changes nothing.
 * If the lock belongs to another container, machine or thread, watches it for 1.5 seconds.
 *
 * @throws what a system call throws, if the directory cannot be read
 */
export async function leftovers(
  fs: FileSystem,
  path: string,
  timing: LockTiming = TIMING,
): Promise<Leftovers> {
  // In this order: a file that existed before the lock was seen to be free, and still exists, is not in use.
  const { temporaryFiles, candidates } = namesBeside(fs, path);
  const lock = lockPath(path);
  const dead = await deadOwners(fs, lock, timing);
  const { state, owners } = lookInto(fs, lock); // again: a release leaves an empty directory for a moment
  const isStale = (owner: string) => processOf(owner) === undefined || dead.includes(owner);
  const isHeld = state === 'closed' || (state === 'lock' && !owners.every(isStale));
  return {
    temporaryFiles: isHeld ? [] : temporaryFiles.filter((file) => isFile(fs, file)),
    locks: [
      ...(isHeld || state === 'none' ? [] : [lock]),
      ...candidates
        .filter((candidate) => isOrphan(fs, candidate, Date.now()))
        .map(({ directory }) => directory),
    ],
  };
}

/**
 * Removes orphaned temporary files and candidates. The caller holds the lock on the file.
 *
 * @param now the time by the clock of the file system, in milliseconds
 */
export function removeLeftovers(fs: FileSystem, path: string, now: number): void {
  const { temporaryFiles, candidates } = namesBeside(fs, path);
  // Only the lock owner, this process, uses a temporary file, and it has not made one yet.
  for (const file of temporaryFiles) ignoreFailure(() => isFile(fs, file) && fs.unlinkSync(file));
  for (const { directory, owner } of candidates.filter((each) => isOrphan(fs, each, now))) {
    ignoreFailure(() => removeFrom(fs, directory, [owner]));
  }
}

/** Removes the lock if all its owners are dead, and orphaned candidates; for root, those of every user. */
export async function removeStaleLocks(
  fs: FileSystem,
  path: string,
  timing: LockTiming = TIMING,
): Promise<void> {
  const lock = lockPath(path);
  const dead = await deadOwners(fs, lock, timing);
  ignoreFailure(() => removeFrom(fs, lock, dead));
  for (const { directory, owner } of namesBeside(fs, path).candidates) {
    ignoreFailure(() => isOrphan(fs, { directory, owner }, Date.now()) && removeFrom(fs, directory, [owner]));
  }
}

/** Removes owner files and their directory, but no other file in it or in its place. */
function removeFrom(fs: FileSystem, path: string, owners: readonly string[]): void {
  inLockDirectory(fs, path, (directory) => {
    for (const owner of owners) removeOwner(fs, directory, owner, path);
    directory.removeIfEmpty();
  });
}

interface Candidate {
  readonly directory: string;
  readonly owner: string;
}

function namesBeside(fs: FileSystem, path: string): { temporaryFiles: string[]; candidates: Candidate[] } {
  const directory = dirname(path);
  const [temporary, candidate] = [`.${basename(path)}.`, `.${basename(path)}.lock-`];
  const names = fs.readdirSync(directory);
  return {
    temporaryFiles: names
      .filter(
        (name) => name.startsWith(temporary) && /^[0-9a-f]{18}\.tmp$/.test(name.slice(temporary.length)),
      )
      .map((name) => join(directory, name)),
    candidates: names
      .filter((name) => name.startsWith(candidate) && processOf(name.slice(candidate.length)) !== undefined)
      .map((name) => ({ directory: join(directory, name), owner: name.slice(candidate.length) })),
  };
}

function isOrphan(fs: FileSystem, { directory, owner }: Candidate, now: number): boolean {
  const stat = ifExists(() => fs.lstatSync(directory, { bigint: true }));
  if (!stat?.isDirectory()) return false; // gone, or not made by this tool
  const isOld = Math.abs(now - Number(stat.ctimeMs)) > CANDIDATE_LIFETIME;
  return classifyOwner(fs, owner, () => (isOld ? 'dead' : 'undetermined')) === 'dead';
}

/** `other`: not a directory. `closed`: the caller may not list it. */
type LockState = 'none' | 'lock' | 'other' | 'closed';

function lookInto(
  fs: FileSystem,
  lock: string,
): { readonly state: LockState; readonly owners: readonly string[] } {
  try {
    const owners = inLockDirectory(fs, lock, (directory) => directory.names());
    const isGone = owners.length === 0 && ifExists(() => fs.lstatSync(lock)) === undefined;
    return { state: isGone ? 'none' : 'lock', owners };
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOENT') return { state: 'none', owners: [] };
    return { state: ['ENOTDIR', 'ELOOP'].includes(errno) ? 'other' : 'closed', owners: [] };
  }
}

/** Watches the owners of a lock until each is known to be dead or not. */
async function deadOwners(fs: FileSystem, lock: string, timing: LockTiming): Promise<readonly string[]> {
  const { owners } = lookInto(fs, lock);
  const watch = new OwnerWatch(timing);
  const stateOf = (owner: string): OwnerState =>
    classifyOwner(fs, owner, () => watch.classify(owner, versionIn(fs, lock, owner)));
  for (;;) {
    const states = owners.map(stateOf);
    if (!states.includes('undetermined')) return owners.filter((_, i) => states[i] === 'dead');
    await sleep(timing.heartbeat / 4);
  }
}

function versionIn(fs: FileSystem, lock: string, owner: string): string | undefined {
  try {
    return inLockDirectory(fs, lock, (directory) => versionOf(fs, directory, owner));
  } catch {
    return undefined; // the lock is gone
  }
}

function inLockDirectory<T>(fs: FileSystem, path: string, work: (directory: OpenDirectory) => T): T {
  const directory = new OpenDirectory(fs, path);
  try {
    return work(directory);
  } finally {
    directory.close();
  }
}

function isFile(fs: FileSystem, path: string): boolean {
  return ifExists(() => fs.lstatSync(path))?.isFile() === true;
}
