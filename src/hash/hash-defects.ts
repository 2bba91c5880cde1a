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
 * Says why no secret can ever match a stored hash. The server compares text: it computes a hash with the stored salt
 * and cost, writes it down its own way, and wants that very text. So a stored text that it would
 * never write, or a salt that it can't use, makes a dead token. hasher.ts is the same rules at work.
 *
 * @param stored a hash whose header the server reads
 * @returns the reason, with nothing of the hash in it; undefined when a secret may match
 * @throws MALFORMED_FILE where the header stops the server
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
 * Says what makes a stored hash weak: somebody who reads the file finds a secret that people chose.
 *
 * @returns what it is, as in `is stored as ...`; undefined when there is nothing to say against it
 * @throws MALFORMED_FILE where the header stops the server
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

/** 16 bytes are 21 characters and two bits, 23 bytes are 30 and four: a last character with more in it is never written. */
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

/** Whether a text is just what base64 writes for some bytes of this number: padded, with no unused bit set. */
function isCanonicalBase64(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, 'base64');
  return decoded.length === bytes && decoded.toString('base64') === text;
}
