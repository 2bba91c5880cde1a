import fs, { type BigIntStats, constants, type Stats } from 'node:fs';
import process from 'node:process';

/** The calls to files, each with the number of paths that it begins with. */
const PATHS = {
  openSync: 1,
  readFileSync: 1,
  readSync: 0,
  writeSync: 0,
  fstatSync: 0,
  fchownSync: 0,
  fchmodSync: 0,
  futimesSync: 0,
  fsyncSync: 0,
  chmodSync: 1,
  closeSync: 0,
  renameSync: 2,
  unlinkSync: 1,
  statSync: 1,
  lstatSync: 1,
  readlinkSync: 1,
  readdirSync: 1,
  realpathSync: 1,
  mkdirSync: 1,
  rmdirSync: 1,
  ftruncateSync: 0,
};

type FileCalls = Pick<typeof fs, keyof typeof PATHS>;

/**
 * The system calls of this package. Only this file imports node:fs.
 *
 * The calls are synchronous on purpose: no other code, such as a signal handler, runs in the middle of a change. Every
 * function takes the file system as a parameter, so that tests can make each call fail.
 */
export interface FileSystem extends FileCalls {
  cwd(): string;
  // A system without users returns -1, and changes nothing.
  geteuid(): number;
  getegid(): number;
  getgroups(): number[];
  seteuid(uid: number): void;
  setegid(gid: number): void;
  setgroups(groups: readonly number[]): void;
  /** Makes several synchronous calls; as another user, the identity changes once for all of them. */
  together<T>(calls: () => T): T;
}

export const nodeFileSystem: FileSystem = {
  // One by one: the whole of node:fs would load its streams and promises.
  ...(Object.fromEntries(Object.keys(PATHS).map((name) => [name, fs[name as keyof FileCalls]])) as FileCalls),
  cwd: () => process.cwd(),
  geteuid: () => process.geteuid?.() ?? -1,
  getegid: () => process.getegid?.() ?? -1,
  getgroups: () => process.getgroups?.() ?? [],
  seteuid: (uid) => process.seteuid?.(uid),
  setegid: (gid) => process.setegid?.(gid),
  setgroups: (groups) => process.setgroups?.([...groups]),
  together: (calls) => calls(),
};

export type { BigIntStats, Stats };

/** Identifies a file, whatever its name; with bigints, because numbers lose precision. */
export type FileIdentity = Readonly<Pick<BigIntStats, 'dev' | 'ino'>>;

export function sameFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** A file system whose calls are made with other paths, or in another way: `call` makes one, or several of `together`. */
export function viewOf(
  fs: FileSystem,
  {
    path = (same) => same,
    call = (make) => make(),
  }: { readonly path?: (path: string) => string; readonly call?: <T>(make: () => T) => T },
): FileSystem {
  const calls = Object.entries(PATHS).map(([name, paths]) => {
    const real = fs[name as keyof typeof PATHS] as (...args: unknown[]) => unknown;
    const viewed = (...args: unknown[]) =>
      call(() => real(...args.map((arg, i) => (i < paths && typeof arg === 'string' ? path(arg) : arg))));
    return [name, viewed];
  });
  return Object.assign(Object.create(fs), Object.fromEntries(calls), {
    together: (several: () => unknown) => call(() => fs.together(several)),
  });
}

/** The flags of open(2), without their prefix `O_`. */
export const O = {
  RDONLY: constants.O_RDONLY,
  WRONLY: constants.O_WRONLY,
  RDWR: constants.O_RDWR,
  CREAT: constants.O_CREAT,
  EXCL: constants.O_EXCL,
  DIRECTORY: constants.O_DIRECTORY,
  NOFOLLOW: constants.O_NOFOLLOW,
  NONBLOCK: constants.O_NONBLOCK,
  NOCTTY: constants.O_NOCTTY,
  /** Opens a file without reading it, which needs no permission on it. Linux only; node:fs does not define it. */
  PATH: 0o10000000,
};

/** The `code` of a failed system call, such as ENOENT; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const { code, syscall } = Object(error) as { code?: unknown; syscall?: unknown };
  return syscall === undefined ? undefined : String(code);
}

export function systemError(code: string, fact: string): Error {
  return Object.assign(new Error(`${code}: ${fact}`), { code, syscall: 'none' });
}

export function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(errnoOf(error) ?? '');
}

export function ifExists<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Calls, and ignores a refusal by the system or the file system: the caller checks the result afterwards. */
export function ignoreRefusal(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!hasErrno(error, 'EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP')) throw error;
  }
}

/** Calls, and ignores any failure: for what is optional, and for clean-up after a failure that is reported. */
export function ignoreFailure<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
