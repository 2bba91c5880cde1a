import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Algorithm, defaultAlgorithm } from './algorithm.js';
import {
  type Attributes,
  findTarget,
  followLinks,
  overwriteFile,
  readSnapshot,
  removeFile,
  replaceFile,
  type Snapshot,
  syncDirectoryOf,
} from './atomic-file.js';
import { ServiceTokensError } from './errors.js';
import { type HeldLock, withLock } from './file-lock.js';
import { type FileSystem, ignoreFailure, nodeFileSystem } from './file-system.js';
import { hashSecret, type RandomBytes } from './hasher.js';
import type { Principal } from './known-accounts.js';
import { findServer, newFileAttributes, type Server } from './server-access.js';
import { ServiceToken } from './token.js';
import type { TokenName } from './token-name.js';
import { TokensText } from './tokens-format.js';

/** As many names are looked for one by one; for more, all that is in the file becomes a map. */
const FEW_NAMES = 8;

/** What a change did to the file's owner, group and mode. */
export interface Change {
  /** Undefined when there was no file before. */
  readonly before: Attributes | undefined;
  readonly after: Attributes;
  /** Who has to read the file, if anybody can tell. */
  readonly server: Server | undefined;
}

export interface FileOptions {
  /** The user that runs the server, by name or number; found out by the files around when not given. */
  readonly serverUser?: string | undefined;
  /** The server's configuration directory, whose files tell who the server is; the file's own by default. */
  readonly configDir?: string | undefined;
  /** Overwrite the file where it is instead of replacing it, as a mount of a single file needs. */
  readonly inPlace?: boolean | undefined;
  /** How long another process's lock is waited for, in milliseconds; 10,000 by default. */
  readonly patience?: number | undefined;
  readonly fs?: FileSystem;
}

export interface ChangeOptions {
  /** Aborted, it ends the change, and nothing has changed; after the delivery it has no effect. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateOptions extends ChangeOptions {
  /** How the secret is hashed; PBKDF2_STRETCH with 10,000 iterations by default. */
  readonly algorithm?: Algorithm;
  readonly random?: RandomBytes;
  /** Hands the token over. When it fails, the new entry is taken back and its error is thrown. */
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

  /** @param path the file, which need not exist; a symbolic link stays one, its target is changed */
  constructor(path: string, { fs = nodeFileSystem, ...options }: FileOptions = {}) {
    this.path = path;
    this.#fs = fs;
    this.#options = options;
  }

  /**
   * Lists the qualified names of the tokens that the server would load.
   *
   * @param principal only this account's
   * @returns the names in the order of their UTF-16 code units; none when there is no file
   * @throws MALFORMED_FILE, IO or PERMISSION
   */
  list(principal?: Principal): string[] {
    return [...this.listInBatches(principal)].flat();
  }

  /** As `list`, some thousand names at a time, for those who do not need all in memory. */
  *listInBatches(principal?: Principal): Generator<string[], void> {
    for (const names of this.#content().nameBatches()) {
      yield principal === undefined ? names : names.filter((name) => name.startsWith(`${principal}/`));
    }
  }

  /**
   * Gives what the server would load.
   *
   * @returns stored hashes by qualified name; none when there is no file
   * @throws MALFORMED_FILE, IO or PERMISSION
   */
  entries(): ReadonlyMap<string, string> {
    return this.#content().entries();
  }

  /**
   * Gives what the server would load of some names.
   *
   * @param names qualified names
   * @returns at least their stored hashes, by qualified name
   * @throws MALFORMED_FILE, IO or PERMISSION
   */
  hashesOf(names: readonly string[]): ReadonlyMap<string, string> {
    const content = this.#content();
    if (names.length > FEW_NAMES) return content.entries();
    const hashes = new Map<string, string>();
    for (const name of names) {
      const hash = content.hashOf(name);
      if (hash !== undefined) hashes.set(name, hash);
    }
    return hashes;
  }

