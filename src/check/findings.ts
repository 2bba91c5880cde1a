/** `error`: the server does not start, drops the file, or never accepts a token in it. `note`: harmless for now. */
export type Severity = 'error' | 'warning' | 'note';

/**
 * What `check` looks for: the meaning of each finding, by severity. The codes keep their meaning in all versions.
 */
export const findingKinds = {
  error: {
    MALFORMED_UTF8: 'A line is not UTF-8; the server does not start, or drops every token in the file.',
    MISSING_COLON: 'A line has no colon; the server does not start, or drops every token in the file.',
    MALFORMED_HASH:
      'A hash has a cost that the server does not support; the server does not start, or drops every token in the file.',
    HASH_UNUSABLE: 'No secret can match a hash, or the server fails on it.',
    NOT_A_FILE: 'There is a directory, a named pipe, a socket or a device in place of the file.',
    FILE_UNREADABLE: 'The user that runs Elasticsearch cannot read the file.',
    DIRECTORY_UNREADABLE:
      'The user that runs Elasticsearch cannot list the directory of the file, or enter one above it.',
    NOT_FIXED: '`--fix` could not, or would not, repair the file.',
    UNEXPECTED_DIGEST: 'The digest is not the one that `--expect-digest` gives.',
    UNEXPECTED_COUNT: 'The number of tokens is not the one that `--expect-tokens` gives.',
  },
  warning: {
    BYTE_ORDER_MARK:
      'The file begins with a byte order mark, which the server reads as part of the first line.',
    LINE_ENDS: 'Lines end with a carriage return, which other tools read as part of the hash.',
    PLAIN_TEXT: 'A line has plain text in place of a hash; the server skips it.',
    DUPLICATE: 'A later line has the same name; the server uses that one.',
    BAD_NAME: 'What precedes the colon is not `<namespace>/<service>/<name>`; no token matches the line.',
    BAD_TOKEN_NAME: 'The token name is invalid; no token matches the line.',
    UNKNOWN_ACCOUNT: 'Elasticsearch has no such service account.',
    USER_MANAGED_ACCOUNT:
      'The account is outside the namespace `elastic`; the server looks for its tokens in an index, never in this file.',
    WEAK_HASH:
      'The hash has few iterations, or no salt: a secret that a person chose can be guessed from it.',
    DIRECTORY_OWNER:
      'The directory belongs to neither root nor the user that runs Elasticsearch: root acts as its owner, who gets the file.',
    OPEN_TO_OTHERS: 'Every user of the system can read, write or execute the file.',
    KUBERNETES_VOLUME: 'The file is in a Kubernetes volume, which only Kubernetes may change.',
    SERVER_UNKNOWN:
      "The file belongs to root alone in a server's configuration directory, and the user that runs Elasticsearch cannot be determined.",
    SYMBOLIC_LINK: 'The file is a symlink; other tools replace the symlink.',
    SINGLE_FILE_MOUNT: 'The file is a bind mount, which cannot be replaced.',
    FUSE_MOUNT:
      'The file is on a FUSE mount: a change that another program makes to its storage may be seen late.',
    STALE_LOCK: 'The lock is stale: no running process holds it.',
    STALE_TEMPORARY_FILE: 'A temporary file was left behind; it may contain hashes.',
  },
  note: {
    WITHDRAWN_ACCOUNT: 'A later version of Elasticsearch does not have the account.',
    NO_FILE: 'The file does not exist; a warning if it was named by `--file`.',
    MORE_FINDINGS:
      'Only the first 1000 lines with findings are listed; this is as severe as the worst of the rest.',
  },
} as const satisfies Record<Severity, Readonly<Record<string, string>>>;

export type FindingCode = { [S in Severity]: keyof (typeof findingKinds)[S] }[Severity];

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
  const severity = (['error', 'warning'] as const).find((each) => code in findingKinds[each]) ?? 'note';
  return { severity, code, line: undefined, message, hint };
}
