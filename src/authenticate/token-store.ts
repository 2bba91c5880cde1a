import { EventEmitter } from 'node:events';
import { type ElasticsearchVersion, requireVersion } from '../accounts/elasticsearch-version.js';
import { type FileSystem, nodeFileSystem } from '../disk/file-system.js';
import { BcryptThread } from '../hash/bcrypt-thread.js';
import { requireBoolean, requireInteger, requireObject, requirePath, requireString } from '../require.js';
import { ServiceToken } from '../token/token.js';
import { authenticateBody, type Refusal, refuseAtOnce, verifyStored } from './authentication.js';
import { FairQueue } from './fair-queue.js';
import { FileFollower } from './file-follower.js';
import type { Reload } from './reload.js';
import { type CacheOptions, SecretCache } from './secret-cache.js';
import { loadTokens } from './tokens-loader.js';
import { nextTurn } from './turns.js';

/** The options of a TokenStore. */
export interface TokenStoreOptions {
  /** Follow the file as a node does; by default the file is read once. */
  readonly watch?: boolean;
  /** The server's version, which determines the known accounts; by default those of every version. */
  readonly version?: ElasticsearchVersion;
  readonly cache?: CacheOptions;
  /**
   * How many hashes are computed at a time; 2 by default. PBKDF2 uses a thread of libuv's pool, which the application's
   * file system calls and DNS lookups need, too. The default is half of the pool's four threads; if UV_THREADPOOL_SIZE
   * is set, which is not read here, use half of its value.
   */
  readonly concurrency?: number | undefined;
  /** @internal */
  readonly fs?: FileSystem;
}

/** What a store has of Node's EventEmitter, in types that need no others. */
export interface ReloadEvents {
  on(event: 'reload', listener: (reload: Reload) => void): this;
  once(event: 'reload', listener: (reload: Reload) => void): this;
  off(event: 'reload', listener: (reload: Reload) => void): this;
  emit(event: 'reload', reload: Reload): boolean;
}
const ReloadEmitter: new () => ReloadEvents = EventEmitter<{ reload: [Reload] }>;

/** The result of an authentication. */
export type Authentication = Authenticated | Refused;

/** The token was accepted. */
export class Authenticated {
  readonly authenticated = true;
  /** `<namespace>/<service>`. */
  readonly principal: string;
  readonly tokenName: string;
  readonly #version: ElasticsearchVersion | undefined;

  constructor({ principal, name }: ServiceToken, version: ElasticsearchVersion | undefined) {
    this.principal = principal;
    this.tokenName = name;
    this.#version = version;
  }

  /** The server's response to `GET /_security/_authenticate`. */
  get body(): object {
    return authenticateBody(this.principal, this.tokenName, this.#version);
  }
}

/** The token was refused. */
export interface Refused {
  readonly authenticated: false;
  /** For the log only: the server does not tell the client the reason. */
  readonly reason: Refusal | 'NOT_A_TOKEN';
}

const CONCURRENCY = 2;
const MAX_CONCURRENCY = 1_024; // the largest pool of libuv
const MAX_WAITING = 1_000; // for one token

/**
 * Authenticates bearers as a node with the same tokens file would.
 *
 * Hashes are computed off the main thread, a few at a time, and the file is loaded in slices of a few milliseconds.
 *
 * A flood of wrong tokens does not starve correct ones. A name that is not in the file costs no hash. If the name is
 * cached, the cache answers, also for a wrong secret. Other requests wait in one lane per name, and the lanes are
 * served in turn (FairQueue). A secret that was correct before has a lane of its own, so that it is answered soon after
 * the cache was cleared or has expired. Only a secret that was never correct before waits together with wrong secrets
 * for its name. Equal requests at the same time are computed once.
 *
 * Events: `reload`, with a Reload, for each effective change of the file. What a listener throws is an uncaught
 * exception of the process, as with every EventEmitter; the store already has the new entries, and continues.
 *
 * @example
 * const store = await TokenStore.open('/etc/elasticsearch/service_tokens', { watch: true });
 * const who = await store.authenticate(request.headers.authorization ?? '');
 * if (who.authenticated) console.log(who.principal);
 */
export class TokenStore extends ReloadEmitter {
  readonly #version: ElasticsearchVersion | undefined;
  readonly #cache: SecretCache;
  readonly #queue: FairQueue;
  readonly #bcrypt = new BcryptThread();
  /** Requests that are being computed, by fingerprint. */
  readonly #asked = new Map<string, Promise<Refusal | undefined>>();
  #entries: ReadonlyMap<string, string> = new Map();
  #follower: FileFollower | undefined;

