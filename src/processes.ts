import process from 'node:process';
import type { FileSystem } from './file-system.js';

/**
 * A process, told apart from every other: a number alone is used again after its process has ended, and means another
 * process in another container.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the kernel's clock ticks since boot; empty where the system does not tell. */
  readonly started: string;
  /** In which numbering of processes (pid namespace) and since which boot of the machine the number holds. */
  readonly scope: string;
}

/** `foreign`: its number means nothing here (another container or another machine), so nobody can tell. */
export type Liveness = 'alive' | 'dead' | 'foreign';

/** Identifies this process. */
export function ownProcess(fs: FileSystem): ProcessIdentity {
  return { pid: process.pid, started: startOf('self', fs) ?? '', scope: ownScope(fs) };
}

/** Says whether a process still runs; signal 0 is asked because /proc may hide other users' processes. */
export function livenessOf({ pid, started, scope }: ProcessIdentity, fs: FileSystem): Liveness {
  if (scope !== ownScope(fs)) return 'foreign';
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  return (startOf(String(pid), fs) ?? started) === started ? 'alive' : 'dead';
}

/** Field 22 of proc(5)'s stat; the second field, a name in parentheses, may hold anything. */
function startOf(pid: string, fs: FileSystem): string | undefined {
  return read(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
    ?.replace(/^.*\)/s, '')
    .split(' ')[20];
}

let scope: string | undefined;

/** Where nobody can tell the scope there is none that two processes share, save on systems without namespaces. */
function ownScope(fs: FileSystem): string {
  scope ??= (() => {
    if (process.platform !== 'linux') return process.platform;
    const namespace = read(() => fs.readlinkSync('/proc/self/ns/pid'))?.replace(/\D/g, '');
    const boot = read(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
      ?.replace(/[^0-9a-f]/g, '')
      .slice(0, 12);
    return namespace && boot ? `${namespace}_${boot}` : `unknown_${process.pid}_${Date.now()}`;
  })();
  return scope;
}

function read(call: () => string): string | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
