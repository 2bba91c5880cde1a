/** What went wrong, as a word that stays the same from version to version. Its exit status is in exit-codes.ts. */
export type ErrorCode =
  | 'OPTION' // the option parser refused the command line
  | 'USAGE' // the command line is well-formed and asks for something impossible
  | 'UNKNOWN_PRINCIPAL'
  | 'INVALID_TOKEN_NAME'
  | 'TOKEN_EXISTS'
  | 'TOKEN_MISSING'
  | 'INVALID_ALGORITHM'
  | 'CONFIG' // no configuration directory, or an elasticsearch.yml that can't be used
  | 'MALFORMED_FILE' // the server could not read this service_tokens file
  | 'NOT_A_TOKEN' // a text that the server would not take for a service account token
  | 'NOT_AUTHENTICATED' // a token that the server would refuse
  | 'HASH_UNUSABLE' // a stored hash that no secret can be checked against
  | 'CANNOT_REPLACE' // the file can't be created or replaced
  | 'BUSY' // too many wait for the same token to be verified
  | 'LOCKED' // another process is changing the file, and does not end
  | 'HANGUP' // SIGHUP came, and nothing has changed
  | 'INTERRUPT' // SIGINT
  | 'TERMINATED' // SIGTERM
  | 'PERMISSION'
  | 'IO';

export interface ErrorDetails {
  /** What the user can do about it, in a line. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class of this package: a stable `code`, a message that states the fact, a `hint` that says the way
 * out. No message or hint ever holds a secret, a hash, or a line of a tokens file.
 *
 * @example
 * try { file.list() } catch (error) { if (error instanceof ServiceTokensError) console.error(error.code, error.hint) }
 */
export class ServiceTokensError extends Error {
  override readonly name = 'ServiceTokensError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    if (typeof code !== 'string' || typeof message !== 'string' || Object(details) !== details) {
      throw new ServiceTokensError('USAGE', 'an error takes a code, a message and an object of details');
    }
    const { hint, cause } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
