/** The one door to bcryptjs. */
import bcryptjs from 'bcryptjs';

/** The number of random bytes in a bcrypt salt. */
export const BCRYPT_SALT_BYTES = 16;

/** Writes `$2a$`, the cost and the salt, with which a hash begins. The server writes `$2a$`, bcryptjs by default `$2b$`. */
export function bcryptSettings(cost: number, salt: Uint8Array): string {
  const encoded = bcryptjs.encodeBase64([...salt], BCRYPT_SALT_BYTES);
  return `$2a$${String(cost).padStart(2, '0')}$${encoded}`;
}

/**
 * Hashes the first 72 bytes of a secret in UTF-8 with the settings with which a stored hash begins: `$2a$`, `$2b$` or
 * `$2y$`, a cost and a salt of the bcrypt alphabet, 29 characters.
 */
export function bcryptLike(secret: string, stored: string): Promise<string> {
  return bcryptjs.hash(secret, stored.slice(0, 29));
}
