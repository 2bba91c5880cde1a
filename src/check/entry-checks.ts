import { type ElasticsearchVersion, formatVersion } from '../accounts/elasticsearch-version.js';
import { isRemoved, knownAccounts, principalHint } from '../accounts/known-accounts.js';
import { hashProblem, hashWeakness } from '../hash/hash-problems.js';
import { classify } from '../hash/stored-hash.js';
import { trim } from '../java-text.js';
import { isTokenName } from '../token/token-name.js';
import { LineCursor, MAX_TEXT_BYTES, type ParseError } from '../tokens-file/file-lines.js';
import { type Finding, finding, type Severity } from './findings.js';

const BYTE_ORDER_MARK = '\ufeff';
const STOPS = 'Elasticsearch does not start with this file, or drops every token in it';

/** The findings of this many lines are listed. Further lines are only counted, which bounds the output and memory. */
export const MAX_LINES = 1000;

/** Finds the lines of a tokens file that stop the server, that it skips, and that no token can match, in their order. */
export function checkLines(bytes: Uint8Array, version?: ElasticsearchVersion): Finding[] {
  const counting = new Map<string, number>();
  for (const line = new LineCursor(bytes); line.next(); ) {
    if (line.kind !== 'entry') continue;
    const { key, number } = line;
    // Of a longer key, only the beginning is known.
    if (Buffer.byteLength(key) < MAX_TEXT_BYTES) counting.set(key, number);
  }
  const findings: Finding[] = [];
  const severities = new Set<Severity>(); // of the rest
  const lineEnds = { count: 0, first: 0 };
  let lines = 0;
  for (const line = new LineCursor(bytes); line.next(); ) {
    const { number, lineEnd } = line;
    if (lineEnd.startsWith('\r') && lineEnds.count++ === 0) lineEnds.first = number;
    // Only the first line, which may begin with a byte order mark, has findings if it is blank or a comment.
    const found = line.kind === 'skipped' && number > 1 ? [] : [...lineFindings(line, counting, version)];
    if (found.length > 0 && ++lines > MAX_LINES) for (const { severity } of found) severities.add(severity);
    else findings.push(...found.map((each) => ({ ...each, line: number })));
  }
  const inOrder = [...lineEndFindings(lineEnds), ...findings].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return [...inOrder, ...restFindings(lines - MAX_LINES, severities)];
}

/** @param counting the number of the line that the server uses, by key */
function* lineFindings(
  { number, kind, key, value, text }: LineCursor,
  counting: ReadonlyMap<string, number>,
  version: ElasticsearchVersion | undefined,
): Generator<Finding> {
  if (number === 1 && text.startsWith(BYTE_ORDER_MARK)) {
    const message =
      'The file begins with a byte order mark, which Elasticsearch reads as part of the first line: the line is not a comment, and no token matches it';
    yield finding('BYTE_ORDER_MARK', message, 'Save the file as UTF-8 without a byte order mark.');
  }
  if (kind === 'skipped') return;
  if (kind === 'plain') yield plainTextFinding(key, value);
  else if (kind !== 'entry') yield parseErrorFinding(kind, text);
  else if ((counting.get(key) ?? number) === number) yield* entryFindings(key, value, version);
  else {
    const message = `${subject(key)} is a duplicate of line ${counting.get(key)}, which Elasticsearch uses`;
    yield finding('DUPLICATE', message, 'Remove this line.');
  }
}

/** Finds what is wrong with one entry: its name and its hash, which does not matter if no token matches the name. */
export function entryFindings(key: string, hash: string, version?: ElasticsearchVersion): Finding[] {
  if (key.startsWith(BYTE_ORDER_MARK)) return []; // BYTE_ORDER_MARK says that no token matches it
  const found = [...nameFindings(key, version)];
  const isDead = found.some(({ severity }) => severity !== 'note');
  return isDead ? found : [...found, ...hashFindings(key, hash)];
}

/** One finding per file, on the first of the lines. */
function lineEndFindings({ count, first }: { count: number; first: number }): Finding[] {
  if (count === 0) return [];
  const which = count === 1 ? 'This line ends' : `${count} lines, starting with this one, end`;
  const hint =
    'Elasticsearch accepts it, but other tools read it as part of the hash: end every line with LF only, as dos2unix does.';
  return [{ ...finding('LINE_ENDS', `${which} with a carriage return`, hint), line: first }];
}

