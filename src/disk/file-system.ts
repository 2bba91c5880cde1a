import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import process from 'node:process';

/** The identity and working directory of the process; a system without users returns -1 and changes nothing. */
export interface ProcessCalls {
  chdir(path: string): void;
  cwd(): string;
  geteuid(): number;
  getegid(): number;
  getgroups(): number[];
  seteuid(uid: number): void;
  setegid(gid: number): void;
  setgroups(groups: readonly number[]): void;
}

/**
 * The system calls of this package. Only this file imports node:fs.
 *
 * The calls are synchronous on purpose: no other code, such as a signal handler, runs in the middle of a change. Every
 * function takes the file system as a parameter, so that tests can make each call fail.
 */
export type FileSystem = typeof fileCalls & ProcessCalls;

/** Named one by one: to look through all of node:fs would load its streams and promises, which takes time. */
const fileCalls = {
  openSync,
  readFileSync,
  readSync,
  writeSync,
  fstatSync,
  fchownSync,
  fchmodSync,
  futimesSync,
  fsyncSync,
  closeSync,
  linkSync,
  renameSync,
  unlinkSync,
  statSync,
  statfsSync,
  lstatSync,
  readlinkSync,
  readdirSync,
  realpathSync,
  mkdirSync,
  rmdirSync,
  chownSync,
  chmodSync,
  ftruncateSync,
};

export const nodeFileSystem: FileSystem = {
  ...fileCalls,
  chdir: (path) => process.chdir(path),
  cwd: () => process.cwd(),
  geteuid: () => process.geteuid?.() ?? -1,
  getegid: () => process.getegid?.() ?? -1,
  getgroups: () => process.getgroups?.() ?? [],
  seteuid: (uid) => process.seteuid?.(uid),
  setegid: (gid) => process.setegid?.(gid),
  setgroups: (groups) => process.setgroups?.([...groups]),
};

/** What stat(2) tells. */
export type { Stats };

/** The calls of FileSystem whose first argument is a path. */
const PATH_CALLS = [
  'openSync',
  'readFileSync',
  'linkSync',
  'renameSync',
  'unlinkSync',
  'statSync',
  'statfsSync',
  'lstatSync',
  'readlinkSync',
  'readdirSync',
  'mkdirSync',
  'rmdirSync',
] as const;

/** Those whose second argument is a path, too. */
const TWO_PATH_CALLS: readonly string[] = ['linkSync', 'renameSync'];

/**
 * A file system that looks up the names of one directory relative to the directory that the process has entered or
 * holds open, even if its path has changed since. Other paths are not affected.
 *
 * @param directories the absolute paths of the directory
 * @param prefix the path of the directory: empty for the current directory, `/proc/self/fd/N/` for an open one
 */
export function namesIn(fs: FileSystem, directories: readonly string[], prefix: string): FileSystem {
  const place = (path: unknown): unknown => {
    if (typeof path !== 'string') return path;
    const directory = directories.find(
      (each) => path === each || path.startsWith(each === '/' ? each : `${each}/`),
    );
    if (directory === undefined) return path;
    const name = path.slice(directory.length).replace(/^\//, '');
    return name === '' ? prefix || '.' : prefix + name;
  };
  const calls = PATH_CALLS.map((name) => {
    const call = fs[name] as (...args: unknown[]) => unknown;
    return [
      name,
      (path: unknown, second: unknown, ...more: unknown[]) =>
        call(place(path), TWO_PATH_CALLS.includes(name) ? place(second) : second, ...more),
    ];
  });
  return Object.assign(Object.create(fs), Object.fromEntries(calls));
}

/** The flags of open(2). */
export const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } =
  constants;

/** Opens a file without reading it, which needs no permission on it. Linux only; node:fs does not define it. */
export const O_PATH = 0o10000000;

/** The bits of open(2)'s flags for the access mode. */
const O_ACCMODE = O_RDONLY | O_WRONLY | O_RDWR;

/**
 * The access mode of a descriptor of this process: O_RDONLY, O_WRONLY or O_RDWR; undefined on a system without /proc.
 */
export function accessModeOf(fs: FileSystem, fd: number): number | undefined {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags === undefined ? undefined : Number.parseInt(flags, 8) & O_ACCMODE;
  } catch {
    return undefined;
  }
}

/** The `code` of a failed system call, such as ENOENT; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const { code, syscall } = Object(error) as { code?: unknown; syscall?: unknown };
  return syscall === undefined ? undefined : String(code);
}

/** Calls, and returns undefined if the file does not exist (ENOENT). */
export function ifExists<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Calls, and ignores a refusal by the system or the file system: the caller checks the result afterwards. */
export function ignoreRefusal(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(errnoOf(error) ?? ''))
      throw error;
  }
}

/** Calls, and ignores every failure. For cleanup, where an earlier failure is the one to report. */
export function ignoreFailure(call: () => void): void {
  try {
    call();
  } catch {
    // See above.
  }
}
