import { EventEmitter } from 'node:events';
import { availableParallelism } from 'node:os';
import { authenticateBody, type Refusal, refuseAtOnce, verifyStored } from './authentication.js';
import type { ElasticsearchVersion } from './elasticsearch-version.js';
import { FairQueue } from './fair-queue.js';
import type { FileFollower, Reload } from './file-follower.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { type CacheOptions, SecretCache } from './secret-cache.js';
import { ServiceTokensFile } from './service-tokens-file.js';
import { ServiceToken } from './token.js';

/** How a store reads, follows and remembers. */
export interface TokenStoreOptions {
  /** Follow the file as a node does; without it the file is read once. */
  readonly watch?: boolean;
  /** The server's version, which decides what accounts there are; all accounts of every version without it. */
  readonly version?: ElasticsearchVersion;
  readonly cache?: CacheOptions;
  readonly fs?: FileSystem;
}

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

/** Enough to keep all of libuv's threads at work, four by default, while results are looked at. */
const WIDTH = Math.max(4, availableParallelism() + 1);
const MAX_WAITING = 1_000; // for one token

/**
 * Authenticates bearers as a node with the same tokens file would.
 *
 * PBKDF2 runs off the main thread, a few at a time. A flood of wrong tokens can't starve the right ones: a name that is
 * not in the file costs no hash; a secret for a name that is cached is answered from the cache, right or wrong; the rest
 * waits in a lane for each name, and the lanes take turns (FairQueue). A secret that was right before has a lane of its
 * own, so that it is soon answered when the cache was cleared or has expired. Only a secret that never was right yet
 * waits among the wrong ones for its own name. Equal questions at once are computed once.
 *
 * Events: `reload`, with a Reload, for each effective change of the file.
 *
 * @example
 * const store = await TokenStore.open('/etc/elasticsearch/service_tokens', { watch: true });
 * const who = await store.authenticate(request.headers.authorization ?? '');
 * if (who.authenticated) console.log(who.principal);
 */
export class TokenStore extends EventEmitter<{ reload: [Reload] }> {
  readonly #version: ElasticsearchVersion | undefined;
  readonly #cache: SecretCache;
  readonly #queue = new FairQueue(WIDTH, MAX_WAITING);
  /** Questions that are being computed, by name and by a salted digest of the secret. */
  readonly #asked = new Map<string, Promise<Refusal | undefined>>();
  #entries: ReadonlyMap<string, string> = new Map();
  #follower: FileFollower | undefined;

  private constructor({ version, cache }: TokenStoreOptions) {
    super();
    this.#version = version;
    this.#cache = new SecretCache(cache);
  }

  /**
   * Reads a tokens file.
   *
   * @param path the file, which need not exist
   * @throws MALFORMED_FILE where a node would not start; IO or PERMISSION
   */
  static async open(path: string, options: TokenStoreOptions = {}): Promise<TokenStore> {
    const { watch = false, fs = nodeFileSystem } = options;
    const store = new TokenStore(options);
    if (watch) await store.#follow(path, fs);
    else store.#entries = new ServiceTokensFile(path, { fs }).entries();
    return store;
  }

  /**
   * Says who the bearer of a token is.
   *
   * @param authorization the value of an Authorization header, `Bearer <token>` with the scheme in any letter case and
   *   one space, or the token alone; nothing is trimmed
   * @returns who it is, or which check refused it
   * @throws BUSY when too many wait for the same token; what is wrong with the token is then not known
   */
  async authenticate(authorization: string): Promise<Authentication> {
    const token = ServiceToken.decode(
      /^bearer /i.test(authorization) ? authorization.slice(7) : authorization,
    );
    if (token === undefined) return { authenticated: false, reason: 'NOT_A_TOKEN' };
    const refusal = refuseAtOnce(token, this.#version) ?? (await this.#check(token));
    return refusal === undefined
      ? new Authenticated(token, this.#version)
      : { authenticated: false, reason: refusal };
  }

  /** Ends the watching. A closed store still answers, by what it read last. */
  async close(): Promise<void> {
    await this.#follower?.close();
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
      .run(lane, () => verifyStored(secret, stored))
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
