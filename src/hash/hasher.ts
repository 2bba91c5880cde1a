import { createHash, pbkdf2 as pbkdf2Callback, randomBytes, timingSafeEqual } from 'node:crypto';
import { ServiceTokensError } from '../errors.js';
import { decodeBase64, encodable, utf8 } from '../java-text.js';
import { requireBytes, requireFunction, requireString } from '../require.js';
import { type Algorithm, requireAlgorithm } from './algorithm.js';
import { BCRYPT_SALT_BYTES, bcryptLike, bcryptSettings } from './bcrypt.js';
import {
  type BcryptHash,
  MAX_PBKDF2_ITERATIONS,
  MIN_SALT_BYTES,
  PBKDF2_BLOCK_BYTES,
  type Pbkdf2Hash,
  pbkdf2Iterations,
  pbkdf2KeyBytes,
  readStoredHash,
  type SaltedDigestHash,
  ssha256Salt,
} from './stored-hash.js';

/** Returns random bytes; a parameter for tests. */
export type RandomBytes = (size: number) => Uint8Array;

const SALT_BYTES = 32;
const KEY_BYTES = 32;
/** The bytes of a block that make whole groups of base64: their text does not depend on what follows. */
const WHOLE_BASE64_BYTES = PBKDF2_BLOCK_BYTES - (PBKDF2_BLOCK_BYTES % 3);

/**
 * Hashes a token's secret into the form that a tokens file holds.
 *
 * @param secret the secret, as text
 * @param algorithm scheme and cost
 * @param random gives the salt
 * @param hashLike where bcrypt is computed; in this thread by default
 * @returns `{PBKDF2}N$salt$key`, `{PBKDF2_STRETCH}N$salt$key` (HMAC-SHA-512, padded base64) or `$2a$NN$...`
 * @throws INVALID_ALGORITHM, or USAGE for arguments of the wrong kind; and what `random` throws
 *
 * @example await hashSecret(token.secret, parseAlgorithm('pbkdf2'))
 */
export async function hashSecret(
  secret: string,
  algorithm: Algorithm,
  random: RandomBytes = randomBytes,
  hashLike: BcryptLike = bcryptLike,
): Promise<string> {
  requireString(secret, 'secret');
  const { scheme, cost } = requireAlgorithm(algorithm);
  requireFunction(random, 'random');
  if (scheme === 'bcrypt') {
    return hashLike(encodable(secret), bcryptSettings(cost, saltOf(random, BCRYPT_SALT_BYTES)));
  }
  const salt = Buffer.from(saltOf(random, SALT_BYTES));
  const key = await pbkdf2(passwordOf(scheme, secret), salt, cost, KEY_BYTES);
  return `{${scheme.toUpperCase()}}${cost}$${salt.toString('base64')}$${key.toString('base64')}`;
}

/**
 * Verifies a secret against a stored hash. The time does not depend on where they differ.
 *
 * The result is the server's for every form that it accepts (fixtures/oracle/vectors.json). The server skips lines with
 * plain text, so nothing matches it.
 *
 * @param secret the secret, as text
 * @param stored the text after the colon of a line in a tokens file
 * @param hashLike computes bcrypt; in this thread by default, which blocks it for 100 ms at a time
 * @throws MALFORMED_FILE if the header stops the server; HASH_UNUSABLE if the server fails on the salt or key, or if
 *   the secret matches the first block of a key that needs more than MAX_PBKDF2_ITERATIONS; USAGE for arguments of the
 *   wrong type
 */
export async function verifySecret(
  secret: string,
  stored: string,
  hashLike: BcryptLike = bcryptLike,
): Promise<boolean> {
  requireString(secret, 'secret');
  requireString(stored, 'stored');
  const hash = readStoredHash(stored);
  switch (hash?.scheme) {
    case undefined:
      return false;
    case 'bcrypt':
      return verifyBcrypt(secret, stored, hash, hashLike);
    case 'pbkdf2':
    case 'pbkdf2_stretch':
      return verifyPbkdf2(passwordOf(hash.scheme, secret), hash);
    case 'sha1':
    case 'md5':
      return equal(createHash(hash.scheme).update(utf8(secret)).digest('base64'), hash.digest);
    case 'ssha256':
      return verifySaltedSha256(secret, hash);
  }
}

