import { ServiceTokensError } from '../errors.js';
import { decodeBase64, parseInt32 } from '../java-text.js';
import { bcryptCosts, pbkdf2Costs } from './algorithm.js';

/** A stored hash as the server classifies it by its header, and its parts, as unchecked text. */
export type StoredHash = BcryptHash | Pbkdf2Hash | DigestHash | SaltedDigestHash;

export interface BcryptHash {
  readonly scheme: 'bcrypt';
  readonly cost: number;
  /** Whether the cost has two digits, as bcrypt writes it. */
  readonly hasTwoDigitCost: boolean;
  readonly salt: string;
  readonly key: string;
}

export interface Pbkdf2Hash {
  readonly scheme: 'pbkdf2' | 'pbkdf2_stretch';
  readonly cost: number;
  readonly salt: string;
  /** Undefined if there is no `$` after the salt. */
  readonly key: string | undefined;
}

export interface DigestHash {
  readonly scheme: 'sha1' | 'md5';
  readonly digest: string;
}

export interface SaltedDigestHash {
  readonly scheme: 'ssha256';
  readonly salt: string;
  readonly digest: string;
}

/** The server fails on a shorter PBKDF2 salt. */
export const MIN_SALT_BYTES = 8;

/** The base64 of the salt of {SSHA256} precedes that of the digest. */
const SSHA256_SALT_CHARS = 12;

/** @returns the bytes of an {SSHA256} salt; undefined if it is too short or not base64 */
export function ssha256Salt(salt: string): Buffer | undefined {
  return salt.length < SSHA256_SALT_CHARS ? undefined : decodeBase64(salt);
}

/**
 * No known tool writes longer PBKDF2 keys, and they never match here. HMAC-SHA-512 computes a key in blocks of 64 bytes,
 * each of which costs as much as a whole hash: a key of 786,000 bytes, which a line can contain, would take hours.
 */
export const MAX_KEY_BYTES = 64;

/** A bcrypt hash ends in a `$`, 22 characters of salt and 31 of key; the cost precedes them. */
const BCRYPT_TAIL = 54;

/** A hash that stops the server: its cost is missing, or not supported. */
export interface MalformedHash {
  readonly scheme: 'malformed';
  /** The original's message. */
  readonly reason: string;
}

/**
 * Classifies the text after the colon of a line as the server does: by its prefix and its cost only.
 *
 * @returns the classified hash; undefined for plain text, which the server skips
 *
 * @example classify('{PBKDF2}1000$c2FsdA$a2V5') // { scheme: 'pbkdf2', cost: 1000, salt: 'c2FsdA', key: 'a2V5' }
 */
export function classify(stored: string): StoredHash | MalformedHash | undefined {
  if (/^\$2[aby]\$/.test(stored)) return classifyBcrypt(stored);
  const [whole = '', prefix] = /^\{(PBKDF2_STRETCH|PBKDF2|SHA|MD5|SSHA256)\}/.exec(stored) ?? [];
  const rest = stored.slice(whole.length);
  switch (prefix) {
    case 'PBKDF2_STRETCH':
      return classifyPbkdf2('pbkdf2_stretch', rest);
    case 'PBKDF2':
      return classifyPbkdf2('pbkdf2', rest);
    case 'SHA':
      return { scheme: 'sha1', digest: rest };
    case 'MD5':
      return { scheme: 'md5', digest: rest };
    case 'SSHA256':
      return {
        scheme: 'ssha256',
        salt: rest.slice(0, SSHA256_SALT_CHARS),
        digest: rest.slice(SSHA256_SALT_CHARS),
      };
    default:
      return undefined;
  }
}

/**
 * Like `classify`, but throws for a hash that stops the server.
 *
 * @returns the classified hash; undefined for plain text
 * @throws MALFORMED_FILE for a cost that stops the server
 */
export function readStoredHash(stored: string): StoredHash | undefined {
  const hash = classify(stored);
  if (hash?.scheme === 'malformed') throw new ServiceTokensError('MALFORMED_FILE', hash.reason);
  return hash;
}

/**
 * Returns the part of a stored hash that decides its class: every text that begins with it is classified in the same
 * way.
 *
 * @returns undefined for bcrypt, whose class depends on the length, too
 */
export function headerOf({ scheme }: StoredHash, stored: string): string | undefined {
  if (scheme === 'bcrypt') return undefined;
  const last = scheme === 'pbkdf2' || scheme === 'pbkdf2_stretch' ? '$' : '}';
  return stored.slice(0, stored.indexOf(last) + 1);
}

function classifyBcrypt(stored: string): StoredHash | MalformedHash {
  const cost = parseInt32(stored.slice(4, Math.max(4, stored.length - BCRYPT_TAIL)));
  if (cost === undefined) {
    return malformed('The cost could not be determined from the provided bcrypt hash.');
  }
  if (!bcryptCosts.includes(cost)) return malformed(`unknown hash function [bcrypt${cost}]`);
  const hasTwoDigitCost = /^.{4}\d\d\$/.test(stored);
  return { scheme: 'bcrypt', cost, hasTwoDigitCost, salt: stored.slice(7, 29), key: stored.slice(29) };
}

function classifyPbkdf2(scheme: 'pbkdf2' | 'pbkdf2_stretch', rest: string): StoredHash | MalformedHash {
  const dollar = rest.indexOf('$');
  const cost = dollar < 0 ? undefined : parseInt32(rest.slice(0, dollar));
  if (cost === undefined) {
    return malformed('The number of iterations could not be determined from the provided PBKDF2 hash.');
  }
  if (!pbkdf2Costs.includes(cost)) return malformed(`unknown hash function [${scheme}_${cost}]`);
  const saltAndKey = rest.slice(dollar + 1);
  const end = saltAndKey.indexOf('$');
  return end < 0
    ? { scheme, cost, salt: saltAndKey, key: undefined }
    : { scheme, cost, salt: saltAndKey.slice(0, end), key: saltAndKey.slice(end + 1) };
}

function malformed(reason: string): MalformedHash {
  return { scheme: 'malformed', reason };
}
