import * as crypto from 'node:crypto';
import { requireFunction, requireInteger, requireNumber, requireObject } from '../require.js';

/** The server's settings `xpack.security.authc.service_token.cache.*`. */
export interface CacheOptions {
  /** How long a success is remembered, in milliseconds; 20 minutes by default, 0 turns the cache off. */
  readonly ttl?: number | undefined;
  /** How many tokens are remembered; 100,000 by default. The one that was used least recently gives way. */
  readonly maxTokens?: number | undefined;
  /** Gives the time in milliseconds; a parameter for tests. */
  readonly clock?: (() => number) | undefined;
}

interface Remembered {
  readonly salt: string;
  /** The SHA-256 of salt and secret, in latin1: such a text takes far less memory than a Buffer. */
  readonly digest: string;
  readonly expiresAt: number;
}

const MINUTE = 60_000;
const SALT_BYTES = 8; // as the server's ssha256

/**
 * Remembers which secret was right, as the server's cache does (docs/server-behaviour.md, "Cache"): successes only, by
 * qualified name, with a salted SHA-256 of the secret and never the secret itself.
 */
export class SecretCache {
  readonly #ttl: number;
  readonly #maxTokens: number;
  readonly #clock: () => number;
  /** Of fingerprints: with the process it is gone. */
  readonly #ownSalt = newSalt();
  /** From the least to the most recently used. */
  readonly #remembered = new Map<string, Remembered>();
  /** Digests of the secrets that were right last; never an answer, and so never cleared. */
  readonly #lastRight = new Map<string, string>();

  /** @throws USAGE for options of the wrong kind */
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

  /** @returns whether the secret is the remembered one; undefined when none is remembered */
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

  /** Whether the secret was right the last time that one was, however long ago: a hint, of whom to serve first. */
  wasRight(qualifiedName: string, secret: string): boolean {
    return this.#lastRight.get(qualifiedName) === digestOf(this.#ownSalt, secret);
  }

  /** A text that stands for a name and a secret, and does not tell the secret. */
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

/** Text, so that salt and secret are one text to hash. */
function newSalt(): string {
  return crypto.randomBytes(SALT_BYTES).toString('base64');
}

function digestOf(salt: string, secret: string): string {
  const salted = salt + secret;
  // crypto.hash is a third faster, and came with Node 20.12.
  return (
    crypto.hash?.('sha256', salted, 'binary') ?? crypto.createHash('sha256').update(salted).digest('binary')
  );
}
