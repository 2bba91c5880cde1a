/** `error`: the server does not start, drops the file, or never accepts a token in it. `note`: harmless for now. */
export type Severity = 'error' | 'warning' | 'note';

/** What `check` looks for. docs/findings.md says what each code means; that is the same in all versions. */
export const severities = {
  MALFORMED_UTF8: 'error',
  MISSING_COLON: 'error',
  MALFORMED_HASH: 'error',
  HASH_UNUSABLE: 'error',
  NOT_A_FILE: 'error',
  FILE_UNREADABLE: 'error',
  DIRECTORY_UNREADABLE: 'error',
  NOT_FIXED: 'error',
  UNEXPECTED_DIGEST: 'error',
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
  DIRECTORY_OWNER: 'warning',
  OPEN_TO_OTHERS: 'warning',
  KUBERNETES_VOLUME: 'warning',
  SERVER_UNKNOWN: 'warning',
  SYMBOLIC_LINK: 'warning',
  SINGLE_FILE_MOUNT: 'warning',
  FUSE_MOUNT: 'warning',
  STALE_LOCK: 'warning',
  STALE_TEMPORARY_FILE: 'warning',
  WITHDRAWN_ACCOUNT: 'note',
  NO_FILE: 'note', // a warning if the file is named
  MORE_FINDINGS: 'note', // or as severe as the worst of those that it counts
} as const satisfies Record<string, Severity>;

export type FindingCode = keyof typeof severities;

/** A problem with a tokens file. It never contains a secret, a hash or a plain-text value. */
export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  /** Counted from 1; undefined for a finding about the whole file. */
  readonly line: number | undefined;
  /** The problem, in a sentence. */
  readonly message: string;
  /** How to fix it. */
  readonly hint: string;
}

/** Makes a finding about the whole file. */
export function finding(code: FindingCode, message: string, hint: string): Finding {
  return { severity: severities[code], code, line: undefined, message, hint };
}