  private constructor({ version, cache, concurrency = CONCURRENCY }: TokenStoreOptions) {
    super();
    requireVersion(version);
    requireInteger(concurrency, 'concurrency', { least: 1, most: MAX_CONCURRENCY });
    this.#version = version;
    this.#cache = new SecretCache(cache);
    this.#queue = new FairQueue(concurrency, MAX_WAITING);
  }

  /**
   * Reads a tokens file.
   *
   * @param path the file, which need not exist
   * @throws MALFORMED_FILE if a node would not start; IO or PERMISSION; USAGE for arguments of the wrong type
   */
  static async open(path: string, options: TokenStoreOptions = {}): Promise<TokenStore> {
    requirePath(path);
    requireObject(options, 'options');
    const { watch = false, fs = nodeFileSystem } = options;
    requireBoolean(watch, 'watch');
    requireObject(fs, 'fs');
    const store = new TokenStore(options);
    if (watch) await store.#follow(path, fs);
    else await store.#load(path, fs);
    return store;
  }

  /**
   * Authenticates a bearer.
   *
   * @param authorization the value of an Authorization header, `Bearer <token>` with the scheme in any letter case and
   *   one space, or only the token; nothing is trimmed
   * @returns the principal and the token name, or the check that refused the token
   * @throws BUSY if too many requests wait for the same token, so that it was not checked; USAGE if the argument is not
   *   a string
   */
  async authenticate(authorization: string): Promise<Authentication> {
    requireString(authorization, 'authorization');
    const token = ServiceToken.decode(
      /^bearer /i.test(authorization) ? authorization.slice(7) : authorization,
    );
    if (token === undefined) return { authenticated: false, reason: 'NOT_A_TOKEN' };
    const refusal = refuseAtOnce(token, this.#version) ?? (await this.#check(token));
    return refusal === undefined
      ? new Authenticated(token, this.#version)
      : { authenticated: false, reason: refusal };
  }

  /** Stops following the file, and pending work. A closed store still answers from the entries that it read last. */
  async close(): Promise<void> {
    await this.#follower?.close();
    await this.#bcrypt.close();
  }

  async #load(path: string, fs: FileSystem): Promise<void> {
    const { entries, error } = await loadTokens(fs, path, nextTurn);
    if (error !== undefined) throw error;
    this.#entries = entries;
  }

  async #follow(path: string, fs: FileSystem): Promise<void> {
    const follower = await FileFollower.open(path, { fs, onReload: (reload) => this.#reload(reload) });
    if (follower.error !== undefined) {
      await follower.close();
      throw follower.error;
    }
    this.#follower = follower;
    this.#entries = follower.entries;
  }

  #reload(reload: Reload): void {
    if (this.#follower) this.#entries = this.#follower.entries;
    this.#cache.clear();
    this.#asked.clear(); // pending hashes belong to the old file
    this.emit('reload', reload);
  }

  #check({ qualifiedName, secret }: ServiceToken): Refusal | undefined | Promise<Refusal | undefined> {
    const stored = this.#entries.get(qualifiedName);
    if (stored === undefined) return 'NO_SUCH_TOKEN';
    const cached = this.#cache.matches(qualifiedName, secret);
    if (cached !== undefined) return cached ? undefined : 'WRONG_SECRET';
    return this.#compute(qualifiedName, secret, stored);
  }

  #compute(qualifiedName: string, secret: string, stored: string): Promise<Refusal | undefined> {
    const question = this.#cache.fingerprint(qualifiedName, secret);
    const asked = this.#asked.get(question);
    if (asked !== undefined) return asked;
    const lane = this.#cache.wasRight(qualifiedName, secret) ? `${qualifiedName} again` : qualifiedName;
    const answer = this.#queue
      .run(lane, () => verifyStored(secret, stored, (...question) => this.#bcrypt.hashLike(...question)))
      .then((refusal) => {
        // Not if the file has changed meanwhile: the hash was from the old file.
        const isCurrent = this.#asked.get(question) === answer;
        if (isCurrent && refusal === undefined) this.#cache.remember(qualifiedName, secret);
        return refusal;
      })
      .finally(() => {
        if (this.#asked.get(question) === answer) this.#asked.delete(question);
      });
    this.#asked.set(question, answer);
    return answer;
  }
}
