import process from 'node:process';
import { isMainThread, threadId } from 'node:worker_threads';
import type { FileSystem } from './file-system.js';

/**
 * A process, or a worker thread of one, told apart from every other: a number alone is used again after its process has
 * ended, and means another process in another container.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the kernel's clock ticks since boot; empty where the system does not tell. */
  readonly started: string;
  /**
   * In which numbering of processes (pid namespace) and since which boot of the machine the number holds. A worker
   * thread adds its number: `_t` and the kernel's, or `_w` and Node's where the kernel's can't be had.
   */
  readonly scope: string;
}

/** `foreign`: nobody can tell by its numbers, which mean nothing here (another container or another machine). */
export type Liveness = 'alive' | 'dead' | 'foreign';

const known = new WeakMap<FileSystem, ProcessIdentity>();

/** Identifies this process, or this thread if it is a worker thread. */
export function ownProcess(fs: FileSystem): ProcessIdentity {
  const own = known.get(fs) ?? readOwn(fs);
  known.set(fs, own);
  return own;
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
  const thread = THREAD.exec(scope)?.[0];
  if (thread === undefined) return (startOf(`${pid}`, fs) ?? started) === started ? 'alive' : 'dead';
  if (thread.startsWith('_w')) return 'foreign';
  const startNow = startOf(`${pid}/task/${thread.slice(2)}`, fs);
  if (startNow === undefined && startOf(`${pid}`, fs) === undefined) return 'foreign'; // /proc hides the process
  return startNow === started ? 'alive' : 'dead';
}

/** Whether a process belongs to another container or machine, where its number means nothing to us. */
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

/** Field 22 of proc(5)'s stat; the second field, a name in parentheses, may hold anything. */
function startOf(processOrThread: string, fs: FileSystem): string | undefined {
  return read(() => fs.readFileSync(`/proc/${processOrThread}/stat`, 'utf8'))
    ?.replace(/^.*\)/s, '')
    .split(' ')[20];
}

/** Where nobody can tell the scope there is none that two processes share, save on systems without namespaces. */
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
