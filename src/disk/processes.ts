import process from 'node:process';
import { isMainThread, threadId } from 'node:worker_threads';
import type { FileSystem } from './file-system.js';

/**
 * Identifies a process, or a worker thread. The number alone does not: it is reused after the process has ended, and
 * means another process in another container.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** The start time in the kernel's clock ticks since boot; empty if unknown. */
  readonly started: string;
  /**
   * The pid namespace and the boot of the machine for which the number is valid. A worker thread adds its number: `_t`
   * and the kernel's, or `_w` and Node's if the kernel's is unknown.
   */
  readonly scope: string;
}

/** `foreign`: cannot be determined, because the number belongs to another container or machine. */
export type Liveness = 'alive' | 'dead' | 'foreign';

const known = new WeakMap<FileSystem, ProcessIdentity>();

/** Identifies this process, or this thread if it is a worker thread. */
export function ownProcess(fs: FileSystem): ProcessIdentity {
  const own = known.get(fs) ?? readOwn(fs);
  known.set(fs, own);
  return own;
}

/** Determines whether a process or thread still runs. Uses signal 0, because /proc may hide other users' processes. */
export function livenessOf(identity: ProcessIdentity, fs: FileSystem): Liveness {
  if (isElsewhere(identity, fs)) return 'foreign';
  const { pid, started, scope } = identity;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const thread = THREAD.exec(scope)?.[0];
  if (thread === undefined) return (startOf(`${pid}`, fs) ?? started) === started ? 'alive' : 'dead';
  if (thread.startsWith('_w')) return 'foreign';
  const startNow = startOf(`${pid}/task/${thread.slice(2)}`, fs);
  if (startNow === undefined && startOf(`${pid}`, fs) === undefined) return 'foreign'; // /proc hides the process
  return startNow === started ? 'alive' : 'dead';
}

/** Whether a process belongs to another container or machine, so that its number means nothing here. */
export function isElsewhere({ scope }: ProcessIdentity, fs: FileSystem): boolean {
  return withoutThread(scope) !== withoutThread(ownProcess(fs).scope);
}

const THREAD = /_[tw]\d+$/;

function withoutThread(scope: string): string {
  return scope.replace(THREAD, '');
}

function readOwn(fs: FileSystem): ProcessIdentity {
  const { pid } = process;
  const scope = readScope(fs);
  if (isMainThread) return { pid, started: startOf('self', fs) ?? '', scope };
  const thread = read(() => fs.readlinkSync('/proc/thread-self'))?.replace(/^.*\//, '');
  const started = thread && startOf(`self/task/${thread}`, fs);
  return started
    ? { pid, started, scope: `${scope}_t${thread}` }
    : { pid, started: startOf('self', fs) ?? '', scope: `${scope}_w${threadId}` };
}

/** Field 22 of proc(5)'s stat. The second field, a name in parentheses, may contain any character. */
function startOf(processOrThread: string, fs: FileSystem): string | undefined {
  return read(() => fs.readFileSync(`/proc/${processOrThread}/stat`, 'utf8'))
    ?.replace(/^.*\)/s, '')
    .split(' ')[20];
}

/** If the scope cannot be determined, a unique one is used, so that all other processes are foreign. */
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
