import { type Algorithm, defaultAlgorithm } from './algorithm.js';
import {
  type Attributes,
  followLinks,
  readSnapshot,
  removeFile,
  replaceFile,
  type Snapshot,
} from './atomic-file.js';
import { ServiceTokensError } from './errors.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { hashSecret, type RandomBytes } from './hasher.js';
import type { Principal } from './known-accounts.js';
import { ServiceToken } from './token.js';
import type { TokenName } from './token-name.js';
import { TokensText } from './tokens-format.js';

/** What a change did to the file's owner, group and mode. */
export interface Change {
  /** Undefined when there was no file before. */
  readonly before: Attributes | undefined;
  readonly after: Attributes;
}

export interface CreateOptions {
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

  /** @param path the file, which need not exist; a symbolic link stays one, its target is changed */
  constructor(path: string, fs: FileSystem = nodeFileSystem) {
    this.path = path;
    this.#fs = fs;
  }

  /**
   * Lists the qualified names of the tokens that the server would load.
   *
   * @param principal only this account's
   * @returns the names in the order of their UTF-16 code units; none when there is no file
   * @throws MALFORMED_FILE, IO or PERMISSION
   */
  list(principal?: Principal): string[] {
    const { keys } = this.#read(followLinks(this.#fs, this.path)).content;
    return principal === undefined ? keys : keys.filter((key) => key.startsWith(`${principal}/`));
  }

  /**
   * Makes a token and stores its hash.
   *
   * @returns the token, which is nowhere else, and what became of the file's attributes
   * @throws TOKEN_EXISTS, MALFORMED_FILE, CANNOT_REPLACE, IO or PERMISSION; the file is then as it was
   */
  async create(
    principal: Principal,
    name: TokenName,
    { algorithm = defaultAlgorithm, random, deliver }: CreateOptions = {},
  ): Promise<Change & { readonly token: ServiceToken }> {
    const token = ServiceToken.mint(principal, name, random);
    const key = token.qualifiedName;
    const target = followLinks(this.#fs, this.path);
    requireAbsent(key, this.#read(target).content); // before the hash, which takes its time
    const hash = await hashSecret(token.secret, algorithm, random);
    const { snapshot, content } = this.#read(target);
    requireAbsent(key, content);
    const change = this.#replace(target, snapshot, content.with(key, hash));
    try {
      await deliver?.(token);
    } catch (error) {
      this.#restore(target, snapshot);
      throw error;
    }
    return { token, ...change };
  }

  /**
   * Removes a token, every line of it.
   *
   * @throws TOKEN_MISSING, MALFORMED_FILE, CANNOT_REPLACE, IO or PERMISSION; the file is then as it was
   */
  async delete(principal: Principal, name: TokenName): Promise<Change> {
    const key = `${principal}/${name}`;
    const target = followLinks(this.#fs, this.path);
    const { snapshot, content } = this.#read(target);
    if (!content.entries.has(key)) {
      throw new ServiceTokensError('TOKEN_MISSING', `Service token [${key}] does not exist`);
    }
    return this.#replace(target, snapshot, content.without(key));
  }

  #read(target: string): { snapshot: Snapshot | undefined; content: TokensText } {
    const snapshot = readSnapshot(this.#fs, target);
    return { snapshot, content: TokensText.parse(snapshot?.bytes ?? new Uint8Array(), this.path) };
  }

  #replace(target: string, snapshot: Snapshot | undefined, content: TokensText): Change {
    const after = replaceFile(this.#fs, target, content.toBytes(), snapshot?.attributes);
    return { before: snapshot?.attributes, after };
  }

  #restore(target: string, snapshot: Snapshot | undefined): void {
    if (snapshot === undefined) removeFile(this.#fs, target);
    else replaceFile(this.#fs, target, snapshot.bytes, snapshot.attributes);
  }
}

function requireAbsent(key: string, { entries }: TokensText): void {
  if (entries.has(key)) throw new ServiceTokensError('TOKEN_EXISTS', `Service token [${key}] already exists`);
}
