import { ServiceTokensError } from '../errors.js';

interface Job {
  readonly start: () => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * Runs a bounded number of jobs at a time, and serves lanes in turn.
 *
 * Jobs wait in lanes. When a job ends, the first job of the next lane starts, and that lane goes to the end of the
 * queue. So a lane with a thousand jobs delays another lane by one job only. If a lane exceeds its limit, one of its
 * jobs, chosen at random, is refused: this bounds memory, and no caller can displace a certain other job.
 */
export class FairQueue {
  readonly #width: number;
  readonly #laneLimit: number;
  readonly #lanes = new Map<string, Job[]>();
  #running = 0;

  /**
   * @param width how many jobs run at a time
   * @param laneLimit how many jobs may wait in one lane
   */
  constructor(width: number, laneLimit: number) {
    this.#width = width;
    this.#laneLimit = laneLimit;
  }

  /**
   * Runs a job when it is its turn.
   *
   * @returns what the job returns
   * @throws BUSY if too many jobs wait in the lane; and what the job throws
   */
  async run<T>(lane: string, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running++;
    else await this.#turnIn(lane); // the job that ends passes its slot on
    try {
      return await work();
    } finally {
      this.#handOn();
    }
  }

  #turnIn(lane: string): Promise<void> {
    return new Promise((start, refuse) => {
      const waiting = this.#lanes.get(lane) ?? [];
      waiting.push({ start, refuse });
      this.#lanes.set(lane, waiting);
      if (waiting.length <= this.#laneLimit) return;
      const [unlucky] = waiting.splice(Math.floor(Math.random() * waiting.length), 1);
      unlucky?.refuse(
        new ServiceTokensError('BUSY', `more than ${this.#laneLimit} requests are waiting for [${lane}]`),
      );
    });
  }

  #handOn(): void {
    const next = this.#lanes.entries().next();
    if (next.done) {
      this.#running--;
      return;
    }
    const [lane, waiting] = next.value;
    const job = waiting.shift();
    this.#lanes.delete(lane);
    if (waiting.length > 0) this.#lanes.set(lane, waiting); // at the end of the queue
    job?.start();
  }
}
