import { decodeBase64 } from '../java-text.js';
import {
  type BcryptHash,
  MAX_PBKDF2_ITERATIONS,
  MIN_SALT_BYTES,
  type Pbkdf2Hash,
  pbkdf2Iterations,
  pbkdf2KeyBytes,
  readStoredHash,
  type SaltedDigestHash,
  ssha256Salt,
} from './stored-hash.js';

/**
 * Explains why no secret can match a stored hash. The server compares text: it computes a hash with the stored salt and
 * cost, formats it, and compares the result with the stored text. So no secret matches a text in another format, or
 * with a salt that the server cannot use. hasher.ts applies the same rules.
 *
 * @param stored a hash whose header the server accepts
 * @returns the reason, without any part of the hash; undefined if a secret may match
 * @throws MALFORMED_FILE if the header stops the server
 *
 * @example hashDefect('{PBKDF2}1000$c2FsdA==$a2V5') // 'its key is shorter than 16 bytes'
 */
export function hashDefect(stored: string): string | undefined {
  const hash = readStoredHash(stored);
  switch (hash?.scheme) {
    case undefined:
      return 'it is plain text';
    case 'bcrypt':
      return bcryptDefect(hash);
    case 'pbkdf2':
    case 'pbkdf2_stretch':
      return pbkdf2Defect(hash);
    case 'sha1':
      return digestDefect(hash.digest, 20);
    case 'md5':
      return digestDefect(hash.digest, 16);
    case 'ssha256':
      return saltedDigestDefect(hash);
  }
}

/**
 * Explains why a stored hash is weak: a secret that a person chose can be guessed from it.
 *
 * @returns the kind of hash, as in `is stored as ...`; undefined if it is not weak
 * @throws MALFORMED_FILE if the header stops the server
 */
export function hashWeakness(stored: string): string | undefined {
  const hash = readStoredHash(stored);
  switch (hash?.scheme) {
    case 'sha1':
      return '{SHA}, without salt or iterations';
    case 'md5':
      return '{MD5}, without salt or iterations';
    case 'pbkdf2':
    case 'pbkdf2_stretch':
      return hash.cost === 1_000 ? `${hash.scheme.toUpperCase()} with only 1000 iterations` : undefined;
    default:
      return undefined;
  }
}

/** 16 bytes are 21 characters and 2 bits, 23 bytes are 30 characters and 4 bits; the other bits of the last are 0. */
const BCRYPT_SALT = /^[./A-Za-z0-9]{21}[.Oeu]$/;
const BCRYPT_KEY = /^[./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/;

function bcryptDefect({ hasTwoDigitCost, salt, key }: BcryptHash): string | undefined {
  if (!hasTwoDigitCost) return 'its cost is not written with two digits';
  if (!BCRYPT_SALT.test(salt)) return 'its salt is not in the form that bcrypt writes';
  return BCRYPT_KEY.test(key) ? undefined : 'its key is not in the form that bcrypt writes';
}

function pbkdf2Defect({ cost, salt: saltText, key }: Pbkdf2Hash): string | undefined {
  if (key === undefined) return 'it has no $ between salt and key';
  const keyBytes = pbkdf2KeyBytes(key);
  if (keyBytes === 0) return 'its key is shorter than 16 bytes';
  const salt = decodeBase64(saltText);
  if (salt === undefined) return 'its salt is not base64';
  if (salt.length < MIN_SALT_BYTES) return `its salt is shorter than ${MIN_SALT_BYTES} bytes`;
  if (!isCanonicalBase64(key, keyBytes)) return `its key is not the base64 of ${keyBytes} bytes`;
  return pbkdf2Iterations(keyBytes, cost) > MAX_PBKDF2_ITERATIONS
    ? `its key of ${keyBytes} bytes needs more than ${MAX_PBKDF2_ITERATIONS} iterations`
    : undefined;
}

function digestDefect(digest: string, bytes: number): string | undefined {
  return isCanonicalBase64(digest, bytes) ? undefined : `it is not the base64 of ${bytes} bytes`;
}

function saltedDigestDefect({ salt, digest }: SaltedDigestHash): string | undefined {
  return ssha256Salt(salt) !== undefined ? digestDefect(digest, 32) : 'its salt is not base64';
}

/** Whether a text is the canonical base64 of this number of bytes: padded, and without unused bits that are set. */
function isCanonicalBase64(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, 'base64');
  return decoded.length === bytes && decoded.toString('base64') === text;
}
