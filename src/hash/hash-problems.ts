import { decodeBase64 } from '../java-text.js';
import {
  type BcryptHash,
  MIN_SALT_BYTES,
  type Pbkdf2Hash,
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
 * @example hashProblem('{PBKDF2}1000$c2FsdA==$a2V5') // 'its key has 3 bytes; 32 are wanted, or 16, 48 or 64'
 */
export function hashProblem(stored: string): string | undefined {
  const hash = readStoredHash(stored);
  switch (hash?.scheme) {
    case undefined:
      return 'it is plain text';
    case 'bcrypt':
      return bcryptProblem(hash);
    case 'pbkdf2':
    case 'pbkdf2_stretch':
      return pbkdf2Problem(hash);
    case 'sha1':
      return digestProblem(hash.digest, 20);
    case 'md5':
      return digestProblem(hash.digest, 16);
    case 'ssha256':
      return saltedDigestProblem(hash);
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

function bcryptProblem({ hasTwoDigitCost, salt, key }: BcryptHash): string | undefined {
  if (!hasTwoDigitCost) return 'its cost is not written with two digits';
  if (!BCRYPT_SALT.test(salt)) return 'its salt is not in the form that bcrypt writes';
  return BCRYPT_KEY.test(key) ? undefined : 'its key is not in the form that bcrypt writes';
}

/** In steps of 128 bits, up to MAX_KEY_BYTES; every tool writes 32 bytes. */
const KEY_LENGTHS = [16, 32, 48, 64];

function pbkdf2Problem({ salt: saltText, key: keyText }: Pbkdf2Hash): string | undefined {
  if (keyText === undefined) return 'it has no $ between salt and key';
  const key = decodeBase64(keyText);
  if (key === undefined) return 'its key is not base64';
  if (!KEY_LENGTHS.includes(key.length))
    return `its key has ${key.length} bytes; 32 are wanted, or 16, 48 or 64`;
  const salt = decodeBase64(saltText);
  if (salt === undefined) return 'its salt is not base64';
  if (salt.length < MIN_SALT_BYTES) return `its salt is shorter than ${MIN_SALT_BYTES} bytes`;
  return isCanonicalBase64(keyText, key.length)
    ? undefined
    : `its key is not the base64 of ${key.length} bytes`;
}

function digestProblem(digest: string, bytes: number): string | undefined {
  return isCanonicalBase64(digest, bytes) ? undefined : `it is not the base64 of ${bytes} bytes`;
}

function saltedDigestProblem({ salt, digest }: SaltedDigestHash): string | undefined {
  return ssha256Salt(salt) !== undefined ? digestProblem(digest, 32) : 'its salt is not base64';
}

/** Whether a text is the canonical base64 of this number of bytes: padded, and without unused bits that are set. */
function isCanonicalBase64(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, 'base64');
  return decoded.length === bytes && decoded.toString('base64') === text;
}
