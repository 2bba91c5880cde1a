import { dirname } from 'node:path';
import { refuseModifiers } from '../access/identity.js';
import { inDirectory } from '../access/opened-directory.js';
import { resolvePath } from '../access/resolved-path.js';
import { findServer } from '../access/server-access.js';
import { readTrusted } from '../access/trusted-read.js';
import { type Principal, parsePrincipal } from '../accounts/known-accounts.js';
import { MAX_FILE_BYTES } from '../disk/atomic-file.js';
import { readCallerDescriptor } from '../disk/caller-descriptor.js';
import { type FileSystem, nodeFileSystem } from '../disk/file-system.js';
import { type Algorithm, defaultAlgorithm, requireAlgorithm } from '../hash/algorithm.js';
import type { RandomBytes } from '../hash/hasher.js';
import { absolutePath } from '../paths.js';
import {
  requireBoolean,
  requireFunction,
  requireNumber,
  requireObject,
  requirePath,
  requireProperties,
  requireSignal,
  requireString,
} from '../require.js';
import type { ServiceToken } from '../token/token.js';
import { parseTokenName, qualifiedName, type TokenName } from '../token/token-name.js';
import { addToken, decideByName } from './add-token.js';
import { removeEntries } from './edits.js';
import { applyEdit, type Change, type EntryStore } from './entry-store.js';
import { FileContent } from './file-content.js';
import { tokensFileTransaction } from './tokens-file-transaction.js';

export interface FileOptions {
  /** The user who runs the server, by name or number; by default determined from other files of the directory. */
  readonly serverUser?: string | undefined;
  /** The configuration directory of the server, whose files show its user; by default the directory of the file. */
  readonly configDir?: string | undefined;
  /** Overwrite the file instead of replacing it, for a bind mount of the single file. */
  readonly inPlace?: boolean | undefined;
  /** How long to wait for one live lock holder, in milliseconds; 10,000 by default. */
  readonly patience?: number | undefined;
  /**
   * For root: change the file although other users can change its path. Without this option such a change is refused,
   * because those users could redirect it to any file.
   */
  readonly trustDirectory?: boolean | undefined;
  /** @internal */
  readonly fs?: FileSystem;
}

export interface ChangeOptions {
  /** If aborted, the change fails and nothing has changed; it has no effect after the delivery. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateOptions extends ChangeOptions {
  /** How the secret is hashed; PBKDF2_STRETCH with 10,000 iterations by default. */
  readonly algorithm?: Algorithm;
  readonly random?: RandomBytes;
  /** Hands over the token. If it fails, the new entry is removed again and its error is thrown. */
  readonly deliver?: (token: ServiceToken) => Promise<void>;
}

/**
 * The file of service account tokens that a node reads, `service_tokens`.
 *
 * @example
 * const file = new ServiceTokensFile('/etc/elasticsearch/service_tokens');
 * const { token } = await file.create(parsePrincipal('elastic/kibana'), parseTokenName('my-token'));
 * console.log(token.bearer);
 */
export class ServiceTokensFile {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #options: FileOptions;

  /**
   * @param path the file, which need not exist; a symlink is kept, and its target is changed
   * @throws USAGE for an invalid path or option
   */
  constructor(path: string, options: FileOptions = {}) {
    requirePath(path);
    requireProperties(options, 'options', {
      serverUser: requireString,
      configDir: requirePath,
      inPlace: requireBoolean,
      patience: requireNumber,
      trustDirectory: requireBoolean,
      fs: requireObject,
    });
    const { fs = nodeFileSystem, ...others } = options;
    this.path = path;
    this.#fs = fs;
    this.#options = others;
  }

  /**
   * Lists the qualified names of the tokens that the server would load.
   *
   * @param principal lists only the tokens of this account
   * @returns the names in the order of their UTF-16 code units; none if there is no file
   * @throws MALFORMED_FILE, IO or PERMISSION; UNKNOWN_PRINCIPAL
   */
  list(principal?: Principal): string[] {
    if (principal !== undefined) parsePrincipal(principal);
    return this.#content().nameList(principal === undefined ? '' : `${principal}/`);
  }

  /**
   * Returns the entries that the server would load.
   *
   * @returns stored hashes by qualified name; none if there is no file
   * @throws MALFORMED_FILE, IO or PERMISSION
   */
  entries(): ReadonlyMap<string, string> {
    return this.#content().entries();
  }

  /**
   * Creates a token and stores its hash.
   *
   * @returns the token, which is not stored anywhere, and the file's attributes before and after
   * @throws TOKEN_EXISTS, MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; UNKNOWN_PRINCIPAL,
   *   INVALID_TOKEN_NAME, INVALID_ALGORITHM or USAGE for invalid arguments; the signal's reason; any error of `random`
   *   and `deliver`. The file is then unchanged
   */
  async create(
    principal: Principal,
    name: TokenName,
    options: CreateOptions = {},
  ): Promise<Change & { readonly token: ServiceToken }> {
    parsePrincipal(principal);
    parseTokenName(name);
    requireProperties(options, 'options', { deliver: requireFunction, signal: requireSignal });
    const { algorithm = defaultAlgorithm, random, deliver, signal } = options;
    requireAlgorithm(algorithm);
    return this.#transact(async (transaction) => {
      let created: ServiceToken | undefined;
      const { change } = await addToken(transaction, {
        principal,
        decide: decideByName(principal, name, 'refuse'),
        algorithm: () => algorithm,
        random,
        signal,
        deliver: async (token) => {
          created = token;
          await deliver?.(token);
        },
      });
      return { token: created as ServiceToken, ...(change as Change) }; // it is delivered, or an error is thrown
    });
  }

  /**
   * Removes every line of a token.
   *
   * @throws TOKEN_MISSING, MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; UNKNOWN_PRINCIPAL,
   *   INVALID_TOKEN_NAME or USAGE for invalid arguments; the signal's reason. The file is then unchanged
   */
  async delete(principal: Principal, name: TokenName, options: ChangeOptions = {}): Promise<Change> {
    parsePrincipal(principal);
    parseTokenName(name);
    requireProperties(options, 'options', { signal: requireSignal });
    const { signal } = options;
    const edit = removeEntries([qualifiedName(principal, name)]);
    const { change } = await this.#transact((transaction) => applyEdit(transaction, edit, { signal }));
    return change as Change; // it removes an entry, or throws
  }

  #content(): FileContent {
    const [fs, path] = [this.#fs, this.path];
    const passed = readCallerDescriptor(fs, path, MAX_FILE_BYTES);
    const bytes = passed ?? readTrusted(fs, absolutePath(path, fs), MAX_FILE_BYTES)?.bytes;
    return FileContent.parse(bytes ?? new Uint8Array(), path);
  }

  /** Calls `work` with the file's directory held open, so that it stays the same even if the path changes. */
  async #transact<T>(work: (transaction: EntryStore) => Promise<T>): Promise<T> {
    const { configDir = dirname(this.path), serverUser, ...options } = this.#options;
    const [fs, path] = [this.#fs, this.path];
    const resolved = resolvePath(fs, absolutePath(path, fs));
    if (!options.trustDirectory) refuseModifiers(resolved, fs);
    const transaction = { ...options, findServer: () => findServer(configDir, serverUser, fs) };
    const transact = async (opened: { readonly fs: FileSystem }) =>
      work(tokensFileTransaction({ fs: opened.fs, path, resolved }, transaction));
    return resolved.directory ? inDirectory(resolved, undefined, fs, transact) : transact({ fs });
  }
}
