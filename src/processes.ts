import process from 'node:process';
import { isMainThread, threadId } from 'node:worker_threads';
import type { FileSystem } from './file-system.js';

/**
 * A thread of a process, told apart from every other: a process number alone is used again after its process has
 * ended, and means another process in another container.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the kernel's clock ticks since boot; empty where the system does not tell. */
  readonly started: string;
  /**
   * In which numbering of processes (pid namespace) and since which boot of the machine the number holds; for a worker
   * thread also its number, as in `4026531836_0123456789ab_t3`.
   */
  readonly scope: string;
}

/**
 * `foreign`: nobody can tell by its number, because it belongs to another container or machine, or because it names a
 * thread, which may end before its process does.
 */
export type Liveness = 'alive' | 'dead' | 'foreign';

/** Identifies this thread of this process. */
export function ownProcess(fs: FileSystem): ProcessIdentity {
  const scope = isMainThread ? ownScope(fs) : `${ownScope(fs)}_t${threadId}`;
  return { pid: process.pid, started: statOf('self', fs)?.started ?? '', scope };
}

/** The number of the user as whom this process makes files; undefined where the system has no such numbers. */
export function ownUser(): number | undefined {
  return process.geteuid?.();
}

/** Says whether a process or thread still runs; signal 0 is asked because /proc may hide other users' processes. */
export function livenessOf(identity: ProcessIdentity, fs: FileSystem): Liveness {
  if (isElsewhere(identity, fs)) return 'foreign';
  const { pid, started, scope } = identity;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const stat = statOf(String(pid), fs);
  if (stat && stat.started !== started) return 'dead';
  const isAnotherThread = pid === process.pid && scope !== ownProcess(fs).scope;
  if (!isAnotherThread && !THREAD.test(scope)) return 'alive';
  return stat?.isStopped ? 'alive' : 'foreign'; // a stopped thread gives no sign of life, but is alive
}

/** Whether a process belongs to another container or machine, where its number means nothing to us. */
export function isElsewhere({ scope }: ProcessIdentity, fs: FileSystem): boolean {
  return scope.replace(THREAD, '') !== ownScope(fs);
}

const THREAD = /_t\d+$/;

/** Fields 3 and 22 of proc(5)'s stat; the second field, a name in parentheses, may hold anything. */
function statOf(
  pid: string,
  fs: FileSystem,
): { isStopped: boolean; started: string | undefined } | undefined {
  const fields = read(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
    ?.replace(/^.*\)/s, '')
    .split(' ');
  return fields && { isStopped: /^t$/i.test(fields[1] ?? ''), started: fields[20] };
}

const scopes = new WeakMap<FileSystem, string>();

/** Where nobody can tell the scope there is none that two processes share, save on systems without namespaces. */
function ownScope(fs: FileSystem): string {
  const known = scopes.get(fs);
  if (known !== undefined) return known;
  const scope = readScope(fs);
  scopes.set(fs, scope);
  return scope;
}

function readScope(fs: FileSystem): string {
  if (process.platform !== 'linux') return process.platform;
  const namespace = read(() => fs.readlinkSync('/proc/self/ns/pid'))?.replace(/\D/g, '');
  const boot = read(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
    ?.replace(/[^0-9a-f]/g, '')
    .slice(0, 12);
  return namespace && boot ? `${namespace}_${boot}` : `unknown_${process.pid}_${Date.now()}`;
}

function read(call: () => string): string | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
