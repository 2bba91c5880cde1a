/** What killed processes leave beside a file: orphaned temporary files, the directories of waiters, a stale lock. */
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, type FileSystem, ifExists, ignoreFailure } from './file-system.js';
import { lockPath } from './lock-claim.js';
import {
  describe,
  holderOf,
  judge,
  type LockPace,
  type MarkState,
  MarkWatch,
  PACE,
  removeMark,
  stateOf,
  type Verdict,
} from './lock-marks.js';
import { OpenDirectory } from './open-directory.js';
import type { Liveness } from './processes.js';

/** What dead processes left beside a file. The next change of the file removes it. */
export interface Remains {
  readonly temporaryFiles: readonly string[];
  /** The lock itself, and the directories of waiters. */
  readonly locks: readonly string[];
}

/**
 * In milliseconds. By the clock of the file system, a live process's mark is as new as our own. Marks of about that age
 * are left for later, so that containers that change a file often do not have to watch each other's marks.
 */
const MAY_BE_LIVE = 60_000;

/**
 * Finds what dead processes left beside a file, and files that prevent the lock from being acquired. Changes nothing.
 * If there is a mark of another container, machine or thread, watches it for 1.5 seconds.
 *
 * @throws what a system call throws, if the directory cannot be read
 */
export async function remains(fs: FileSystem, path: string, pace: LockPace = PACE): Promise<Remains> {
  // In this order: a file that existed before the lock was seen to be free, and still exists, is not in use.
  const { temporaryFiles, waiting } = strays(fs, path);
  const lock = lockPath(path);
  const inLock = lookInto(fs, lock).marks.map((mark) => ({ directory: lock, mark }));
  const dead = await deadAmong(fs, [...inLock, ...waiting], pace);
  const isStale = (mark: string) =>
    holderOf(mark) === undefined || dead.some((trace) => trace.directory === lock && trace.mark === mark);
  const { state, marks } = lookInto(fs, lock); // again: a release leaves an empty directory for a moment
  const isHeld = state === 'closed' || (state === 'lock' && !marks.every(isStale));
  return {
    temporaryFiles: isHeld ? [] : temporaryFiles.filter((file) => isFile(fs, file)),
    locks: [
      ...(isHeld || state === 'none' ? [] : [lock]),
      ...waiting
        .filter((trace) => dead.includes(trace) && isDirectory(fs, trace.directory))
        .map(({ directory }) => directory),
    ],
  };
}

/**
 * Removes the directories of dead waiters. The caller holds the lock. Acquiring it has already removed the stale mark
 * and the temporary files.
 */
export function removeWaiting(fs: FileSystem, path: string, { locks }: Remains): void {
  ignoreFailure(() => {
    for (const trace of strays(fs, path).waiting) if (locks.includes(trace.directory)) removeStray(fs, trace);
  });
}

/** Removes temporary files that killed processes left beside a file, for the holder of the lock that guards the file. */
export function removeTemporaryFiles(fs: FileSystem, path: string): void {
  ignoreFailure(() => {
    for (const file of strays(fs, path).temporaryFiles) {
      ignoreFailure(() => isFile(fs, file) && fs.unlinkSync(file));
    }
  });
}

/**
 * Removes the temporary name that a file still has beside its own, as a process that was killed between createFile's
 * two steps leaves it. Needs no lock: a live process that is there finds its second step done.
 */
export function removeSecondName(fs: FileSystem, path: string): void {
  const { dev, ino, nlink } = fs.lstatSync(path);
  if (nlink < 2) return;
  for (const file of strays(fs, path).temporaryFiles) {
    const stat = ifExists(() => fs.lstatSync(file));
    if (stat?.dev === dev && stat.ino === ino) ignoreFailure(() => fs.unlinkSync(file));
  }
}

/**
 * Removes what killed processes left, without waiting. The caller holds the lock.
 *
 * @param now the time by the clock of the file system, in milliseconds
 * @returns foreign directories that may be left over, too: they have to be watched
 */
