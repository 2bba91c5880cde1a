/** The thread of BcryptThread: it answers each secret and stored hash with the hash of that secret. */
import { parentPort } from 'node:worker_threads';
import { bcryptLike } from './bcrypt.js';

parentPort?.on('message', async ([secret, stored]: readonly [secret: string, stored: string]) => {
  parentPort?.postMessage(await bcryptLike(secret, stored));
});
