import { decodeBase64 } from '../java-text.js';
import { type KeyHash, MIN_SALT_BYTES, readStoredHash, TWO_DIGIT_COST } from './stored-hash.js';

/** 16 bytes are 21 characters and 2 bits, 23 bytes are 30 characters and 4 bits; the other bits of the last are 0. */
const BCRYPT_SALT = /^[./A-Za-z0-9]{21}[.Oeu]$/;
const BCRYPT_KEY = /^[./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/;
/** In steps of 128 bits, up to MAX_KEY_BYTES; every tool writes 32 bytes. */
const KEY_LENGTHS = [16, 32, 48, 64];
const DIGEST_LENGTHS = { sha1: 20, md5: 16, ssha256: 32 };

/**
 * Explains why no secret can match a stored hash. The server compares text: it computes a hash with the stored salt and
 * cost, formats it, and compares the result with the stored text. So no secret matches a text in another format, or
 * with a salt that the server cannot use. hasher.ts applies the same rules.
 *
 * @param stored a hash whose header the server accepts
 * @returns the reason, without any part of the hash; undefined if a secret may match
 * @throws MALFORMED_FILE if the header stops the server
 */
export function hashProblem(stored: string): string | undefined {
  const hash = readStoredHash(stored);
  if (hash === undefined) return 'it is plain text';
  if (hash.scheme === 'bcrypt') return bcryptProblem(stored, hash);
  if ('key' in hash) return pbkdf2Problem(hash);
  if (hash.salt === undefined) return 'its salt is not base64';
  const bytes = DIGEST_LENGTHS[hash.scheme];
  return isCanonicalBase64(hash.digest, bytes) ? undefined : `it is not the base64 of ${bytes} bytes`;
}

/**
 * The kind of a stored hash, as in `is stored as ...`, if it is weak: a secret that a person chose can be guessed from it.
 *
 * @throws MALFORMED_FILE if the header stops the server
 */
export function hashWeakness(stored: string): string | undefined {
  const hash = readStoredHash(stored);
  if (hash?.scheme === 'sha1') return '{SHA}, without salt or iterations';
  if (hash?.scheme === 'md5') return '{MD5}, without salt or iterations';
  const isFast = hash !== undefined && 'cost' in hash && hash.cost === 1_000; // of PBKDF2: bcrypt has no such cost
  return isFast ? `${hash.scheme.toUpperCase()} with only 1000 iterations` : undefined;
}

function bcryptProblem(stored: string, { salt, key = '' }: KeyHash): string | undefined {
  if (!TWO_DIGIT_COST.test(stored)) return 'its cost is not written with two digits';
  if (!BCRYPT_SALT.test(salt)) return 'its salt is not in the form that bcrypt writes';
  return BCRYPT_KEY.test(key) ? undefined : 'its key is not in the form that bcrypt writes';
}

function pbkdf2Problem({ salt: saltText, key: keyText }: KeyHash): string | undefined {
  if (keyText === undefined) return 'it has no $ between salt and key';
  const key = decodeBase64(keyText);
  if (key === undefined) return 'its key is not base64';
  if (!KEY_LENGTHS.includes(key.length))
    return `its key has ${key.length} bytes; 32 are wanted, or 16, 48 or 64`;
  const salt = decodeBase64(saltText);
  if (salt === undefined) return 'its salt is not base64';
  if (salt.length < MIN_SALT_BYTES) return `its salt is shorter than ${MIN_SALT_BYTES} bytes`;
  const isCanonical = isCanonicalBase64(keyText, key.length);
  return isCanonical ? undefined : `its key is not the base64 of ${key.length} bytes`;
}

/** Whether a text is the canonical base64 of this number of bytes: padded, and without unused bits that are set. */
function isCanonicalBase64(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, 'base64');
  return decoded.length === bytes && decoded.toString('base64') === text;
}
