import bcryptjs from 'bcryptjs';

/** The number of random bytes in a bcrypt salt. */
export const BCRYPT_SALT_BYTES = 16;

/**
 * Writes the beginning of a bcrypt hash: `$2a$`, the cost and the salt. The server writes `$2a$`; bcryptjs writes `$2b$`
 * by default. Only this file imports bcryptjs.
 *
 * @param cost the logarithm of the number of rounds, 4 to 14
 * @param salt 16 random bytes
 */
export function bcryptSettings(cost: number, salt: Uint8Array): string {
  const encoded = bcryptjs.encodeBase64([...salt], BCRYPT_SALT_BYTES);
  return `$2a$${String(cost).padStart(2, '0')}$${encoded}`;
}

/**
 * Hashes a secret with the cost and the salt of a stored hash; this is the one door to bcryptjs.
 *
 * @param secret UTF-8 text, of which bcrypt takes the first 72 bytes
 * @param stored begins `$2a$`, `$2b$` or `$2y$`, with a cost and a salt of the bcrypt alphabet: 29 characters, or more
 */
export function bcryptLike(secret: string, stored: string): Promise<string> {
  return bcryptjs.hash(secret, stored.slice(0, 29));
}
