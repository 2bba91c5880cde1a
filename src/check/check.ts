import { dirname } from 'node:path';
import { commandLine, type Naming } from '../access/printed-command.js';
import { isPrivate, resolvePath } from '../access/resolved-path.js';
import { canRead, findServer } from '../access/server-access.js';
import { requireTrustedLinks } from '../access/symlinks.js';
import { type ElasticsearchVersion, requireVersion } from '../accounts/elasticsearch-version.js';
import { type Attributes, MAX_FILE_BYTES, readSnapshot } from '../disk/atomic-file.js';
import { readCallerDescriptor, requireName } from '../disk/caller-descriptor.js';
import { attempt } from '../disk/file-errors.js';
import type { LockOptions } from '../disk/file-lock.js';
import { errnoOf, type FileSystem, ifExists, nodeFileSystem } from '../disk/file-system.js';
import { ServiceTokensError } from '../errors.js';
import { absolutePath } from '../paths.js';
import {
  requireBoolean,
  requireInteger,
  requireNumber,
  requireObject,
  requirePath,
  requireProperties,
  requireSignal,
  requireString,
} from '../require.js';
import { digestOf } from '../tokens-file/digest.js';
import { FileContent } from '../tokens-file/file-content.js';
import { checkLines } from './entry-checks.js';
import {
  type CheckedFile,
  checkDirectoryAccess,
  checkFileAccess,
  checkLeftovers,
  checkLinks,
  type OpenedTokensFile,
} from './file-checks.js';
import { type Finding, finding } from './findings.js';
import { repair } from './repair.js';

export interface CheckOptions extends LockOptions {
  /** The server's version; without it the accounts of every version are accepted. */
  readonly version?: ElasticsearchVersion | undefined;
  /** The user that runs the server, by name or number; determined from the configuration directory if not given. */
  readonly serverUser?: string | undefined;
  /** The server's configuration directory; the file's own by default. */
  readonly configDir?: string | undefined;
  /** Repair owner, group and mode first, and report what is left. */
  readonly fix?: boolean | undefined;
  /** For root: repair the file even if other users can change its path. The caller trusts them. */
  readonly trustDirectory?: boolean | undefined;
  /** Whether a missing file is a warning instead of a note. */
  readonly required?: boolean | undefined;
  /** The expected digest, as `digestOf` returns it. */
  readonly expectedDigest?: string | undefined;
  /** The expected number of tokens. */
  readonly expectedTokens?: number | undefined;
  /** @internal */
  readonly fs?: FileSystem;
}

/** The result of a check. */
export interface CheckReport {
  readonly file: string;
  readonly exists: boolean;
  /** How many tokens the server would load. */
  readonly tokens: number;
  /** Equal on nodes that hold the same tokens; null when the server could not read the file. */
  readonly digest: string | null;
  /** Findings about the whole file come first, then those about its lines. */
  readonly findings: readonly Finding[];
  /** The repairs that were made; what they fixed is not among the findings. */
  readonly fixed: readonly string[];
}

/**
 * Finds everything that would keep the server from starting, from reading a tokens file, or from accepting a token in
 * it. Nothing is changed unless `fix` is set.
 *
 * @param path the file, which need not exist; or a descriptor that the caller passed (`/dev/stdin`), of which only the
 *   lines are checked
 * @param opened set by the command only
 * @throws IO or PERMISSION if the file cannot be read; USAGE if the named user does not exist, `fix` is set for a
 *   descriptor, or an argument has the wrong type
 *
 * @example (await checkTokensFile('/etc/elasticsearch/service_tokens')).findings.map(({ message }) => message)
 */
export async function checkTokensFile(
  path: string,
  options: CheckOptions = {},
  opened?: OpenedTokensFile,
): Promise<CheckReport> {
  requirePath(path);
  requireProperties(options, 'options', {
    version: requireVersion,
    serverUser: requireString,
    configDir: requirePath,
    fix: requireBoolean,
    trustDirectory: requireBoolean,
    patience: requireNumber,
    signal: requireSignal,
    required: requireBoolean,
    expectedDigest: requireString,
    expectedTokens: requireInteger,
    fs: requireObject,
  });
  const { version, fix = false, fs = opened?.fs ?? nodeFileSystem } = options;
  if (fix) requireName(path);
  const passed = readCallerDescriptor(fs, path, MAX_FILE_BYTES);
  const { exists, bytes, findings, fixed, naming } = passed
    ? { exists: true, bytes: passed, findings: [], fixed: [], naming: { file: path, isPrivate: true } }
    : await examineFile(path, options, opened, fs);
  const entries = bytes && entriesIfReadable(bytes, path);
  const digest = entries ? digestOf(entries) : null;
  const summary = { file: path, exists, tokens: entries?.size ?? 0, digest };
  const unexpected = checkExpectations(summary, options, naming);
  const lines = checkLines(bytes ?? new Uint8Array(), version);
  return { ...summary, findings: [...unexpected, ...findings, ...lines], fixed };
}

