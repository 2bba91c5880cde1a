/** Counts the turns of the event loop, to show that work was split over several turns. */
export class TurnCounter {
  turns = 0;
  #next = setImmediate(() => this.#count());

  stop(): void {
    clearImmediate(this.#next);
  }

  #count(): void {
    this.turns++;
    this.#next = setImmediate(() => this.#count());
  }
}

/** Calls `work` and returns the number of turns of the event loop meanwhile. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  const counter = new TurnCounter();
  try {
    await work();
    return counter.turns;
  } finally {
    counter.stop();
  }
}
