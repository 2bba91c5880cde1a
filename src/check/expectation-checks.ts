import { commandLine, type Naming } from '../access/printed-command.js';
import { type Finding, finding } from './findings.js';

/** What a caller expects of a file. */
export interface Expectations {
  /** Whether a missing file is a warning instead of a note. */
  readonly required?: boolean | undefined;
  /** The expected digest, as `digestOf` returns it. */
  readonly expectedDigest?: string | undefined;
  /** The expected number of tokens. */
  readonly expectedTokens?: number | undefined;
}

/** The actual state of the file. */
export interface Summary {
  readonly exists: boolean;
  readonly tokens: number;
  /** Null when the server could not read the file. */
  readonly digest: string | null;
}

/** Finds a missing file, an unexpected digest, and an unexpected number of tokens. */
export function checkExpectations(
  path: string,
  { exists, tokens, digest }: Summary,
  { required = false, expectedDigest, expectedTokens }: Expectations,
  naming: Naming,
): Finding[] {
  const found: Finding[] = [];
  if (!exists) found.push(missing(path, required));
  if (expectedDigest !== undefined && digest !== expectedDigest) {
    const message = `The digest is ${digest ?? 'unknown'}; expected ${expectedDigest}`;
    found.push(
      finding('UNEXPECTED_DIGEST', message, 'Compare the file with one that has the expected digest.'),
    );
  }
  if (expectedTokens !== undefined && tokens !== expectedTokens) {
    const message = `The number of tokens is ${tokens}; expected ${expectedTokens}`;
    const hint = `List the tokens: ${commandLine(['list'], naming)}`;
    found.push(finding('UNEXPECTED_COUNT', message, hint));
  }
  return found;
}

function missing(path: string, required: boolean): Finding {
  const hint = required
    ? 'Check the spelling of the path.'
    : 'A missing file is an empty file; create makes it.';
  const note = finding('NO_FILE', `The file [${path}] does not exist`, hint);
  return required ? { ...note, severity: 'warning' } : note;
}
