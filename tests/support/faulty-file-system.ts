import type { constants } from 'node:os';
import { type FileSystem, nodeFileSystem } from '../../src/disk/file-system.js';

/** An error as node:fs throws it. */
export function systemError(errno: keyof typeof constants.errno | 'EDQUOT', syscall: string): Error {
  return Object.assign(new Error(`${errno}: made to fail, ${syscall}`), { code: errno, syscall });
}

export interface Interference {
  /** Called before each call with its number (from 0), name and arguments; if it throws, the call fails. */
  readonly before?: (number: number, name: string, args: readonly unknown[]) => void;
  /** Replaces the result of the real call, unless it returns undefined. */
  readonly instead?: (name: string, path: unknown, options?: unknown) => unknown;
}

/** The real file system, observed: every call is recorded, and a test can make any call fail. */
export interface WatchedFileSystem {
  readonly fs: FileSystem;
  readonly calls: readonly string[];
  /** The descriptors that were opened and not closed. */
  readonly openDescriptors: ReadonlySet<number>;
}

/** These are no system calls, or ask for attributes of the process and never fail. */
const CANNOT_FAIL: ReadonlySet<string> = new Set(['geteuid', 'getegid', 'getgroups', 'together']);

export function watchedFileSystem({ before, instead }: Interference = {}): WatchedFileSystem {
  const calls: string[] = [];
  const openDescriptors = new Set<number>();
  const fs = new Proxy(nodeFileSystem, {
    get(target, name: keyof FileSystem) {
      const real = target[name] as (...args: unknown[]) => unknown;
      if (CANNOT_FAIL.has(name)) return (...args: unknown[]) => instead?.(name, args[0]) ?? real(...args);
      return (...args: unknown[]) => {
        calls.push(name);
        if (name === 'closeSync') openDescriptors.delete(args[0] as number);
        try {
          before?.(calls.length - 1, name, args);
        } catch (error) {
          if (name === 'closeSync') real(...args); // the kernel closes the descriptor even when close(2) fails
          throw error;
        }
        const result = instead?.(name, args[0], args[1]) ?? real(...args);
        if (name === 'openSync') openDescriptors.add(result as number);
        return result;
      };
    },
  });
  return { fs, calls, openDescriptors };
}

/** The result of a call of stat, lstat or fstat in which a file seems to have another owner and group, for `instead`. */
export function withOwner(call: 'statSync', at: unknown, options: unknown, id: number): object {
  const real = nodeFileSystem[call] as (at: unknown, options: unknown) => { mode: number | bigint };
  const stat = real(at, options);
  const seen = typeof stat.mode === 'bigint' ? BigInt(id) : id;
  return Object.assign(stat, { uid: seen, gid: seen });
}

/** The real file system with a call that fails: all such calls, or those for one path or descriptor. */
export function failing(
  call: keyof FileSystem,
  errno: Parameters<typeof systemError>[0],
  at?: unknown,
): FileSystem {
  const before: Interference['before'] = (_, name, [argument]) => {
    if (name === call && (at === undefined || argument === at))
      throw systemError(errno, call.replace('Sync', ''));
  };
  return watchedFileSystem({ before }).fs;
}
