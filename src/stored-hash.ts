import { bcryptCosts, pbkdf2Costs } from './algorithm.js';
import { ServiceTokensError } from './errors.js';
import { parseInt32 } from './java-text.js';

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

/** A bcrypt hash ends in a `$`, 22 characters of salt and 31 of key; what stands before them is its cost. */
const BCRYPT_TAIL = 54;

/**
 * Classifies the text behind a tokens file's colon as the server does (oracle/BEHAVIOUR.md, section 6): by its prefix
 * and its cost, never by the rest.
 *
 * @returns what it is; undefined for plain text, which the server skips
 * @throws MALFORMED_FILE for a cost that stops the server, in the original's words where they are its own
 *
 * @example readStoredHash('{PBKDF2}1000$c2FsdA$a2V5') // { scheme: 'pbkdf2', cost: 1000, saltAndKey: 'c2FsdA$a2V5' }
 */
export function readStoredHash(stored: string): StoredHash | undefined {
  if (/^\$2[aby]\$/.test(stored)) return readBcrypt(stored);
  const [, prefix, rest = ''] = /^\{(PBKDF2_STRETCH|PBKDF2|SHA|MD5|SSHA256)\}(.*)$/s.exec(stored) ?? [];
  switch (prefix) {
    case 'PBKDF2_STRETCH':
      return readPbkdf2('pbkdf2_stretch', rest);
    case 'PBKDF2':
      return readPbkdf2('pbkdf2', rest);
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

function readBcrypt(stored: string): StoredHash {
  const cost = parseInt32(stored.slice(4, Math.max(4, stored.length - BCRYPT_TAIL)));
  if (cost === undefined) {
    throw malformed('The cost could not be determined from the provided bcrypt hash.');
  }
  if (!bcryptCosts.includes(cost)) throw malformed(`unknown hash function [bcrypt${cost}]`);
  return { scheme: 'bcrypt', cost };
}

function readPbkdf2(scheme: 'pbkdf2' | 'pbkdf2_stretch', rest: string): StoredHash {
  const dollar = rest.indexOf('$');
  const cost = dollar < 0 ? undefined : parseInt32(rest.slice(0, dollar));
  if (cost === undefined) {
    throw malformed('The number of iterations could not be determined from the provided PBKDF2 hash.');
  }
  if (!pbkdf2Costs.includes(cost)) throw malformed(`unknown hash function [${scheme}_${cost}]`);
  return { scheme, cost, saltAndKey: rest.slice(dollar + 1) };
}

function malformed(message: string): ServiceTokensError {
  return new ServiceTokensError('MALFORMED_FILE', message);
}