  #content(): TokensText {
    return this.#read(followLinks(this.#fs, this.path).at(-1) ?? this.path).content;
  }

  /**
   * Makes a token and stores its hash.
   *
   * @returns the token, which is nowhere else, and what became of the file's attributes
   * @throws TOKEN_EXISTS, MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; the file is then as it was
   */
  async create(
    principal: Principal,
    name: TokenName,
    { algorithm = defaultAlgorithm, random, deliver, signal }: CreateOptions = {},
  ): Promise<Change & { readonly token: ServiceToken }> {
    const token = ServiceToken.mint(principal, name, random);
    const key = token.qualifiedName;
    const target = findTarget(this.#fs, this.path);
    requireAbsent(key, this.#read(target).content); // before the hash and the lock, which take their time
    const hash = await hashSecret(token.secret, algorithm, random);
    const change = await this.#change(
      target,
      (content) => {
        requireAbsent(key, content);
        return content.with(key, hash);
      },
      () => deliver?.(token),
      signal,
    );
    return { token, ...change };
  }

  /**
   * Removes a token, every line of it.
   *
   * @throws TOKEN_MISSING, MALFORMED_FILE, LOCKED, CANNOT_REPLACE, IO or PERMISSION; the file is then as it was
   */
  async delete(principal: Principal, name: TokenName, { signal }: ChangeOptions = {}): Promise<Change> {
    const key = `${principal}/${name}`;
    const target = findTarget(this.#fs, this.path);
    requirePresent(key, this.#read(target).content);
    return this.#change(
      target,
      (content) => {
        requirePresent(key, content);
        return content.without(key);
      },
      () => undefined,
      signal,
    );
  }

  /** Reads, edits and replaces under the lock; takes the change back if it can't be delivered. */
  #change(
    target: string,
    edit: (content: TokensText) => TokensText,
    deliver: () => Promise<void> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Change> {
    const { patience, serverUser, configDir = dirname(this.path) } = this.#options;
    const server = findServer(configDir, serverUser, this.#fs);
    return withLock(this.#fs, target, { patience, signal }, async (lock) => {
      const { snapshot, content } = this.#read(target);
      const bytes = edit(content).toBytes();
      await noticeSignals(signal);
      const after = this.#write(target, snapshot, bytes, server, lock);
      try {
        syncDirectoryOf(this.#fs, target);
        await noticeSignals(signal);
        await deliver();
      } catch (error) {
        this.#takeBack(target, snapshot, bytes, lock, error);
        throw error;
      }
      return { before: snapshot?.attributes, after, server };
    });
  }

  #read(target: string): { snapshot: Snapshot | undefined; content: TokensText } {
    const snapshot = readSnapshot(this.#fs, target);
    return { snapshot, content: TokensText.parse(snapshot?.bytes ?? new Uint8Array(), this.path) };
  }

  #write(
    target: string,
    snapshot: Snapshot | undefined,
    bytes: Uint8Array,
    server: Server | undefined,
    lock: HeldLock,
  ): Attributes {
    if (snapshot && this.#options.inPlace) {
      lock.assertHeld();
      overwriteFile(this.#fs, target, bytes, snapshot.bytes);
      return snapshot.attributes;
    }
    const wanted = snapshot?.attributes ?? ((born: Attributes) => newFileAttributes(server, born));
    return replaceFile(this.#fs, target, bytes, wanted, () => lock.assertHeld());
  }

  #takeBack(
    target: string,
    snapshot: Snapshot | undefined,
    bytes: Uint8Array,
    lock: HeldLock,
    cause: unknown,
  ): void {
    try {
      lock.assertHeld();
      if (snapshot === undefined) removeFile(this.#fs, target);
      else if (this.#options.inPlace) overwriteFile(this.#fs, target, snapshot.bytes, bytes);
      else replaceFile(this.#fs, target, snapshot.bytes, snapshot.attributes, () => lock.assertHeld());
      ignoreFailure(() => syncDirectoryOf(this.#fs, target));
    } catch (error) {
      const [reason, obstacle] = [cause, error].map((e) => (e instanceof Error ? e.message : String(e)));
      throw new ServiceTokensError('IO', `${reason}; and the change could not be taken back: ${obstacle}`, {
        cause,
      });
    }
  }
}

/**
 * Throws if the signal was aborted. A signal of the system that came while calls were made is told to nobody before
 * the event loop has turned, and it looks for signals between two turns.
 */
async function noticeSignals(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  await setImmediate();
  await setImmediate();
  signal.throwIfAborted();
}

function requirePresent(key: string, content: TokensText): void {
  if (!content.has(key))
    throw new ServiceTokensError('TOKEN_MISSING', `Service token [${key}] does not exist`);
}

function requireAbsent(key: string, content: TokensText): void {
  if (content.has(key)) throw new ServiceTokensError('TOKEN_EXISTS', `Service token [${key}] already exists`);
}
