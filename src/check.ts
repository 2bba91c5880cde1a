import { dirname } from 'node:path';
import { checkDirectoryAccess, checkFileAccess } from './access-checks.js';
import { followLinks, readSnapshot } from './atomic-file.js';
import { readCallerDescriptor, requireName } from './caller-descriptor.js';
import { digestOf } from './digest.js';
import type { ElasticsearchVersion } from './elasticsearch-version.js';
import { checkLines } from './entry-checks.js';
import type { LockOptions } from './file-lock.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { type Finding, finding } from './findings.js';
import { checkLinks, checkRemains, type Steps } from './place-checks.js';
import { repair } from './repair.js';
import { findServer } from './server-access.js';
import { MAX_SIZE } from './service-tokens-file.js';
import { readLines, TokensText } from './tokens-format.js';

export interface CheckOptions extends LockOptions {
  /** The server's version; without it the accounts of every version are accepted. */
  readonly version?: ElasticsearchVersion | undefined;
  /** The user that runs the server, by name or number; found out by the files around when not given. */
  readonly serverUser?: string | undefined;
  /** The server's configuration directory; the file's own by default. */
  readonly configDir?: string | undefined;
  /** Repair owner, group and mode first, and report what is left. */
  readonly fix?: boolean | undefined;
  /** Whether a missing file is worth a warning, and not only a note. */
  readonly required?: boolean | undefined;
  /** What the digest should be, as `digestOf` gives it. */
  readonly expectedDigest?: string | undefined;
  /** How many tokens there should be. */
  readonly expectedTokens?: number | undefined;
  readonly fs?: FileSystem;
}

/** What there is to say about a tokens file. */
export interface CheckReport {
  readonly file: string;
  readonly exists: boolean;
  /** How many tokens the server would load. */
  readonly tokens: number;
  /** Equal on nodes that hold the same tokens; null when the server could not read the file. */
  readonly digest: string | null;
  /** What is about the file as a whole first, then line by line. */
  readonly findings: readonly Finding[];
  /** What was repaired, and is not among the findings any more. */
  readonly fixed: readonly string[];
}

/** A file, or what the caller passed as one, and all that is not about its lines. */
interface Examined {
  /** Undefined when there is no file. */
  readonly bytes: Uint8Array | undefined;
  readonly findings: readonly Finding[];
  readonly fixed: readonly string[];
}

/**
 * Finds everything that would keep the server from starting, from reading a tokens file, or from accepting a token in
 * it. Nothing is changed unless `fix` is set.
 *
 * @param path the file, which may be missing, as to the server; or a descriptor that the caller passed (`/dev/stdin`),
 *   of which only the lines are looked at
 * @throws IO or PERMISSION when the file can't be read at all, USAGE when the named user does not exist or a descriptor
 *   is to be fixed
 *
 * @example (await checkTokensFile('/etc/elasticsearch/service_tokens')).findings.map(({ message }) => message)
 */
export async function checkTokensFile(path: string, options: CheckOptions = {}): Promise<CheckReport> {
  const { version, required, expectedDigest, expectedTokens, fix, fs = nodeFileSystem } = options;
  if (fix) requireName(path);
  const passed = readCallerDescriptor(fs, path, MAX_SIZE);
  const examined = passed ? { bytes: passed, findings: [], fixed: [] } : await examine(path, options, fs);

  const bytes = examined.bytes ?? new Uint8Array();
  const lines = readLines(bytes);
  const entries = lines.some(({ fault }) => fault) ? undefined : TokensText.parse(bytes, path).entries;
  const tokens = entries?.size ?? 0;
  const digest = entries ? digestOf(entries) : null;
  return {
    file: path,
    exists: examined.bytes !== undefined,
    tokens,
    digest,
    findings: [
      ...(examined.bytes ? [] : [missing(path, required)]),
      ...unexpected({ tokens, digest }, { tokens: expectedTokens, digest: expectedDigest }),
      ...examined.findings,
      ...checkLines(lines, version),
    ],
    fixed: examined.fixed,
  };
}

async function examine(
  path: string,
  { serverUser, configDir, fix, patience, signal }: CheckOptions,
  fs: FileSystem,
): Promise<Examined> {
  const steps: Steps = [path, ...followLinks(fs, path).slice(1)];
  const target = steps.at(-1) ?? path;
  const server = findServer(configDir ?? dirname(path), serverUser, fs);
  readSnapshot(fs, target); // what can't be read is refused before anything is repaired
  const { fixed, refused } = fix
    ? await repair(path, server, { patience, signal }, fs)
    : { fixed: [], refused: [] };
  const snapshot = readSnapshot(fs, target);
  return {
    bytes: snapshot?.bytes,
    findings: [
      ...refused,
      ...(snapshot ? checkFileAccess(steps, snapshot.attributes, server, fs) : []),
      ...checkDirectoryAccess(steps, server, fs),
      ...checkLinks(steps, fs),
      ...checkRemains(steps, fs),
    ],
    fixed,
  };
}

function missing(path: string, required = false): Finding {
  const hint = required
    ? 'Is its name misspelt?'
    : 'That is fine as long as there are no tokens: create makes the file.';
  const note = finding('NO_FILE', `The file [${path}] does not exist`, hint);
  return required ? { ...note, severity: 'warning' } : note;
}

interface Summary {
  readonly tokens: number | undefined;
  readonly digest: string | null | undefined;
}

function unexpected(found: Summary, expected: Summary): Finding[] {
  const findings: Finding[] = [];
  if (expected.digest !== undefined && found.digest !== expected.digest) {
    const message = `The digest is ${found.digest ?? 'unknown'}; expected ${expected.digest}`;
    findings.push(finding('UNEXPECTED_DIGEST', message, 'Compare the file with one that has that digest.'));
  }
  if (expected.tokens !== undefined && found.tokens !== expected.tokens) {
    const message = `The number of tokens is ${found.tokens}; expected ${expected.tokens}`;
    findings.push(
      finding('UNEXPECTED_COUNT', message, 'See which there are: elasticsearch-service-tokens list'),
    );
  }
  return findings;
}
