import type { ErrorCode } from '../errors.js';

/** The exit statuses of the command, by their names in sysexits.h. The launcher also uses 69: see bin. */
export const ExitCode = {
  OK: 0,
  /** The answer of `verify`, `check` or `diff` is no. */
  NO: 1,
  USAGE: 64,
  DATA: 65,
  NO_USER: 67,
  /** As in the original: only for a token name that is invalid, taken or missing. */
  SOFTWARE: 70,
  /** A bug of this tool. */
  OS_ERROR: 71,
  CANT_CREATE: 73,
  IO: 74,
  NO_PERMISSION: 77,
  CONFIG: 78,
  /** 128 plus the signal number, as in a shell. */
  HANGUP: 129,
  INTERRUPT: 130,
  TERMINATED: 143,
} as const;

export type ExitStatus = (typeof ExitCode)[keyof typeof ExitCode];

/** The exit status of each error. The type is exhaustive: a new error code without a status does not compile. */
export const statusOf: Readonly<Record<ErrorCode, ExitStatus>> = {
  OPTION: ExitCode.USAGE,
  USAGE: ExitCode.USAGE,
  UNKNOWN_PRINCIPAL: ExitCode.NO_USER,
  INVALID_TOKEN_NAME: ExitCode.SOFTWARE,
  TOKEN_EXISTS: ExitCode.SOFTWARE,
  TOKEN_MISSING: ExitCode.SOFTWARE,
  INVALID_ALGORITHM: ExitCode.CONFIG,
  CONFIG: ExitCode.CONFIG,
  MALFORMED_FILE: ExitCode.DATA,
  NOT_A_TOKEN: ExitCode.DATA,
  NOT_AUTHENTICATED: ExitCode.NO,
  HASH_UNUSABLE: ExitCode.DATA,
  FILE_EXISTS: ExitCode.CANT_CREATE,
  ROTATION_UNFINISHED: ExitCode.CANT_CREATE,
  CANNOT_REPLACE: ExitCode.CANT_CREATE,
  LOCKED: ExitCode.CANT_CREATE,
  HANGUP: ExitCode.HANGUP,
  INTERRUPT: ExitCode.INTERRUPT,
  TERMINATED: ExitCode.TERMINATED,
  PERMISSION: ExitCode.NO_PERMISSION,
  IO: ExitCode.IO,
};
