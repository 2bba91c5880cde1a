/** The owner file in a lock directory: which process made it, and whether that process is dead. */
import { randomBytes } from 'node:crypto';
import { ServiceTokensError } from '../errors.js';
import { type FileSystem, hasErrno, ifExists, ignoreFailure, O } from './file-system.js';
import type { OpenDirectory } from './open-directory.js';
import { livenessOf, ownProcess, type ProcessIdentity } from './processes.js';

/** In milliseconds. All users of a lock must use the same; tests have their own. */
export interface LockTiming {
  /** How often a lock owner changes its owner file. */
  readonly heartbeat: number;
  /** How long a foreign owner file must not change to count as stale: at least three heartbeats. */
  readonly deadline: number;
  /** The pause between two polls of a held lock, random so that waiters do not poll at the same time. */
  readonly poll: { readonly least: number; readonly most: number };
}

export const TIMING: LockTiming = { heartbeat: 500, deadline: 1_500, poll: { least: 5, most: 200 } };

/** The owner files that this thread uses. Any other of this thread is left over from a release that failed. */
export const ownersInUse = new Set<string>();

/** A unique name for an owner file. */
export function newOwner(fs: FileSystem): string {
  return `${nameOf(ownProcess(fs))}-${randomBytes(6).toString('hex')}`;
}

/** The process that an owner file identifies; undefined for a name that is not that of an owner file. */
export function processOf(owner: string): ProcessIdentity | undefined {
  const [, pid, started = '', scope = ''] = /^(\d+)-(\d*)-(\w+)-[0-9a-f]{12}$/.exec(owner) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), started, scope };
}

export function isThisThread(identity: ProcessIdentity, fs: FileSystem): boolean {
  return nameOf(identity) === nameOf(ownProcess(fs));
}

function nameOf({ pid, started, scope }: ProcessIdentity): string {
  return `${pid}-${started}-${scope}`;
}

/**
 * What is known of an owner file: its process is alive or dead; the file is gone; `undetermined`: foreign, and not
 * watched for long enough; `unknown`: not an owner file of this tool.
 */
type OwnerState = 'alive' | 'dead' | 'gone' | 'undetermined' | 'unknown';

/** Within one pid namespace the answer is exact and immediate. @param classifyForeign answers for other processes */
export function classifyOwner(fs: FileSystem, owner: string, classifyForeign: () => OwnerState): OwnerState {
  const identity = processOf(owner);
  if (identity === undefined) return 'unknown';
  if (isThisThread(identity, fs)) return ownersInUse.has(owner) ? 'alive' : 'dead';
  const liveness = livenessOf(identity, fs);
  return liveness === 'foreign' ? classifyForeign() : liveness;
}

/**
 * Watches foreign owner files. A live process changes its owner file with every heartbeat, so one that does not change
 * while it is watched is stale. Only the watcher's clock is used: those of containers and file servers differ.
 */
export class OwnerWatch {
  readonly #timing: LockTiming;
  readonly #clock: () => number;
  readonly #seen = new Map<
    string,
    { version: string; hasChanged: boolean; unchangedFor: number; at: number }
  >();

  constructor(timing: LockTiming, clock: () => number = () => performance.now()) {
    this.#timing = timing;
    this.#clock = clock;
  }

  stateOf(fs: FileSystem, directory: OpenDirectory, owner: string): OwnerState {
    return classifyOwner(fs, owner, () => this.classify(owner, versionOf(fs, directory, owner)));
  }

  /** @param version as versionOf returns it */
  classify(owner: string, version: string | undefined): OwnerState {
    const before = this.#seen.get(owner);
    if (version === undefined) {
      this.#seen.delete(owner);
      return 'gone';
    }
    const at = this.#clock();
    const isSame = before?.version === version;
    // The time between two polls counts as one heartbeat at most: watcher and owner may have been stopped together.
    const unchangedFor = isSame ? before.unchangedFor + Math.min(at - before.at, this.#timing.heartbeat) : 0;
    const hasChanged = before !== undefined && (before.hasChanged || !isSame);
    this.#seen.set(owner, { version, hasChanged, unchangedFor, at });
    if (unchangedFor >= this.#timing.deadline) return 'dead';
    return hasChanged ? 'alive' : 'undetermined';
  }
}

/**
 * A text that differs after every change of an owner file; undefined if it is gone. The file is opened, because NFS asks
 * the server only then; lstat may use a cache.
 */
function versionOf(fs: FileSystem, directory: OpenDirectory, owner: string): string | undefined {
  const path = directory.within(owner);
  const fd = ignoreFailure(() => fs.openSync(path, O.RDONLY | O.NONBLOCK | O.NOFOLLOW));
  try {
    const stat =
      fd === undefined
        ? ifExists(() => fs.lstatSync(path, { bigint: true }))
        : fs.fstatSync(fd, { bigint: true });
    return stat && [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join();
  } finally {
    if (fd !== undefined) ignoreFailure(() => fs.closeSync(fd));
  }
}

export function notOfALock(path: string, reason = ''): ServiceTokensError {
  const message = `[${path}] does not belong in a lock directory${reason}`;
  return new ServiceTokensError('LOCKED', message, { hint: `Remove [${path}].` });
}

/** Removes a stale owner file, also if it is a symlink or a directory. @throws LOCKED for one that is not empty */
export function removeOwner(fs: FileSystem, directory: OpenDirectory, owner: string, path: string): void {
  const at = directory.within(owner);
  const isDirectory = ifExists(() => fs.lstatSync(at))?.isDirectory();
  try {
    ifExists(() => (isDirectory ? fs.rmdirSync(at) : fs.unlinkSync(at)));
  } catch (error) {
    if (hasErrno(error, 'ENOTDIR', 'EISDIR')) return; // it was exchanged meanwhile: the next poll looks again
    if (!hasErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    throw notOfALock(path, ': it is a directory that is not empty');
  }
}