async function examineFile(
  path: string,
  options: CheckOptions,
  opened: OpenedTokensFile | undefined,
  fs: FileSystem,
) {
  const { serverUser, configDir = dirname(path), timing } = options;
  const found = opened ?? unopenedFile(path, fs);
  const { naming, otherServer } = found;
  const server = otherServer?.server ?? found.server ?? findServer(configDir, serverUser, fs);
  const file = { ...found, server, configDir, isOpened: opened !== undefined, timing };
  const before = readFile(file); // what cannot be read is an error, before anything is repaired
  if (before.other !== undefined)
    return { exists: true, bytes: undefined, findings: [before.other], fixed: [], naming };
  const { fixed, refused } = options.fix
    ? await repair(file, before.attributes, options)
    : { fixed: [], refused: [] };
  const { attributes, bytes } = readFile(file);
  const findings = [
    ...refused,
    ...(otherServer ? [finding('DIRECTORY_OWNER', otherServer.fact, otherServer.hint)] : []),
    ...(attributes ? checkFileAccess(file, attributes, refused[0]) : []),
    ...checkDirectoryAccess(file),
    ...checkLinks(file),
    ...(await checkLeftovers(file, refused[0])),
  ];
  return { exists: attributes !== undefined, bytes, findings, fixed, naming };
}

function unopenedFile(path: string, fs: FileSystem): OpenedTokensFile {
  const resolved = resolvePath(fs, absolutePath(path, fs));
  requireTrustedLinks(resolved, fs);
  const naming = { file: path, isPrivate: isPrivate(resolved, fs) };
  return { resolved, naming, server: undefined, otherServer: undefined, fs, asCaller: fs };
}

interface Found {
  readonly attributes?: Attributes;
  /** Undefined if the file cannot be read. */
  readonly bytes?: Buffer;
  readonly other?: Finding;
}

/** Reads the file. What also keeps the server from reading it is a finding; what keeps only the caller, an error. */
function readFile({ resolved: { target }, server, fs }: CheckedFile): Found {
  try {
    return readSnapshot(fs, target) ?? { bytes: Buffer.alloc(0) };
  } catch (error) {
    if (!(error instanceof ServiceTokensError)) throw error;
    const stat = attempt(fs, 'could not read', target, () => ifExists(() => fs.lstatSync(target)));
    if (stat !== undefined && !stat.isFile() && !stat.isSymbolicLink())
      return { other: finding('NOT_A_FILE', error.message, error.hint ?? 'Name a regular file.') };
    const attributes = stat && { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o777 };
    if (errnoOf(error.cause) !== 'EACCES' || !attributes || !server || canRead(server, attributes))
      throw error;
    return { attributes };
  }
}

function* checkExpectations(
  { file, exists, tokens, digest }: Omit<CheckReport, 'findings' | 'fixed'>,
  { required = false, expectedDigest, expectedTokens }: CheckOptions,
  naming: Naming,
): Generator<Finding> {
  if (!exists) {
    const hint = required
      ? 'Check the spelling of the path.'
      : 'A missing file is an empty file; create makes it.';
    const missing = finding('NO_FILE', `The file [${file}] does not exist`, hint);
    yield required ? { ...missing, severity: 'warning' } : missing;
  }
  if (expectedDigest !== undefined && digest !== expectedDigest) {
    const message = `The digest is ${digest ?? 'unknown'}; expected ${expectedDigest}`;
    const hint = 'Compare the file with one that has the expected digest.';
    yield finding('UNEXPECTED_DIGEST', message, hint);
  }
  if (expectedTokens !== undefined && tokens !== expectedTokens) {
    const message = `The number of tokens is ${tokens}; expected ${expectedTokens}`;
    const hint = `List the tokens: ${commandLine(['list'], { ...naming, serverUser: undefined })}`;
    yield finding('UNEXPECTED_COUNT', message, hint);
  }
}

function entriesIfReadable(bytes: Uint8Array, path: string): ReadonlyMap<string, string> | undefined {
  try {
    return FileContent.parse(bytes, path).entries();
  } catch (error) {
    if (error instanceof ServiceTokensError && error.code === 'MALFORMED_FILE') return undefined;
    throw error;
  }
}
