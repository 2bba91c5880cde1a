import { Worker } from 'node:worker_threads';
import { ServiceTokensError } from '../errors.js';

/** A secret, and the stored hash whose cost and salt it is hashed with; and where the answer goes. */
interface Job {
  readonly question: readonly [secret: string, stored: string];
  readonly resolve: (hash: string) => void;
  readonly reject: (reason: ServiceTokensError) => void;
}

/**
 * Computes bcrypt in a worker thread, one hash after the other.
 *
 * bcryptjs computes 100 ms at a time, and a process that embeds a TokenStore has other things to do. The thread starts
 * with the first hash, and keeps the process alive only while a hash is under way.
 */
export class BcryptThread {
  #worker: Worker | undefined;
  /** The first is under way. */
  readonly #jobs: Job[] = [];

  /**
   * Hashes a secret with the cost and the salt of a stored hash, as bcryptLike of bcrypt.ts does.
   *
   * @throws IO where the thread can't be started, or ended
   */
  hashLike(secret: string, stored: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ question: [secret, stored], resolve, reject });
      if (this.#jobs.length === 1) this.#next();
    });
  }

  /** Ends the thread. A hash that is asked for afterwards starts another. */
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
