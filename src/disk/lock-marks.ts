/** The marks in a lock directory: whose they are, and whether their process is dead. */
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

/** The rhythm of a lock. All that use one lock must agree on it; tests have their own. All in milliseconds. */
export interface LockPace {
  /** How often a process that waits or works shows that it is alive. */
  readonly heartbeat: number;
  /** How long a foreign mark must stand still to be taken for a dead one: no less than three heartbeats. */
  readonly deadline: number;
  /** Between two looks at a lock that is held: at random, so that waiters do not march in step. */
  readonly poll: { readonly least: number; readonly most: number };
}

export const PACE: LockPace = { heartbeat: 500, deadline: 1_500, poll: { least: 5, most: 200 } };

/** The marks that this thread waits or works with: another one with its name is left from a release that failed. */
const marksInUse = new Set<string>();

/** Makes a name for a mark that nobody else ever has. To be forgotten when its lock has been given back. */
export function newMark(fs: FileSystem): string {
  const mark = `${nameOf(ownProcess(fs))}-${randomBytes(6).toString('hex')}`;
  marksInUse.add(mark);
  return mark;
}

export function forgetMark(mark: string): void {
  marksInUse.delete(mark);
}

/** Whose a mark is; undefined for a name that is not a mark's. */
export function holderOf(mark: string): ProcessIdentity | undefined {
  const [, pid, started, scope] = /^(\d+)-(\d*)-(\w+)-[0-9a-f]{12}$/.exec(mark) ?? [];
  if (pid === undefined || started === undefined || scope === undefined) return undefined;
  return { pid: Number(pid), started, scope };
}

/** Whether a mark is this very thread's. */
export function isOwn(holder: ProcessIdentity, fs: FileSystem): boolean {
  return nameOf(holder) === nameOf(ownProcess(fs));
}

function nameOf({ pid, started, scope }: ProcessIdentity): string {
  return `${pid}-${started}-${scope}`;
}

/** `unsure`: a foreign one, not watched long enough. `unknown`: not a mark of this tool. */
export type Verdict = 'alive' | 'dead' | 'unsure' | 'unknown';

/**
 * Says whether a mark's process is dead. In one pid namespace that is exact, and at once.
 *
 * @param watch asked only of a foreign mark: what its watch says
 * @param known what was found out a moment ago, since one process may have many marks
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
 * Watches foreign marks. A live process changes its mark with every heartbeat, so one that stands still while it is
 * watched is a dead one's. No clock but the watcher's own is read: those of containers and file servers differ.
 */
export class MarkWatch {
  readonly #pace: LockPace;
  readonly #clock: () => number;
  readonly #seen = new Map<string, { state: string; isStirring: boolean; still: number; at: number }>();

  constructor(pace: LockPace, clock: () => number = () => performance.now()) {
    this.#pace = pace;
    this.#clock = clock;
  }

  /** @param state how the mark looks now; undefined when it is gone, and then there is nothing to clear */
  judge(mark: string, state: string | undefined): Verdict {
    const before = this.#seen.get(mark);
    if (state === undefined) {
      this.#seen.delete(mark);
      return 'alive';
    }
    const at = this.#clock();
    const isStill = before?.state === state;
    // The time in which nobody looked counts for one heartbeat at most: watcher and holder may have been stopped together.
    const still = isStill ? before.still + Math.min(at - before.at, this.#pace.heartbeat) : 0;
    const isStirring = before !== undefined && (before.isStirring || !isStill);
    this.#seen.set(mark, { state, isStirring, still, at });
    if (still >= this.#pace.deadline) return 'dead';
    return isStirring ? 'alive' : 'unsure';
  }
}

/** How a mark looks, as a text that any change of it changes, and when that was. */
export interface MarkState {
  readonly text: string;
  /** In milliseconds, by the clock of the file system. */
  readonly changedAt: number;
}

/**
 * Looks at a mark. It is opened, because NFS asks the server only then, and lstat might answer from a cache.
 *
 * @returns undefined when it is gone
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
 * Removes a dead mark, whatever stands under its name: a link is removed and not followed.
 *
 * @throws LOCKED when it is a directory with something in it
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
