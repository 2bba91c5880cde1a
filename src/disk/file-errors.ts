import { type ErrorCode, ServiceTokensError } from '../errors.js';
import { errnoOf, type FileSystem } from './file-system.js';

/** What each failure of a system call means for the user. */
const sentences: Readonly<Record<string, readonly [code: ErrorCode, fact: string, hint?: string]>> = {
  ENOENT: ['IO', 'it does not exist'],
  EACCES: ['PERMISSION', 'permission denied'],
  EPERM: ['PERMISSION', 'the operation is not permitted'],
  EROFS: [
    'CANNOT_REPLACE',
    'the file system is read-only',
    'Mount it writable, or write the file elsewhere with --file.',
  ],
  ENOSPC: ['IO', 'no space is left on the device'],
  EDQUOT: ['IO', 'the disk quota is exceeded'],
  ENAMETOOLONG: ['CANNOT_REPLACE', 'the name is too long'],
  EISDIR: ['IO', 'it is a directory'],
  ENOTDIR: ['CONFIG', 'a part of the path is not a directory'],
  EBADF: ['IO', 'it is not open for reading'],
  ELOOP: ['IO', 'too many levels of symlinks'],
  EMFILE: ['IO', 'too many files are open in this process', 'Raise the limit (ulimit -n).'],
  ENFILE: ['IO', 'too many files are open on this system'],
};

/** @param limit in bytes, a whole number of MiB @param size in bytes, if known */
export function tooLarge(path: string, limit: number, size?: number): ServiceTokensError {
  const mib = limit / 2 ** 20;
  const bound = mib % 1024 === 0 ? `${mib / 1024} GiB` : `${mib} MiB`;
  const fact = size === undefined ? `more than ${limit} bytes` : `${size} bytes`;
  return new ServiceTokensError('IO', `could not read [${path}]: it has ${fact}, and the limit is ${bound}`);
}

/** The error of a change in a directory that does not exist. */
export function missingDirectory(path: string, cause?: unknown): ServiceTokensError {
  const message = `could not write [${path}]: its directory does not exist`;
  return new ServiceTokensError('CANNOT_REPLACE', message, { cause });
}

/** The ServiceTokensError for a failed system call; any other error as it is. @param doing as in `could not read` */
export function fileError(error: unknown, doing: string, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  if (errno === 'ENOENT' && doing === 'could not write') return missingDirectory(path, error);
  const [kind, fact, hint] = sentences[errno] ?? ['IO', `system error ${errno}`];
  const code = kind === 'CANNOT_REPLACE' && doing === 'could not read' ? 'IO' : kind;
  return new ServiceTokensError(code, `${doing} [${path}]: ${fact}`, { hint, cause: error });
}

/** Makes synchronous calls; a failed system call becomes a ServiceTokensError. @param doing as in `could not read` */
export function attempt<T>(fs: FileSystem, doing: string, path: string, calls: () => T): T {
  try {
    return fs.together(calls);
  } catch (error) {
    throw fileError(error, doing, path);
  }
}