/** One finding per file, as severe as the worst of those that it counts. */
function restFindings(lines: number, severities: ReadonlySet<Severity>): Finding[] {
  if (lines <= 0) return [];
  const message = `and ${lines} more ${lines === 1 ? 'line' : 'lines'} with findings`;
  const hint = `Only the first ${MAX_LINES} lines with findings are listed: correct them, and check again.`;
  const severity = (['error', 'warning'] as const).find((worst) => severities.has(worst)) ?? 'note';
  return [{ ...finding('MORE_FINDINGS', message, hint), severity }];
}

function parseErrorFinding({ problem, reason }: ParseError, text: string): Finding {
  const message = `${reason.replace(/\.$/, '')}: ${STOPS}`;
  if (problem === 'utf8')
    return finding('MALFORMED_UTF8', message, 'Save the file as UTF-8, or remove the line.');
  if (problem === 'hash')
    return finding('MALFORMED_HASH', message, 'Remove the line, and create a new token.');
  const isComment = trim(text).replace(BYTE_ORDER_MARK, '').startsWith('#');
  const hint = isComment
    ? 'A line is a comment only if its first character is #.'
    : 'Correct or remove the line.';
  return finding('MISSING_COLON', message, hint);
}

function plainTextFinding(key: string, value: string): Finding {
  // In a line that is not an entry, the text before the colon may be a secret, too.
  const name = knownAccounts().some(({ principal }) => key.startsWith(`${principal}/`)) ? key : '';
  const message = `${subject(name)} has plain text instead of a hash; Elasticsearch skips the line`;
  const hint =
    classify(trim(value)) === undefined
      ? 'Remove the line. If it contains a secret, the secret is exposed: create a new token.'
      : 'Remove the white space after the colon.';
  return finding('PLAIN_TEXT', message, hint);
}

function* nameFindings(key: string, version?: ElasticsearchVersion): Generator<Finding> {
  const [namespace = '', service = '', name, ...more] = key.split('/');
  if (name === undefined || more.length > 0) {
    const message =
      'The text before the colon is not <namespace>/<service>/<name>; no token matches this line';
    yield finding('BAD_NAME', message, correctionOf(key));
    return;
  }
  const principal = `${namespace}/${service}`;
  if (namespace !== 'elastic') {
    const message = `${subject(key)} is not in the namespace elastic: Elasticsearch reads such tokens from an index, not from this file`;
    yield finding('USER_MANAGED_ACCOUNT', message, accountHint(principal, version));
  } else if (!knownAccounts(version).some((account) => account.principal === principal)) {
    const which = version ? ` ${formatVersion(version)}` : '';
    const message = `${subject(key)} belongs to a service account that does not exist in Elasticsearch${which}`;
    yield finding('UNKNOWN_ACCOUNT', message, accountHint(principal, version));
  }
  if (!isTokenName(name)) {
    const message = 'Invalid token name after the second slash; no token matches this line';
    yield finding('BAD_TOKEN_NAME', message, correctionOf(key));
  }
  const until = knownAccounts().find((account) => account.principal === principal)?.until;
  if (version === undefined && until) {
    const message = `${subject(key)} stops working with Elasticsearch ${formatVersion(until)}, which does not have this service account`;
    const hint = 'Delete it before the upgrade, with the command delete.';
    yield finding('WITHDRAWN_ACCOUNT', message, hint);
  }
}

function* hashFindings(key: string, hash: string): Generator<Finding> {
  const problem = hashProblem(hash);
  const weakness = problem === undefined ? hashWeakness(hash) : undefined;
  if (problem !== undefined) {
    const message = `${subject(key)} can never match: ${problem}`;
    yield finding('HASH_UNUSABLE', message, 'Remove the line, and create a new token.');
  } else if (weakness !== undefined) {
    const message = `${subject(key)} is stored as ${weakness}`;
    yield finding('WEAK_HASH', message, 'Create a new token, and remove this one.');
  }
}

/** Shows a key only if it is a valid qualified name: it is a secret if the two sides of the colon are swapped. */
function subject(key: string): string {
  return isQualifiedName(key) ? `Service token [${key}]` : 'This entry';
}

/** Whether a key is `<namespace>/<service>/<name>`, all of them valid names. */
export function isQualifiedName(key: string): boolean {
  const names = key.split('/');
  return names.length === 3 && names.every(isTokenName);
}

function correctionOf(key: string): string {
  return trim(key) === key
    ? 'Correct or remove the line by hand.'
    : 'Remove the white space before the colon.';
}

function accountHint(principal: string, version?: ElasticsearchVersion): string {
  const hint = principalHint(principal, version);
  if (hint === undefined)
    return 'Remove the line by hand. To list the service accounts: elasticsearch-service-tokens accounts';
  const account = knownAccounts().find((each) => each.principal === principal);
  return account && isRemoved(account, version) ? `${hint} Delete the token, with the command delete.` : hint;
}
