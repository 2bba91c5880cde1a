/** The marks in a lock directory: who made them, and whether that process is dead. */
import { randomBytes } from 'node:crypto';
import { ServiceTokensError } from '../errors.js';
import {
  errnoOf,
  type FileSystem,
  ifExists,
  ignoreFailure,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
} from './file-system.js';
import type { OpenDirectory } from './open-directory.js';
import { type Liveness, livenessOf, ownProcess, type ProcessIdentity } from './processes.js';

/** The timing of a lock, in milliseconds. All users of a lock must use the same; tests have their own. */
export interface LockPace {
  /** How often a waiter or holder changes its mark. */
  readonly heartbeat: number;
  /** How long a foreign mark must not change to count as stale: at least three heartbeats. */
  readonly deadline: number;
  /** The pause between two polls of a held lock, random so that waiters do not poll at the same time. */
  readonly poll: { readonly least: number; readonly most: number };
}

export const PACE: LockPace = { heartbeat: 500, deadline: 1_500, poll: { least: 5, most: 200 } };

/** The marks that this thread uses. Any other mark of this thread is left over from a release that failed. */
const marksInUse = new Set<string>();

/** Makes a unique name for a mark. Call forgetMark after the lock was released. */
export function newMark(fs: FileSystem): string {
  const mark = `${nameOf(ownProcess(fs))}-${randomBytes(6).toString('hex')}`;
  marksInUse.add(mark);
  return mark;
}

export function forgetMark(mark: string): void {
  marksInUse.delete(mark);
}

/** The process that a mark identifies; undefined for a name that is not a mark's. */
export function holderOf(mark: string): ProcessIdentity | undefined {
  const [, pid, started, scope] = /^(\d+)-(\d*)-(\w+)-[0-9a-f]{12}$/.exec(mark) ?? [];
  if (pid === undefined || started === undefined || scope === undefined) return undefined;
  return { pid: Number(pid), started, scope };
}

/** Whether a mark belongs to this thread. */
export function isOwn(holder: ProcessIdentity, fs: FileSystem): boolean {
  return nameOf(holder) === nameOf(ownProcess(fs));
}

function nameOf({ pid, started, scope }: ProcessIdentity): string {
  return `${pid}-${started}-${scope}`;
}

/** `unsure`: foreign, and not watched for long enough. `unknown`: not a mark of this tool. */
export type Verdict = 'alive' | 'dead' | 'unsure' | 'unknown';

/**
 * Determines whether a mark's process is dead. Within one pid namespace the answer is exact and immediate.
 *
 * @param watch gives the verdict on a foreign mark
 * @param known a cache of the processes, since one process may have many marks
 */
export function judge(
  fs: FileSystem,
  mark: string,
  watch: () => Verdict,
  known: Map<string, Liveness> = new Map(),
): Verdict {
  const holder = holderOf(mark);
  if (holder === undefined) return 'unknown';
  if (isOwn(holder, fs)) return marksInUse.has(mark) ? 'alive' : 'dead';
  const liveness = known.get(nameOf(holder)) ?? livenessOf(holder, fs);
  known.set(nameOf(holder), liveness);
  return liveness === 'foreign' ? watch() : liveness;
}

/**
 * Watches foreign marks. A live process changes its mark with every heartbeat, so a mark that does not change while it
 * is watched is stale. Only the watcher's clock is used: those of containers and file servers differ.
 */
export class MarkWatch {
  readonly #pace: LockPace;
  readonly #clock: () => number;
  readonly #seen = new Map<string, { state: string; isStirring: boolean; still: number; at: number }>();

  constructor(pace: LockPace, clock: () => number = () => performance.now()) {
    this.#pace = pace;
    this.#clock = clock;
  }

  /** @param state the present state of the mark; undefined if it is gone, so that there is nothing to clear */
  judge(mark: string, state: string | undefined): Verdict {
    const before = this.#seen.get(mark);
    if (state === undefined) {
      this.#seen.delete(mark);
      return 'alive';
    }
    const at = this.#clock();
    const isStill = before?.state === state;
    // The time between two polls counts as one heartbeat at most: watcher and holder may have been stopped together.
    const still = isStill ? before.still + Math.min(at - before.at, this.#pace.heartbeat) : 0;
    const isStirring = before !== undefined && (before.isStirring || !isStill);
    this.#seen.set(mark, { state, isStirring, still, at });
    if (still >= this.#pace.deadline) return 'dead';
    return isStirring ? 'alive' : 'unsure';
  }
}

/** The state of a mark, as a text that differs after every change, and the time of the last change. */
export interface MarkState {
  readonly text: string;
  /** In milliseconds, by the clock of the file system. */
  readonly changedAt: number;
}

/**
 * Reads the state of a mark. The mark is opened, because NFS asks the server only then; lstat may use a cache.
 *
 * @returns undefined if it is gone
 */
export function stateOf(fs: FileSystem, directory: OpenDirectory, mark: string): MarkState | undefined {
  const path = directory.within(mark);
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
  }
  if (fd === undefined) return describe(ifExists(() => fs.lstatSync(path, { bigint: true })));
  try {
    return describe(fs.fstatSync(fd, { bigint: true }));
  } finally {
    const opened = fd;
    ignoreFailure(() => fs.closeSync(opened));
  }
}

type Times = Record<'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs' | 'mtimeMs', bigint>;

export function describe(stat: Times | undefined): MarkState | undefined {
  if (stat === undefined) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs } = stat;
  return { text: [dev, ino, size, mtimeNs, ctimeNs].join(), changedAt: Number(mtimeMs) };
}

/**
 * Removes a stale mark, even if it is not a regular file: a symlink is removed and not followed.
 *
 * @throws LOCKED if it is a directory that is not empty
 */
export function removeMark(fs: FileSystem, directory: OpenDirectory, mark: string, path: string): void {
  const at = directory.within(mark);
  const isDirectory = ifExists(() => fs.lstatSync(at))?.isDirectory();
  try {
    ifExists(() => (isDirectory ? fs.rmdirSync(at) : fs.unlinkSync(at)));
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
    throw new ServiceTokensError(
      'LOCKED',
      `[${path}] does not belong in a lock directory: it is a directory that is not empty`,
      {
        hint: `Remove [${path}].`,
        cause: error,
      },
    );
  }
}
