import bcryptjs from 'bcryptjs';

/** The number of random bytes in a bcrypt salt. */
export const BCRYPT_SALT_BYTES = 16;

/**
 * Hashes a secret with bcrypt. Only this file imports bcryptjs.
 *
 * @param secret UTF-8 text, of which bcrypt takes the first 72 bytes
 * @param cost the logarithm of the number of rounds, 4 to 14
 * @param salt 16 random bytes
 * @returns `$2a$`, cost, salt and key. The server's own bcrypt writes `$2a$`; bcryptjs by itself writes `$2b$`.
 */
export function bcrypt(secret: string, cost: number, salt: Uint8Array): Promise<string> {
  const encoded = bcryptjs.encodeBase64([...salt], BCRYPT_SALT_BYTES);
  return bcryptjs.hash(secret, `$2a$${String(cost).padStart(2, '0')}$${encoded}`);
}

/**
 * Hashes a secret with the cost and the salt of a stored hash.
 *
 * @param stored 60 characters that begin `$2a$`, `$2b$` or `$2y$`, with a salt of the bcrypt alphabet
 */
export function bcryptLike(secret: string, stored: string): Promise<string> {
  return bcryptjs.hash(secret, stored.slice(0, 29));
}
