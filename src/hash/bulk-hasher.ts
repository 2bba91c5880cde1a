import { randomBytes } from 'node:crypto';
import type { Algorithm } from './algorithm.js';
import { BcryptThread } from './bcrypt-thread.js';
import { hashSecret } from './hasher.js';

/**
 * Hashes many secrets, as many at a time as there are threads.
 *
 * PBKDF2 is computed by libuv's pool, which must have that many threads; bcrypt by threads of its own.
 *
 * @param secrets the secrets, as text
 * @param threads how many hashes are computed at a time
 * @param onProgress is told after each hash how many there are
 * @returns the stored hashes, in the order of the secrets
 * @throws IO where a thread can't be started
 */
export async function hashSecrets(
  secrets: readonly string[],
  algorithm: Algorithm,
  threads: number,
  onProgress: (done: number) => void = () => {},
): Promise<string[]> {
  const hashes: string[] = new Array(secrets.length);
  const isBcrypt = algorithm.scheme === 'bcrypt';
  let [next, done] = [0, 0];
  const work = async () => {
    const thread = isBcrypt ? new BcryptThread() : undefined;
    try {
      while (next < secrets.length) {
        const index = next++;
        const hashLike = thread && ((secret: string, stored: string) => thread.hashLike(secret, stored));
        hashes[index] = await hashSecret(secrets[index] ?? '', algorithm, randomBytes, hashLike);
        onProgress(++done);
      }
    } finally {
      await thread?.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, secrets.length) }, work));
  return hashes;
}
