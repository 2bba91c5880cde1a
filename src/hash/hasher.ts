import { createHash, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ServiceTokensError } from '../errors.js';
import { decodeBase64, encodable, utf8 } from '../java-text.js';
import { requireBytes, requireFunction, requireString } from '../require.js';
import { type Algorithm, requireAlgorithm } from './algorithm.js';
import { BCRYPT_SALT_BYTES, bcryptLike, bcryptSettings } from './bcrypt.js';
import {
  type KeyHash,
  MAX_KEY_BYTES,
  MIN_SALT_BYTES,
  readStoredHash,
  TWO_DIGIT_COST,
} from './stored-hash.js';

/** Returns random bytes; a parameter for tests. */
export type RandomBytes = (size: number) => Uint8Array;

const SALT_BYTES = 32;
const KEY_BYTES = 32;

/**
 * Hashes a token's secret into the form that a tokens file holds. PBKDF2 is computed by libuv's pool, bcrypt by this
 * thread, which it blocks for up to 100 ms at a time.
 *
 * @param secret the secret, as text
 * @param algorithm scheme and cost
 * @param random gives the salt
 * @returns `{PBKDF2}N$salt$key`, `{PBKDF2_STRETCH}N$salt$key` (HMAC-SHA-512, padded base64) or `$2a$NN$...`
 * @throws INVALID_ALGORITHM, or USAGE for arguments of the wrong kind; and what `random` throws
 *
 * @example await hashSecret(token.secret, parseAlgorithm('pbkdf2'))
 */
export async function hashSecret(
  secret: string,
  algorithm: Algorithm,
  random: RandomBytes = randomBytes,
): Promise<string> {
  requireString(secret, 'secret');
  const { scheme, cost } = requireAlgorithm(algorithm);
  requireFunction(random, 'random');
  const saltBytes = scheme === 'bcrypt' ? BCRYPT_SALT_BYTES : SALT_BYTES;
  const bytes = random(saltBytes);
  requireBytes(bytes, 'the result of random', saltBytes);
  if (scheme === 'bcrypt') return bcryptLike(encodable(secret), bcryptSettings(cost, bytes));
  const salt = Buffer.from(bytes);
  const key = await promisify(pbkdf2)(passwordOf(scheme, secret), salt, cost, KEY_BYTES, 'sha512');
  return `{${scheme.toUpperCase()}}${cost}$${salt.toString('base64')}$${key.toString('base64')}`;
}

/**
 * Hashes many secrets: as many at a time as libuv's pool has threads, but with bcrypt one after the other.
 *
 * @param onProgress called after each hash with the number of hashes so far
 * @returns the stored hashes, in the order of the secrets
 */
export async function hashSecrets(
  secrets: readonly string[],
  algorithm: Algorithm,
  threads: number,
  onProgress: (done: number) => void = () => {},
): Promise<string[]> {
  const hashes: string[] = new Array(secrets.length);
  const waiting = secrets.entries();
  let done = 0;
  const work = async () => {
    for (const [index, secret] of waiting) {
      hashes[index] = await hashSecret(secret, algorithm);
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: algorithm.scheme === 'bcrypt' ? 1 : threads }, work));
  return hashes;
}

/**
 * Verifies a secret against a stored hash. The time does not depend on where they differ.
 *
 * The result is the server's for every form that it accepts (fixtures/oracle/vectors.json), except PBKDF2 keys that no
 * tool writes: see MAX_KEY_BYTES. The server skips lines with plain text, so nothing matches it.
 *
 * @param secret the secret, as text
 * @param stored the text after the colon of a line in a tokens file
 * @throws MALFORMED_FILE if the header stops the server; HASH_UNUSABLE if the server fails on the salt or key, or if a
 *   PBKDF2 key is longer than MAX_KEY_BYTES; USAGE for arguments of the wrong type
 */
export async function verifySecret(secret: string, stored: string): Promise<boolean> {
  requireString(secret, 'secret');
  requireString(stored, 'stored');
  const hash = readStoredHash(stored);
  if (hash === undefined) return false;
  if (hash.scheme === 'bcrypt') return verifyBcrypt(secret, stored, hash);
  if ('key' in hash) return verifyPbkdf2(secret, hash);
  const { scheme, salt, digest } = hash;
  if (salt === undefined) throw unusable('SSHA256 salt is not base64');
  const computed = createHash(scheme === 'ssha256' ? 'sha256' : scheme)
    .update(utf8(secret))
    .update(salt);
  return equal(computed.digest('base64'), digest);
}

/** STRETCH passes the lower-case hex of the secret's SHA-512 to PBKDF2, to meet FIPS's minimum of 112 bits. */
function passwordOf(scheme: Algorithm['scheme'], secret: string): Buffer | string {
  return scheme === 'pbkdf2' ? utf8(secret) : createHash('sha512').update(utf8(secret)).digest('hex');
}

async function verifyPbkdf2(secret: string, hash: KeyHash): Promise<boolean> {
  const { scheme, cost, key: storedKey } = hash;
  if (storedKey === undefined) return false;
  const keyBytes = Math.floor((storedKey.length * 3) / 64) * 16; // as the server derives it from the text
  if (keyBytes === 0) throw unusable('PBKDF2 key length must be positive and multiple of [128 bits]');
  if (keyBytes > MAX_KEY_BYTES) throw unusable(`PBKDF2 key must be at most [${MAX_KEY_BYTES} bytes] long`);
  const salt = decodeBase64(hash.salt);
  if (salt === undefined) throw unusable('PBKDF2 salt is not base64');
  if (salt.length < MIN_SALT_BYTES)
    throw unusable(`PBKDF2 salt must be at least [${MIN_SALT_BYTES} bytes] long`);
  const key = await promisify(pbkdf2)(passwordOf(scheme, secret), salt, cost, keyBytes, 'sha512');
  return equal(key.toString('base64'), storedKey);
}

/**
 * The server computes all 60 characters and compares them, so a salt or cost in another notation never matches. If the
 * server's bcrypt fails (jBCrypt reads a salt in groups of four and does not check the fourth character of a group),
 * this fails, too.
 */
async function verifyBcrypt(secret: string, stored: string, hash: KeyHash): Promise<boolean> {
  if ((stored[6] ?? '') > '$') throw unusable('Missing salt rounds');
  const salt = [...hash.salt];
  const isBad = (character: string) => !/[./A-Za-z0-9]/.test(character);
  if (salt.some((character, i) => isBad(character) && i % 4 !== 3)) throw unusable('Bad salt length');
  if (salt.some(isBad) || !TWO_DIGIT_COST.test(stored)) return false;
  return equal(await bcryptLike(encodable(secret), stored), stored);
}

/** Only texts of equal length are compared in constant time: the length of a stored hash is not secret. */
function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function unusable(message: string): ServiceTokensError {
  return new ServiceTokensError('HASH_UNUSABLE', message);
}
