/** The worker thread of BcryptThread: for each secret and stored hash it returns the hash of the secret. */
import { parentPort } from 'node:worker_threads';
import { bcryptLike } from './bcrypt.js';

parentPort?.on('message', async ([secret, stored]: readonly [secret: string, stored: string]) => {
  parentPort?.postMessage(await bcryptLike(secret, stored));
});
