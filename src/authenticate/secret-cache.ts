import * as crypto from 'node:crypto';
import { requireFunction, requireInteger, requireNumber, requireObject } from '../require.js';

/** The server's settings `xpack.security.authc.service_token.cache.*`. */
export interface CacheOptions {
  /** How long a success is cached, in milliseconds; 20 minutes by default; 0 disables the cache. */
  readonly ttl?: number | undefined;
  /** How many tokens are cached; 100,000 by default. The least recently used token is evicted. */
  readonly maxTokens?: number | undefined;
  /** Returns the time in milliseconds; a parameter for tests. */
  readonly clock?: (() => number) | undefined;
}

interface Remembered {
  readonly salt: string;
  /** The SHA-256 of salt and secret, in latin1: a string takes far less memory than a Buffer. */
  readonly digest: string;
  readonly expiresAt: number;
}

const MINUTE = 60_000;
const SALT_BYTES = 8; // as the server's ssha256

/**
 * Caches correct secrets as the server does (docs/server-behaviour.md, "Cache"): successes only, by qualified name, as
 * a salted SHA-256 of the secret.
 */
export class SecretCache {
  readonly #ttl: number;
  readonly #maxTokens: number;
  readonly #clock: () => number;
  /** The salt of the fingerprints, which exists only in this process. */
  readonly #ownSalt = newSalt();
  /** From the least to the most recently used. */
  readonly #remembered = new Map<string, Remembered>();
  /** Digests of the last correct secrets; only used to order requests, and so never cleared. */
  readonly #lastRight = new Map<string, string>();

  /** @throws USAGE for options of the wrong type */
  constructor(options: CacheOptions = {}) {
    requireObject(options, 'cache');
    const { ttl = 20 * MINUTE, maxTokens = 100_000, clock = () => performance.now() } = options;
    requireNumber(ttl, 'cache.ttl');
    requireInteger(maxTokens, 'cache.maxTokens');
    requireFunction(clock, 'cache.clock');
    this.#ttl = ttl;
    this.#maxTokens = maxTokens;
    this.#clock = clock;
  }

  /** @returns whether the secret is the cached one; undefined if none is cached */
  matches(qualifiedName: string, secret: string): boolean | undefined {
    const remembered = this.#remembered.get(qualifiedName);
    if (remembered === undefined) return undefined;
    this.#remembered.delete(qualifiedName);
    if (remembered.expiresAt <= this.#now()) return undefined;
    this.#remembered.set(qualifiedName, remembered);
    const digest = digestOf(remembered.salt, secret);
    return crypto.timingSafeEqual(Buffer.from(digest, 'latin1'), Buffer.from(remembered.digest, 'latin1'));
  }

  remember(qualifiedName: string, secret: string): void {
    this.#lastRight.delete(qualifiedName);
    this.#lastRight.set(qualifiedName, digestOf(this.#ownSalt, secret));
    this.#bound(this.#lastRight);
    if (this.#ttl <= 0) return;
    const salt = newSalt();
    this.#remembered.delete(qualifiedName);
    this.#remembered.set(qualifiedName, {
      salt,
      digest: digestOf(salt, secret),
      expiresAt: this.#now() + this.#ttl,
    });
    this.#bound(this.#remembered);
  }

  /** Whether this was the last correct secret, however long ago: a hint for the order of requests. */
  wasRight(qualifiedName: string, secret: string): boolean {
    return this.#lastRight.get(qualifiedName) === digestOf(this.#ownSalt, secret);
  }

  /** Identifies a name and a secret without revealing the secret. */
  fingerprint(qualifiedName: string, secret: string): string {
    return `${qualifiedName}:${digestOf(this.#ownSalt, secret)}`;
  }

  clear(): void {
    this.#remembered.clear();
  }

  #now(): number {
    const now = this.#clock();
    requireNumber(now, "cache.clock's time", { least: Number.NEGATIVE_INFINITY });
    return now;
  }

  #bound(map: Map<string, unknown>): void {
    const [oldest] = map.keys();
    if (map.size > this.#maxTokens && oldest !== undefined) map.delete(oldest);
  }
}

/** A string, so that it can be concatenated with the secret. */
function newSalt(): string {
  return crypto.randomBytes(SALT_BYTES).toString('base64');
}

function digestOf(salt: string, secret: string): string {
  const salted = salt + secret;
  // crypto.hash, new in Node 20.12, is faster by a third.
  return (
    crypto.hash?.('sha256', salted, 'binary') ?? crypto.createHash('sha256').update(salted).digest('binary')
  );
}
