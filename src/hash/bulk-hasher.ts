import type { Algorithm } from './algorithm.js';
import { hashSecret } from './hasher.js';

/**
 * Hashes many secrets. PBKDF2 is computed by libuv's pool, as many hashes at a time as it has threads; bcrypt by this
 * thread, one hash after the other.
 *
 * @param secrets the secrets, as text
 * @param threads the size of libuv's pool
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
