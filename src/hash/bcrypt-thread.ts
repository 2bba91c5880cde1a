import { Worker } from 'node:worker_threads';
import { ServiceTokensError } from '../errors.js';

/** A secret, the stored hash whose cost and salt are used, and the callbacks of the promise. */
interface Job {
  readonly question: readonly [secret: string, stored: string];
  readonly resolve: (hash: string) => void;
  readonly reject: (reason: ServiceTokensError) => void;
}

/**
 * Computes bcrypt in a worker thread, one hash at a time.
 *
 * bcryptjs blocks its thread for 100 ms at a time, too long for the main thread of a process that embeds a TokenStore.
 * The worker thread starts with the first hash, and keeps the process alive only while a hash is being computed.
 */
export class BcryptThread {
  #worker: Worker | undefined;
  /** The first one is being computed. */
  readonly #jobs: Job[] = [];

  /**
   * Hashes a secret with the cost and the salt of a stored hash, like bcryptLike of bcrypt.ts.
   *
   * @throws IO if the thread cannot be started, or has stopped
   */
  hashLike(secret: string, stored: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ question: [secret, stored], resolve, reject });
      if (this.#jobs.length === 1) this.#next();
    });
  }

  /** Stops the thread. A later hash starts another one. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #next(): void {
    const [job] = this.#jobs;
    if (job === undefined) {
      this.#worker?.unref();
      return;
    }
    try {
      this.#worker ??= this.#start();
      this.#worker.ref();
      this.#worker.postMessage(job.question);
    } catch (error) {
      this.#fail(error);
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL('./bcrypt-worker.js', import.meta.url));
    let failure: unknown;
    worker.on('message', (hash: string) => {
      this.#jobs.shift()?.resolve(hash);
      this.#next();
    });
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => {
      this.#worker = undefined;
      this.#fail(failure);
    });
    return worker;
  }

  #fail(cause: unknown): void {
    const reason = new ServiceTokensError('IO', 'the bcrypt worker thread stopped', { cause });
    for (const { reject } of this.#jobs.splice(0)) reject(reason);
  }
}
