/** Counts the turns of the event loop: what takes a turn each can't have been done in one. */
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

/** Works, and gives how often the event loop has turned meanwhile. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  const counter = new TurnCounter();
  try {
    await work();
    return counter.turns;
  } finally {
    counter.stop();
  }
}
