import process from 'node:process';
import { isMainThread, threadId } from 'node:worker_threads';
import { type FileSystem, ignoreFailure } from './file-system.js';

/**
 * Identifies a process, or a worker thread. The number alone does not: it is reused after the process has ended, and
 * means another process in another container.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** The start time in the kernel's clock ticks since boot; empty if unknown. */
  readonly started: string;
  /** The pid and time namespaces and the boot in which both are valid; a worker thread adds `_w` and its number. */
  readonly scope: string;
}

const known = new WeakMap<FileSystem, ProcessIdentity>();

/** This process, or this thread if it is a worker thread. */
export function ownProcess(fs: FileSystem): ProcessIdentity {
  const thread = isMainThread ? '' : `_w${threadId}`;
  const own = known.get(fs) ?? {
    pid: process.pid,
    started: statusOf('self', fs)?.started ?? '',
    scope: `${readScope(fs)}${thread}`,
  };
  known.set(fs, own);
  return own;
}

/**
 * Whether a process or thread still runs. `foreign`: cannot be determined, because it belongs to another container or
 * machine, or is a worker thread. Uses signal 0, because /proc may hide other users' processes.
 */
export function livenessOf(identity: ProcessIdentity, fs: FileSystem): 'alive' | 'dead' | 'foreign' {
  if (isElsewhere(identity, fs)) return 'foreign';
  const { pid, started, scope } = identity;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const status = statusOf(pid, fs);
  if (status?.hasEnded || (status?.started ?? started) !== started) return 'dead';
  return THREAD.test(scope) ? 'foreign' : 'alive';
}

/** Whether a process belongs to another container or machine, so that its number means nothing here. */
export function isElsewhere({ scope }: ProcessIdentity, fs: FileSystem): boolean {
  return scope.replace(THREAD, '') !== ownProcess(fs).scope.replace(THREAD, '');
}

const THREAD = /_w\d+$/;

/** Fields 3 and 22 of proc(5)'s stat. The second field, a name in parentheses, may contain any character. */
function statusOf(pid: number | 'self', fs: FileSystem) {
  const fields = ignoreFailure(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
    ?.replace(/^.*\)/s, '')
    .split(' ');
  // A zombie has ended, although its number exists until its parent reaps it.
  return fields && { hasEnded: ['Z', 'X'].includes(fields[1] ?? ''), started: fields[20] };
}

/**
 * If the scope cannot be determined, a unique one is used, so that all other processes are foreign; also if /proc is that
 * of another pid namespace, in which our numbers mean other processes. A time namespace shifts the start times.
 */
function readScope(fs: FileSystem): string {
  if (process.platform !== 'linux') return process.platform;
  const isOurs = ignoreFailure(() => fs.readlinkSync('/proc/self')) === String(process.pid);
  const namespaceOf = (kind: string) =>
    ignoreFailure(() => fs.readlinkSync(`/proc/self/ns/${kind}`))?.replace(/\D/g, '');
  const time = namespaceOf('time') ?? ''; // since Linux 5.6
  const namespace = isOurs ? namespaceOf('pid') : undefined;
  const boot = ignoreFailure(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
    ?.replace(/[^0-9a-f]/g, '')
    .slice(0, 12);
  return namespace && boot ? `${namespace}_${time}_${boot}` : `unknown_${process.pid}_${Date.now()}`;
}
