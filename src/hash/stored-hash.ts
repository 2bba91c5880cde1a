import { ServiceTokensError } from '../errors.js';
import { decodeBase64, parseInt32 } from '../java-text.js';
import { type Algorithm, bcryptCosts, pbkdf2Costs } from './algorithm.js';

/** A stored hash as the server classifies it by its header, and its parts, as unchecked text. */
export type StoredHash = KeyHash | DigestHash;

export interface KeyHash extends Algorithm {
  readonly salt: string;
  /** Undefined if a PBKDF2 hash has no `$` after the salt. */
  readonly key: string | undefined;
}

export interface DigestHash {
  readonly scheme: 'sha1' | 'md5' | 'ssha256';
  /** Empty, except of {SSHA256}; undefined if it is too short or not base64. */
  readonly salt: Buffer | undefined;
  readonly digest: string;
}

/** The server fails on a shorter PBKDF2 salt. */
export const MIN_SALT_BYTES = 8;

/**
 * No known tool writes longer PBKDF2 keys, and they never match here. HMAC-SHA-512 computes a key in blocks of 64 bytes,
 * each of which costs as much as a whole hash: a key of 786,000 bytes, which a line can contain, would take hours.
 */
export const MAX_KEY_BYTES = 64;

/** A bcrypt hash ends in a `$`, 22 characters of salt and 31 of key; the cost precedes them. */
const BCRYPT_TAIL = 54;
/** A bcrypt hash with the cost in two digits, as bcrypt writes it. */
export const TWO_DIGIT_COST = /^.{4}\d\d\$/;
/** The base64 of the salt of {SSHA256} precedes that of the digest. */
const SSHA256_SALT_CHARS = 12;

const schemes: ReadonlyMap<string | undefined, Exclude<StoredHash['scheme'], 'bcrypt'>> = new Map([
  ['PBKDF2_STRETCH', 'pbkdf2_stretch'],
  ['PBKDF2', 'pbkdf2'],
  ['SHA', 'sha1'],
  ['MD5', 'md5'],
  ['SSHA256', 'ssha256'],
]);

/**
 * Classifies the text after the colon of a line as the server does: by its prefix and its cost only.
 *
 * @returns undefined for plain text, which the server skips; for a hash that stops the server, as its cost is missing or
 *   not supported, the original's message
 */
export function classify(stored: string): StoredHash | string | undefined {
  if (/^\$2[aby]\$/.test(stored)) return classifyBcrypt(stored);
  const [prefix = '', name] = /^\{(\w+)\}/.exec(stored) ?? [];
  const scheme = schemes.get(name);
  if (scheme === undefined) return undefined;
  const rest = stored.slice(prefix.length);
  if (scheme === 'pbkdf2' || scheme === 'pbkdf2_stretch') return classifyPbkdf2(scheme, rest);
  const saltChars = scheme === 'ssha256' ? SSHA256_SALT_CHARS : 0;
  const salt = rest.length < saltChars ? undefined : decodeBase64(rest.slice(0, saltChars));
  return { scheme, salt, digest: rest.slice(saltChars) };
}

/** Like `classify`, but throws for a hash that stops the server. @throws MALFORMED_FILE */
export function readStoredHash(stored: string): StoredHash | undefined {
  const hash = classify(stored);
  if (typeof hash === 'string') throw new ServiceTokensError('MALFORMED_FILE', hash);
  return hash;
}

/**
 * Returns the beginning that decides the class of a stored hash: all that begin so are classified in the same way.
 *
 * @returns undefined for bcrypt, whose class depends on the length, too
 */
export function headerOf(stored: string): string | undefined {
  return /^\{(?:PBKDF2[^$]*\$|\w+\})/.exec(stored)?.[0];
}

function classifyBcrypt(stored: string): KeyHash | string {
  const cost = parseInt32(stored.slice(4, Math.max(4, stored.length - BCRYPT_TAIL)));
  if (cost === undefined) return 'The cost could not be determined from the provided bcrypt hash.';
  if (!bcryptCosts.includes(cost)) return `unknown hash function [bcrypt${cost}]`;
  return { scheme: 'bcrypt', cost, salt: stored.slice(7, 29), key: stored.slice(29) };
}

function classifyPbkdf2(scheme: 'pbkdf2' | 'pbkdf2_stretch', rest: string): KeyHash | string {
  const [, iterations = '', salt = '', key] = /^([^$]*)\$([^$]*)(?:\$(.*))?$/s.exec(rest) ?? [];
  const cost = parseInt32(iterations);
  if (cost === undefined)
    return 'The number of iterations could not be determined from the provided PBKDF2 hash.';
  if (!pbkdf2Costs.includes(cost)) return `unknown hash function [${scheme}_${cost}]`;
  return { scheme, cost, salt, key };
}
