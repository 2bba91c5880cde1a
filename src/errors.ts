/** The kind of an error. The codes are stable across versions; exit-codes.ts maps them to exit statuses. */
export type ErrorCode =
  | 'OPTION' // the option parser refused the command line
  | 'USAGE' // the command line is well-formed, but an argument is invalid
  | 'UNKNOWN_PRINCIPAL'
  | 'INVALID_TOKEN_NAME'
  | 'TOKEN_EXISTS'
  | 'TOKEN_MISSING'
  | 'INVALID_ALGORITHM'
  | 'CONFIG' // no configuration directory, or an elasticsearch.yml that cannot be used
  | 'MALFORMED_FILE' // the server cannot parse the service_tokens file
  | 'NOT_A_TOKEN' // a text that the server would not recognize as a service account token
  | 'NOT_AUTHENTICATED' // a token that the server would refuse
  | 'HASH_UNUSABLE' // a stored hash against which no secret can be verified
  | 'FILE_EXISTS' // a file exists that would be overwritten
  | 'ROTATION_UNFINISHED' // the predecessors of a token still exist
  | 'CANNOT_REPLACE' // the file cannot be created or replaced
  | 'LOCKED' // another process holds the lock for too long
  | 'HANGUP' // SIGHUP was received; nothing has changed
  | 'INTERRUPT' // SIGINT
  | 'TERMINATED' // SIGTERM
  | 'PERMISSION'
  | 'IO';

/**
 * The error class of this package: a stable `code`, a message that states the problem, and a `hint` for its solution.
 * No message or hint contains a secret, a hash, or a line of a tokens file.
 *
 * @example
 * try { file.list() } catch (error) { if (error instanceof ServiceTokensError) console.error(error.code, error.hint) }
 */
export class ServiceTokensError extends Error {
  override readonly name = 'ServiceTokensError';
  readonly code: ErrorCode;
  /** What the user can do about it, in one line. */
  readonly hint: string | undefined;

  /** @throws USAGE, as another error of this class, for arguments of the wrong type */
  constructor(
    code: ErrorCode,
    message: string,
    details: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    if (typeof code !== 'string' || typeof message !== 'string' || Object(details) !== details) {
      throw new ServiceTokensError('USAGE', 'an error takes a code, a message and an object of details');
    }
    const { hint, cause } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
