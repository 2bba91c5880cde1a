import { ServiceTokensError } from '../errors.js';
import { parseInt32 } from '../java-text.js';
import { bcryptCosts, pbkdf2Costs } from './algorithm.js';

/** What the server takes a stored hash for; it looks at the header only. */
export type StoredHash =
  | { readonly scheme: 'bcrypt'; readonly cost: number }
  | { readonly scheme: 'pbkdf2' | 'pbkdf2_stretch'; readonly cost: number; readonly saltAndKey: string }
  | { readonly scheme: 'sha1' | 'md5' | 'ssha256'; readonly digest: string };

/** The server fails on a shorter PBKDF2 salt. */
export const MIN_SALT_BYTES = 8;

/** The base64 of {SSHA256}'s salt stands in front of that of its digest. */
export const SSHA256_SALT_CHARS = 12;

/** The server derives the length of a PBKDF2 key, in bytes, from that of its text, in steps of 128 bits. */
export function pbkdf2KeyBytes(key: string): number {
  return Math.floor((key.length * 3) / 64) * 16;
}

/** PBKDF2 with HMAC-SHA-512 makes a key in blocks of so many bytes, each by all its iterations. */
export const PBKDF2_BLOCK_BYTES = 64;

/**
 * As much work as the costliest hash that the server writes, in iterations. A line holds up to 786,000 bytes of key,
 * each block as costly as a whole hash: to compute all of it takes hours. No known writer makes keys of more than one
 * block, so a longer key is computed within this bound only.
 */
export const MAX_PBKDF2_ITERATIONS = 1_000_000;

/** How many iterations a key takes: those of each of its blocks. */
export function pbkdf2Iterations(keyBytes: number, cost: number): number {
  return Math.ceil(keyBytes / PBKDF2_BLOCK_BYTES) * cost;
}

/** A bcrypt hash ends in a `$`, 22 characters of salt and 31 of key; what stands before them is its cost. */
const BCRYPT_TAIL = 54;

/** A hash that stops the server: its cost is no number, or none that the server has. */
export interface MalformedHash {
  readonly scheme: 'malformed';
  /** In the original's words where they are its own. */
  readonly reason: string;
}

/**
 * Classifies the text behind a tokens file's colon as the server does: by its prefix and its cost, never by the rest.
 *
 * @returns what it is; undefined for plain text, which the server skips
 *
 * @example classify('{PBKDF2}1000$c2FsdA$a2V5') // { scheme: 'pbkdf2', cost: 1000, saltAndKey: 'c2FsdA$a2V5' }
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
      return { scheme: 'ssha256', digest: rest };
    default:
      return undefined;
  }
}

/**
 * Classifies a stored hash as `classify` does, for those who have no use for one that stops the server.
 *
 * @returns what it is; undefined for plain text
 * @throws MALFORMED_FILE for a cost that stops the server
 */
export function readStoredHash(stored: string): StoredHash | undefined {
  const hash = classify(stored);
  if (hash?.scheme === 'malformed') throw new ServiceTokensError('MALFORMED_FILE', hash.reason);
  return hash;
}

/**
 * Gives the part of a stored hash that decides what the server takes it for: whatever begins with it is classified
 * alike.
 *
 * @returns undefined for bcrypt, where the length of the whole counts too
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
  return bcryptCosts.includes(cost)
    ? { scheme: 'bcrypt', cost }
    : malformed(`unknown hash function [bcrypt${cost}]`);
}

function classifyPbkdf2(scheme: 'pbkdf2' | 'pbkdf2_stretch', rest: string): StoredHash | MalformedHash {
  const dollar = rest.indexOf('$');
  const cost = dollar < 0 ? undefined : parseInt32(rest.slice(0, dollar));
  if (cost === undefined) {
    return malformed('The number of iterations could not be determined from the provided PBKDF2 hash.');
  }
  return pbkdf2Costs.includes(cost)
    ? { scheme, cost, saltAndKey: rest.slice(dollar + 1) }
    : malformed(`unknown hash function [${scheme}_${cost}]`);
}

function malformed(reason: string): MalformedHash {
  return { scheme: 'malformed', reason };
}
