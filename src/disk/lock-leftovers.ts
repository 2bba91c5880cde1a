/** What killed processes leave beside a file: orphaned temporary files, candidates for the lock, a stale lock. */
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FileSystem, hasErrno, ifExists, ignoreFailure } from './file-system.js';
import { lockPath } from './lock-candidate.js';
import { classifyOwner, type LockTiming, OwnerWatch, processOf, removeOwner, TIMING } from './lock-owner.js';
import { inDirectoryAt } from './open-directory.js';

/** What dead processes left beside a file. The next change of the file removes it. */
export interface Leftovers {
  readonly temporaryFiles: readonly string[];
  /** The lock itself, and candidates for it. */
  readonly locks: readonly StaleLock[];
}

/** A lock, or a candidate for it, that no live process uses. */
export interface StaleLock {
  readonly path: string;
  /** The owner files of dead processes. */
  readonly owners: readonly string[];
}

/**
 * How long a foreign candidate may be in use, in milliseconds. A live process needs it for a few system calls only; one
 * that is stopped for longer finds its candidate gone, and changes nothing.
 */
const CANDIDATE_LIFETIME = 2_000;

/**
 * Finds what dead processes left beside a file, and files that prevent the lock from being acquired. Changes nothing.
 * If the lock belongs to another container, machine or thread, watches it for 1.5 seconds.
 */
export async function leftovers(fs: FileSystem, path: string, timing = TIMING): Promise<Leftovers> {
  // In this order: a file that existed before the lock was seen to be free, and still exists, is not in use.
  const { temporaryFiles, candidates } = namesBeside(fs, path);
  const lock = lockPath(path);
  const dead = await deadOwners(fs, lock, timing);
  const owners = namesIn(fs, lock); // again: a release leaves an empty directory for a moment
  const isHeld = owners?.some((owner) => processOf(owner) !== undefined && !dead.includes(owner));
  return {
    temporaryFiles: isHeld ? [] : temporaryFiles.filter((file) => isFile(fs, file)),
    locks: [
      ...(isHeld || owners === undefined ? [] : [{ path: lock, owners: dead }]),
      ...candidates.filter((candidate) => isOrphan(fs, candidate, Date.now())),
    ],
  };
}

/** Removes orphans. The caller holds the lock. @param now in milliseconds, by the clock of the file system */
export function removeLeftovers(fs: FileSystem, path: string, now: number): void {
  const { temporaryFiles, candidates } = namesBeside(fs, path);
  // Only the lock owner, this process, uses a temporary file, and it has not made one yet.
  for (const file of temporaryFiles) ignoreFailure(() => isFile(fs, file) && fs.unlinkSync(file));
  const orphans = candidates.filter((each) => isOrphan(fs, each, now));
  removeStaleLocks(fs, orphans);
}

/** Removes owner files of dead processes and their directories, but no other file in one or in its place. */
export function removeStaleLocks(fs: FileSystem, locks: readonly StaleLock[]): void {
  for (const { path, owners } of locks) {
    ignoreFailure(() =>
      inDirectoryAt(fs, path, (directory) => {
        for (const owner of owners) removeOwner(fs, directory, owner, path);
        directory.removeIfEmpty();
      }),
    );
  }
}

function namesBeside(fs: FileSystem, path: string) {
  const prefix = `.${basename(path)}.`;
  const names = fs.readdirSync(dirname(path)).filter((name) => name.startsWith(prefix));
  const rests = names.map((name) => name.slice(prefix.length));
  const pathOf = (rest: string) => join(dirname(path), `${prefix}${rest}`);
  return {
    temporaryFiles: rests.filter((rest) => /^[0-9a-f]{18}\.tmp$/.test(rest)).map(pathOf),
    candidates: rests.flatMap((rest): StaleLock[] => {
      const owner = /^lock-(.*)$/s.exec(rest)?.[1] ?? '';
      return processOf(owner) === undefined ? [] : [{ path: pathOf(rest), owners: [owner] }];
    }),
  };
}

function isOrphan(fs: FileSystem, { path, owners: [owner = ''] }: StaleLock, now: number): boolean {
  const stat = ifExists(() => fs.lstatSync(path, { bigint: true }));
  if (!stat?.isDirectory()) return false; // gone, or not made by this tool
  const isOld = Math.abs(now - Number(stat.ctimeMs)) > CANDIDATE_LIFETIME;
  return classifyOwner(fs, owner, () => (isOld ? 'dead' : 'undetermined')) === 'dead';
}

/** The names in the lock; none if it is not a directory; undefined if there is no lock. */
function namesIn(fs: FileSystem, lock: string): readonly string[] | undefined {
  try {
    const names = inDirectoryAt(fs, lock, (directory) => directory.names());
    return names.length === 0 ? ifExists(() => fs.lstatSync(lock)) && names : names;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    if (hasErrno(error, 'ENOTDIR', 'ELOOP')) return [];
    throw error;
  }
}

/** Watches the owners of a lock until each is known to be dead or not. */
async function deadOwners(fs: FileSystem, lock: string, timing: LockTiming): Promise<readonly string[]> {
  const owners = namesIn(fs, lock) ?? [];
  const watch = new OwnerWatch(timing);
  const watched = (owner: string) =>
    ignoreFailure(() => inDirectoryAt(fs, lock, (directory) => watch.stateOf(fs, directory, owner))) ??
    'gone';
  const stateOf = (owner: string) => classifyOwner(fs, owner, () => watched(owner));
  for (;;) {
    const states = owners.map(stateOf);
    if (!states.includes('undetermined')) return owners.filter((_, i) => states[i] === 'dead');
    await sleep(timing.heartbeat / 4);
  }
}

function isFile(fs: FileSystem, path: string): boolean {
  return ifExists(() => fs.lstatSync(path))?.isFile() === true;
}
