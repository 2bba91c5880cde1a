import { ServiceTokensError } from '../errors.js';

interface Job {
  readonly start: () => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * Runs work a few at a time, and takes turns between those who ask for it.
 *
 * Work waits in lanes. When a place comes free, the next lane gives its first work and goes to the end of the line, so
 * that a lane with a thousand waiting delays another one by a single turn. A lane holds so many waiting and no more:
 * over that one of them, picked at random, is refused, so that memory is bounded and none can be pushed out for sure.
 */
export class FairQueue {
  readonly #width: number;
  readonly #laneLimit: number;
  readonly #lanes = new Map<string, Job[]>();
  #running = 0;

  /**
   * @param width how much work runs at once
   * @param laneLimit how much may wait in one lane
   */
  constructor(width: number, laneLimit: number) {
    this.#width = width;
    this.#laneLimit = laneLimit;
  }

  /**
   * Does some work when it is its turn.
   *
   * @returns what the work returns
   * @throws BUSY when too much waits in the lane; and what the work throws
   */
  async run<T>(lane: string, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running++;
    else await this.#turnIn(lane); // the place of the one that ended is handed on
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
    if (waiting.length > 0) this.#lanes.set(lane, waiting); // at the end of the line
    job?.start();
  }
}
