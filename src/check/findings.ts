/** `error`: the server does not start, drops the file, or never accepts a token in it. `note`: harmless, so far. */
export type Severity = 'error' | 'warning' | 'note';

/** How bad each kind of finding is, by the word that names it from version to version. */
const severities = {
  MALFORMED_UTF8: 'error',
  MISSING_COLON: 'error',
  MALFORMED_HASH: 'error',
  HASH_UNUSABLE: 'error',
  FILE_UNREADABLE: 'error',
  DIRECTORY_UNREADABLE: 'error',
  NOT_FIXED: 'error', // a repair that was asked for and refused
  UNEXPECTED_DIGEST: 'error', // not what the caller said it should be
  UNEXPECTED_COUNT: 'error',
  BYTE_ORDER_MARK: 'warning',
  LINE_ENDS: 'warning',
  PLAIN_TEXT: 'warning',
  DUPLICATE: 'warning',
  BAD_NAME: 'warning',
  BAD_TOKEN_NAME: 'warning',
  UNKNOWN_ACCOUNT: 'warning',
  USER_MANAGED_ACCOUNT: 'warning',
  WEAK_HASH: 'warning',
  OPEN_TO_OTHERS: 'warning',
  KUBERNETES_VOLUME: 'warning',
  SERVER_UNKNOWN: 'warning',
  SYMBOLIC_LINK: 'warning',
  SINGLE_FILE_MOUNT: 'warning',
  STALE_LOCK: 'warning',
  STALE_TEMPORARY_FILE: 'warning',
  WITHDRAWN_ACCOUNT: 'note',
  NO_FILE: 'note', // a warning where the file was asked for by its name
  MORE_FINDINGS: 'note', // at least: it is as bad as the worst finding that it stands for
} as const satisfies Record<string, Severity>;

export type FindingCode = keyof typeof severities;

/** Something about a tokens file that its owner should know. It never holds a secret, a hash or a plain-text value. */
export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  /** Counted from 1; undefined where it is about the file as a whole. */
  readonly line: number | undefined;
  /** The fact, in a sentence. */
  readonly message: string;
  /** The way out. */
  readonly hint: string;
}

/** Makes a finding, whose code says how bad it is. */
export function finding(code: FindingCode, message: string, hint: string, line?: number): Finding {
  return { severity: severities[code], code, line, message, hint };
}