export function removeStrays(fs: FileSystem, path: string, now: number): Trace[] {
  const { temporaryFiles, waiting } = strays(fs, path);
  // Only the lock holder, this process, uses a temporary file, and it has not made one yet.
  for (const file of temporaryFiles) ignoreFailure(() => isFile(fs, file) && fs.unlinkSync(file));
  const foreign: Trace[] = [];
  const known = new Map<string, Liveness>();
  for (const trace of waiting) {
    const verdict = judge(fs, trace.mark, () => 'unsure', known);
    if (verdict === 'dead') removeStray(fs, trace);
    if (verdict === 'unsure') foreign.push(trace);
  }
  return foreign.filter((trace) => {
    const changedAt = traceState(fs, trace)?.changedAt;
    return changedAt !== undefined && Math.abs(now - changedAt) > MAY_BE_LIVE;
  });
}

/** Watches foreign directories for 1.5 seconds and removes those of dead processes. Needs no lock. */
export async function removeForeignStrays(
  fs: FileSystem,
  strays: readonly Trace[],
  pace: LockPace,
): Promise<void> {
  for (const trace of await deadAmong(fs, strays, pace)) removeStray(fs, trace);
}

/** A mark, and the directory that contains or contained it. */
export interface Trace {
  readonly directory: string;
  readonly mark: string;
}

function strays(fs: FileSystem, path: string): { temporaryFiles: string[]; waiting: Trace[] } {
  const directory = dirname(path);
  const [temporary, waiting] = [`.${basename(path)}.`, `.${basename(path)}.lock-`];
  const names = fs.readdirSync(directory);
  return {
    temporaryFiles: names
      .filter(
        (name) => name.startsWith(temporary) && /^[0-9a-f]{18}\.tmp$/.test(name.slice(temporary.length)),
      )
      .map((name) => join(directory, name)),
    waiting: names
      .filter((name) => name.startsWith(waiting) && holderOf(name.slice(waiting.length)) !== undefined)
      .map((name) => ({ directory: join(directory, name), mark: name.slice(waiting.length) })),
  };
}

/** `other`: not a directory. `closed`: the caller may not list it. */
type Look = { readonly state: 'none' | 'lock' | 'other' | 'closed'; readonly marks: readonly string[] };

function lookInto(fs: FileSystem, lock: string): Look {
  try {
    const marks = inDirectory(fs, lock, (directory) => directory.names());
    const isGone = marks.length === 0 && ifExists(() => fs.lstatSync(lock)) === undefined;
    return { state: isGone ? 'none' : 'lock', marks };
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOENT') return { state: 'none', marks: [] };
    return { state: ['ENOTDIR', 'ELOOP'].includes(errno) ? 'other' : 'closed', marks: [] };
  }
}

async function deadAmong(fs: FileSystem, traces: readonly Trace[], pace: LockPace): Promise<Trace[]> {
  const watch = new MarkWatch(pace);
  for (;;) {
    const verdicts = traces.map((trace) => verdictOn(fs, trace, watch));
    if (!verdicts.includes('unsure')) return traces.filter((_, i) => verdicts[i] === 'dead');
    await sleep(pace.heartbeat / 4);
  }
}

function verdictOn(fs: FileSystem, trace: Trace, watch: MarkWatch): Verdict {
  return judge(fs, trace.mark, () =>
    watch.judge(join(trace.directory, trace.mark), traceState(fs, trace)?.text),
  );
}

/** The state of the mark, or of the directory if the mark does not exist. */
function traceState(fs: FileSystem, { directory: path, mark }: Trace): MarkState | undefined {
  try {
    return inDirectory(
      fs,
      path,
      (directory) => stateOf(fs, directory, mark) ?? describe(fs.fstatSync(directory.fd, { bigint: true })),
    );
  } catch {
    return undefined; // gone, or not made by this tool
  }
}

/** Removes a directory and its mark, but no other file in it or in its place. */
function removeStray(fs: FileSystem, { directory: path, mark }: Trace): void {
  ignoreFailure(() =>
    inDirectory(fs, path, (directory) => {
      removeMark(fs, directory, mark, path);
      directory.removeIfEmpty();
    }),
  );
}

function inDirectory<T>(fs: FileSystem, path: string, work: (directory: OpenDirectory) => T): T {
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

function isDirectory(fs: FileSystem, path: string): boolean {
  return ifExists(() => fs.lstatSync(path))?.isDirectory() === true;
}
