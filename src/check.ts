import { dirname } from 'node:path';
import { checkDirectoryAccess, checkFileAccess } from './access-checks.js';
import { followLinks, readSnapshot } from './atomic-file.js';
import { digestOf } from './digest.js';
import { type ElasticsearchVersion, requireVersion } from './elasticsearch-version.js';
import { checkLines } from './entry-checks.js';
import type { LockOptions } from './file-lock.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import type { Finding } from './findings.js';
import { checkLinks, checkRemains, type Steps } from './place-checks.js';
import { repair } from './repair.js';
import {
  optional,
  requireBoolean,
  requireNumber,
  requireObject,
  requirePath,
  requireSignal,
  requireString,
} from './require.js';
import { findServer } from './server-access.js';
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
  readonly fs?: FileSystem;
}

/** What there is to say about a tokens file. */
export interface CheckReport {
  readonly file: string;
  /** How many tokens the server would load. */
  readonly tokens: number;
  /** Equal on nodes that hold the same tokens; null when the server could not read the file. */
  readonly digest: string | null;
  /** What is about the file as a whole first, then line by line. */
  readonly findings: readonly Finding[];
  /** What was repaired, and is not among the findings any more. */
  readonly fixed: readonly string[];
}

/**
 * Finds everything that would keep the server from starting, from reading a tokens file, or from accepting a token in
 * it. Nothing is changed unless `fix` is set.
 *
 * @param path the file; a missing one is fine, as it is to the server
 * @throws IO or PERMISSION when the file can't be read at all, USAGE when the named user does not exist or an
 *   argument is of the wrong kind
 *
 * @example (await checkTokensFile('/etc/elasticsearch/service_tokens')).findings.map(({ message }) => message)
 */
export async function checkTokensFile(path: string, options: CheckOptions = {}): Promise<CheckReport> {
  requirePath(path);
  requireObject(options, 'options');
  const { version, serverUser, configDir, fix = false, fs = nodeFileSystem, ...lockOptions } = options;
  requireVersion(version);
  optional(serverUser, (user) => requireString(user, 'serverUser'));
  optional(configDir, (directory) => requirePath(directory, 'configDir'));
  requireBoolean(fix, 'fix');
  optional(lockOptions.patience, (patience) => requireNumber(patience, 'patience'));
  optional(lockOptions.signal, (signal) => requireSignal(signal, 'signal'));
  requireObject(fs, 'fs');
  const steps: Steps = [path, ...followLinks(fs, path).slice(1)];
  const target = steps.at(-1) ?? path;
  const server = findServer(configDir ?? dirname(path), serverUser, fs);
  readSnapshot(fs, target); // what can't be read is refused before anything is repaired
  const { fixed, refused } = fix ? await repair(path, server, lockOptions, fs) : { fixed: [], refused: [] };

  const snapshot = readSnapshot(fs, target);
  const bytes = snapshot?.bytes ?? new Uint8Array();
  const lines = readLines(bytes);
  const entries = lines.some(({ fault }) => fault) ? undefined : TokensText.parse(bytes, path).entries;
  return {
    file: path,
    tokens: entries?.size ?? 0,
    digest: entries ? digestOf(entries) : null,
    findings: [
      ...refused,
      ...(snapshot ? checkFileAccess(steps, snapshot.attributes, server, fs) : []),
      ...checkDirectoryAccess(steps, server, fs),
      ...checkLinks(steps, fs),
      ...checkRemains(steps, fs),
      ...checkLines(lines, version),
    ],
    fixed,
  };
}
