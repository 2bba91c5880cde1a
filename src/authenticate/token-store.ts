import { EventEmitter } from 'node:events';
import { type ElasticsearchVersion, requireVersion } from '../accounts/elasticsearch-version.js';
import { type FileSystem, nodeFileSystem } from '../disk/file-system.js';
import { BcryptThread } from '../hash/bcrypt-thread.js';
import { requireBoolean, requireInteger, requireObject, requirePath, requireString } from '../require.js';
import { ServiceToken } from '../token/token.js';
import { authenticateBody, type Refusal, refuseAtOnce, verifyStored } from './authentication.js';
import { FairQueue } from './fair-queue.js';
import type { FileFollower } from './file-follower.js';
import type { Reload } from './reload.js';
import { type CacheOptions, SecretCache } from './secret-cache.js';
import { loadTokens } from './tokens-loader.js';
import { nextTurn } from './turns.js';

/** How a store reads, follows and remembers. */
export interface TokenStoreOptions {
  /** Follow the file as a node does; without it the file is read once. */
  readonly watch?: boolean;
  /** The server's version, which decides what accounts there are; all accounts of every version without it. */
  readonly version?: ElasticsearchVersion;
  readonly cache?: CacheOptions;
  /**
   * How many hashes are computed at once; 2 by default. PBKDF2 takes a thread of libuv's pool, which the application's
   * file system calls and DNS lookups need too. The pool has four threads, and this is half of them; where
   * UV_THREADPOOL_SIZE says otherwise, which is not looked at here, give half of that.
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

/** Who a token says its bearer is, or why it says nothing. */
export type Authentication = Authenticated | Refused;

/** The bearer is a service account. */
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

  /** What the server would answer to `GET /_security/_authenticate`. */
  get body(): object {
    return authenticateBody(this.principal, this.tokenName, this.#version);
  }
}

/** The bearer is nobody. */
export interface Refused {
  readonly authenticated: false;
  /** For the log, not for the client: the server tells it nothing but "no". */
  readonly reason: Refusal | 'NOT_A_TOKEN';
}

const CONCURRENCY = 2;
const MAX_CONCURRENCY = 1_024; // as many threads as libuv's pool may have
const MAX_WAITING = 1_000; // for one token

/**
 * Authenticates bearers as a node with the same tokens file would.
 *
 * Hashes are computed off the main thread, a few at a time, and the file is loaded in slices of a few milliseconds. A
 * flood of wrong tokens can't starve the right ones: a name that is not in the file costs no hash; a secret for a name
 * that is cached is answered from the cache, right or wrong; the rest waits in a lane for each name, and the lanes take turns (FairQueue). A secret that was right before has a lane of its
 * own, so that it is soon answered when the cache was cleared or has expired. Only a secret that never was right yet
 * waits among the wrong ones for its own name. Equal questions at once are computed once.
 *
 * Events: `reload`, with a Reload, for each effective change of the file. What a listener throws is an uncaught
 * exception of the process, as with every EventEmitter; the store has the new entries by then, and goes on.
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
  /** Questions that are being computed, by name and by a salted digest of the secret. */
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
   * @throws MALFORMED_FILE where a node would not start; IO or PERMISSION; USAGE for arguments of the wrong kind
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
   * Says who the bearer of a token is.
   *
   * @param authorization the value of an Authorization header, `Bearer <token>` with the scheme in any letter case and
   *   one space, or the token alone; nothing is trimmed
   * @returns who it is, or which check refused it
   * @throws BUSY when too many wait for the same token; what is wrong with the token is then not known; USAGE for what
   *   is no string
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

  /** Ends the watching, and what is under way. A closed store still answers, by what it read last. */
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
    const { FileFollower } = await import('./file-follower.js'); // only when needed: it takes time to load
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
    this.#asked.clear(); // what is computed now is about the old file
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
        // Not where the file has changed meanwhile: the hash was the old one's.
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