/** Hashes a secret with the cost and the salt of a stored bcrypt hash. */
export type BcryptLike = (secret: string, stored: string) => Promise<string>;

/** The key of a password, by HMAC-SHA-512. */
function pbkdf2(
  password: Buffer | string,
  salt: Uint8Array,
  iterations: number,
  keyBytes: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2Callback(password, salt, iterations, keyBytes, 'sha512', (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function saltOf(random: RandomBytes, length: number): Uint8Array {
  const salt = random(length);
  requireBytes(salt, 'the result of random', length);
  return salt;
}

/** STRETCH passes the lower-case hex of the secret's SHA-512 to PBKDF2, to meet FIPS's minimum of 112 bits. */
function passwordOf(scheme: 'pbkdf2' | 'pbkdf2_stretch', secret: string): Buffer | string {
  return scheme === 'pbkdf2' ? utf8(secret) : createHash('sha512').update(utf8(secret)).digest('hex');
}

async function verifyPbkdf2(password: Buffer | string, hash: Pbkdf2Hash): Promise<boolean> {
  const { cost, key: storedKey } = hash;
  if (storedKey === undefined) return false;
  const keyBytes = pbkdf2KeyBytes(storedKey);
  if (keyBytes === 0) throw unusable('PBKDF2 key length must be positive and multiple of [128 bits]');
  const salt = decodeBase64(hash.salt);
  if (salt === undefined) throw unusable('PBKDF2 salt is not base64');
  if (salt.length < MIN_SALT_BYTES) {
    throw unusable(`PBKDF2 salt must be at least [${MIN_SALT_BYTES} bytes] long`);
  }
  if (keyBytes > PBKDF2_BLOCK_BYTES) {
    // The first block of a longer key is the same as of a shorter one, so a wrong secret costs no more than elsewhere.
    const first = await pbkdf2(password, salt, cost, WHOLE_BASE64_BYTES);
    const text = first.toString('base64');
    if (!equal(text, storedKey.slice(0, text.length))) return false;
    if (pbkdf2Iterations(keyBytes, cost) > MAX_PBKDF2_ITERATIONS) {
      throw unusable(`PBKDF2 key needs more than [${MAX_PBKDF2_ITERATIONS}] iterations`);
    }
  }
  const key = await pbkdf2(password, salt, cost, keyBytes);
  return equal(key.toString('base64'), storedKey);
}

/**
 * The server computes all 60 characters and compares them, so a salt or cost in another notation never matches. If the
 * server's bcrypt fails (jBCrypt reads a salt in groups of four and does not check the fourth character of a group),
 * this fails, too.
 */
async function verifyBcrypt(
  secret: string,
  stored: string,
  hash: BcryptHash,
  hashLike: BcryptLike,
): Promise<boolean> {
  if ((stored[6] ?? '') > '$') throw unusable('Missing salt rounds');
  const salt = [...hash.salt];
  const isBad = (character: string) => !/[./A-Za-z0-9]/.test(character);
  if (salt.some((character, i) => isBad(character) && i % 4 !== 3)) throw unusable('Bad salt length');
  if (salt.some(isBad) || !hash.hasTwoDigitCost) return false;
  return equal(await hashLike(encodable(secret), stored), stored);
}

function verifySaltedSha256(secret: string, hash: SaltedDigestHash): boolean {
  const salt = ssha256Salt(hash.salt);
  if (salt === undefined) throw unusable('SSHA256 salt is not base64');
  const expected = createHash('sha256').update(utf8(secret)).update(salt).digest('base64');
  return equal(expected, hash.digest);
}

/** Only texts of equal length are compared in constant time: the length of a stored hash is not secret. */
function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function unusable(message: string): ServiceTokensError {
  return new ServiceTokensError('HASH_UNUSABLE', message);
}
